"""SmokeTest in a template: when it runs, what it waits for, what its function may do; and what is refused."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

from constructs_lib import (
    AsyncEndpoint,
    Container,
    ContainerImage,
    EndpointBase,
    InferencePipeline,
    MultiModelEndpoint,
    RealtimeEndpoint,
    ServerlessEndpoint,
    SmokeExpectation,
    SmokeRequest,
    SmokeTest,
)
from tests.support.components import a_component, a_fleet
from tests.support.refusals import Refusal, as_parameters, refused
from tests.support.rights import rights
from tests.support.synth import (
    IMAGE_URI,
    Template,
    a_model,
    an_endpoint,
    flat,
    fresh_app,
    properties,
    resource,
    resources,
    some_data,
    synthesized,
)

TEST = "Custom::SmokeTest"
CSV = SmokeRequest(body="1,2", content_type="text/csv")
seconds = cdk.Duration.seconds


def smoke(stack: cdk.Stack, endpoint: EndpointBase, id: str = "SmokeTest", **props: Any) -> SmokeTest:
    return SmokeTest(stack, id, **{"endpoint": endpoint, "request": CSV, **props})


def depends_on(template: Template) -> set[str]:
    return {template["Resources"][id]["Type"] for id in resource(template, TEST)["DependsOn"]}


# --- when it runs ------------------------------------------------------------------------------------------


def test_it_is_told_all_that_matters_so_that_a_change_of_any_runs_it_again(stack: cdk.Stack) -> None:
    expect = SmokeExpectation(json={"$.n": 1, "$.ok": True}, max_latency=cdk.Duration.millis(500))
    smoke(stack, an_endpoint(stack), expect=expect, patience=seconds(90))
    template = synthesized(stack)
    told = properties(template, TEST)
    (config,) = resources(template, "AWS::SageMaker::EndpointConfig")
    assert flat(told.pop("ServiceToken")).startswith("<ConstructsLibSmokeTestsFunction")
    assert flat(told.pop("ConfigName")) == f"<{config}.EndpointConfigName>"
    assert json.loads(told.pop("Expected")) == {
        "Status": 200,
        "Json": {"$.n": 1, "$.ok": True},
        "Tolerance": 1e-6,
        "MaxLatencySeconds": 0.5,
    }
    assert told == {
        "EndpointName": "test-endpoint",
        "Request": {"Body": "1,2", "Headers": {"ContentType": "text/csv"}},
        "PatienceSeconds": "90",
        "ServiceTimeout": "210",
    }


def test_it_waits_for_the_endpoint_and_for_what_its_function_may_do(stack: cdk.Stack) -> None:
    smoke(stack, an_endpoint(stack))
    template = synthesized(stack)
    assert depends_on(template) >= {"AWS::SageMaker::Endpoint", "Custom::EndpointSettle", "AWS::IAM::Policy"}


def test_it_may_stand_in_the_endpoint_it_tests(stack: cdk.Stack) -> None:
    endpoint = an_endpoint(stack)
    SmokeTest(endpoint, "SmokeTest", endpoint=endpoint, request=CSV)
    assert "AWS::SageMaker::Endpoint" in depends_on(synthesized(stack)), "and no cycle"


def test_without_the_guard_it_waits_for_the_endpoint_alone(stack: cdk.Stack) -> None:
    smoke(stack, an_endpoint(stack, check_deployments=False))
    assert "AWS::SageMaker::Endpoint" in depends_on(synthesized(stack))


def test_an_imported_endpoint_is_tested_by_its_name(stack: cdk.Stack) -> None:
    smoke(stack, RealtimeEndpoint.from_endpoint_name(stack, "Imported", "fraud"))
    template = synthesized(stack)
    told = properties(template, TEST)
    assert told["EndpointName"] == "fraud"
    assert "ConfigName" not in told
    assert allowed(template) == {"sagemaker:InvokeEndpoint endpoint/fraud"}


# --- what its function may do ------------------------------------------------------------------------------


def allowed(template: Template) -> set[str]:
    """Beside its logs and the look at its own stack."""
    found = {
        f"{action} {on.rpartition(':')[2]}" for action, on in rights(template, "ConstructsLibSmokeTests")
    }
    own = {each for each in found if each.startswith(("logs:", "cloudformation:"))}
    assert own == {
        "logs:CreateLogStream <logs>",
        "logs:PutLogEvents <logs>",
        "cloudformation:DescribeStacks StackId>",
    }
    return found - own


@pytest.mark.parametrize("kind", ["realtime", "serverless"])
def test_it_may_call_the_one_endpoint(stack: cdk.Stack, kind: str) -> None:
    endpoint: EndpointBase = (
        an_endpoint(stack)
        if kind == "realtime"
        else ServerlessEndpoint(
            stack, "Endpoint", model=a_model(stack), memory=cdk.Size.gibibytes(2), max_concurrency=1
        )
    )
    smoke(stack, endpoint)
    assert allowed(synthesized(stack)) == {"sagemaker:InvokeEndpoint endpoint/test-endpoint"}


def test_of_an_asynchronous_endpoint_it_writes_requests_and_reads_answers(stack: cdk.Stack) -> None:
    endpoint = AsyncEndpoint(stack, "Endpoint", model=a_model(stack), instance_type="ml.m5.large")
    smoke(stack, endpoint)
    template = synthesized(stack)
    told = properties(template, TEST)
    assert told["Async"]["Prefix"] == "async-input"
    assert (told["PatienceSeconds"], told["ServiceTimeout"]) == ("780", "900"), "it may be asleep"
    actions = {each.split(" ")[0] for each in allowed(template)}
    assert {"sagemaker:InvokeEndpointAsync", "s3:PutObject", "s3:GetObject"} <= actions
    assert "sagemaker:InvokeEndpoint" not in actions


def test_of_a_multi_model_endpoint_it_may_call_the_one_model_once_that_lies_there(stack: cdk.Stack) -> None:
    endpoint = MultiModelEndpoint(
        stack,
        "Endpoint",
        container=Container(image=ContainerImage.from_uri(IMAGE_URI)),
        instance_type="ml.m5.large",
    )
    churn = endpoint.add_model("churn", some_data(stack))
    endpoint.add_model("other", some_data(stack, "other/1.0.0/model.tar.gz"))
    smoke(
        stack,
        endpoint,
        request=SmokeRequest(body="1", content_type="text/csv", target_model=churn.target_model),
    )
    template = synthesized(stack)
    assert properties(template, TEST)["Request"]["Headers"]["TargetModel"] == churn.target_model
    (statement,) = (
        each
        for policy in resources(template, "AWS::IAM::Policy").values()
        for each in policy["Properties"]["PolicyDocument"]["Statement"]
        if each["Action"] == "sagemaker:InvokeEndpoint"
    )
    assert statement["Condition"] == {"StringLike": {"sagemaker:TargetModel": [churn.target_model]}}
    placed = [id for id in resource(template, TEST)["DependsOn"] if "churn" in id]
    assert placed
    assert not [id for id in resource(template, TEST)["DependsOn"] if "other" in id]


def test_a_component_is_tested_when_it_serves_another_model(stack: cdk.Stack) -> None:
    fleet = a_fleet(stack)
    component = a_component(fleet, "Wine")
    smoke(stack, fleet, request=SmokeRequest(body="1", content_type="text/csv", component=component))
    template = synthesized(stack)
    told = properties(template, TEST)
    assert told["Request"]["Headers"]["InferenceComponentName"] == component.component_name
    specification = properties(template, "AWS::SageMaker::InferenceComponent")["Specification"]
    assert told["ComponentModel"] == specification["ModelName"]
    assert "AWS::SageMaker::InferenceComponent" in depends_on(template)


def test_one_function_serves_all_tests_of_a_stack(stack: cdk.Stack) -> None:
    for id in ("One", "Two"):
        smoke(stack, an_endpoint(stack, id, check_deployments=False), f"Test{id}")
    template = synthesized(stack)
    assert len(resources(template, TEST)) == 2
    function = properties(template, "AWS::Lambda::Function")
    assert function["Handler"] == "constructs_lib.delivery.runtime.smoke.handle"
    assert function["Timeout"] == 900
    assert allowed(template) == {
        "sagemaker:InvokeEndpoint endpoint/test-one",
        "sagemaker:InvokeEndpoint endpoint/test-two",
    }


# --- bodies ------------------------------------------------------------------------------------------------


def test_a_file_is_sent_byte_for_byte(tmp_path: Path) -> None:
    text, image = tmp_path / "rows.csv", tmp_path / "image.png"
    text.write_bytes("1,2\r\nü".encode())
    image.write_bytes(b"\x89PNG\xff")
    assert SmokeRequest.from_file(text, content_type="text/csv").told()["Body"] == "1,2\r\nü"
    sent = str(SmokeRequest.from_file(str(image), content_type="image/png").told()["BodyBase64"])
    assert base64.b64decode(sent) == b"\x89PNG\xff"


# --- what is refused ---------------------------------------------------------------------------------------

ids = count()


def request(**props: Any) -> Callable[[], object]:
    return lambda: SmokeRequest(**{"body": "1", "content_type": "text/csv", **props})


def expect(**props: Any) -> Callable[[], object]:
    return lambda: SmokeExpectation(**props)


def trying(make: Callable[[cdk.Stack], EndpointBase], **props: Any) -> Callable[[], object]:
    def attempt() -> object:
        stack = cdk.Stack(fresh_app(), f"Refused{next(ids)}")
        return smoke(stack, make(stack), **props)

    return attempt


def asynchronous(stack: cdk.Stack) -> EndpointBase:
    return AsyncEndpoint(stack, "Endpoint", model=a_model(stack), instance_type="ml.m5.large")


def many(stack: cdk.Stack) -> EndpointBase:
    container = Container(image=ContainerImage.from_uri(IMAGE_URI))
    return MultiModelEndpoint(stack, "Endpoint", container=container, instance_type="ml.m5.large")


def direct(stack: cdk.Stack) -> EndpointBase:
    image = ContainerImage.from_uri(IMAGE_URI)
    containers = [Container(image=image, hostname=name) for name in ("one", "two")]
    return InferencePipeline(
        stack, "Endpoint", containers=containers, instance_type="ml.m5.large", direct_invocation=True
    )


NAMED = SmokeRequest(body="1", content_type="text/csv", target_model="a.tar.gz")
CONTAINER = SmokeRequest(body="1", content_type="text/csv", target_container="one")
VARIANT = SmokeRequest(body="1", content_type="text/csv", target_variant="A")
LATE = SmokeExpectation(max_latency=cdk.Duration.seconds(1))

REFUSED = [
    Refusal("SM-DELIVERY-060", request(body=""), "body", "0 bytes", "1–100,000 bytes"),
    Refusal("SM-DELIVERY-060", request(body=b"x" * 100_001), "body", "100,001 bytes", "1–100,000 bytes"),
    Refusal("SM-DELIVERY-060", request(body="ü" * 50_001), "body", "100,002 bytes", "1–100,000 bytes"),
    *(
        Refusal("SM-DELIVERY-061", request(**{name: given}), name, given, "ASCII characters")
        for name in ("content_type", "accept", "custom_attributes", "target_model")
        for given in ("", " text/csv", "text/csv\r\nX-Evil: 1", "ü", "x" * 1025)
    ),
    *(
        Refusal("SM-DELIVERY-063", expect(status=given), "status", given, "400–599")
        for given in (0, 199, 201, 302, 399, 600, -1, True, "200", 200.5)
    ),
    *(
        Refusal("SM-DELIVERY-064", expect(json={given: 1}), f"json[{given!r}]", given, "without wildcards")
        for given in ("labels", "", "$.", "$[*]", "$..a", "$[-1]", "$[?(@.a)]", "$.a b", '$[""]', "$['a']")
    ),
    Refusal("SM-DELIVERY-064", expect(contains=""), "contains", "", "not empty"),
    *(
        Refusal("SM-DELIVERY-064", expect(tolerance=given), "tolerance", given, "at most 1")
        for given in (-0.1, 1.1, "0.1", True)
    ),
    Refusal("SM-DELIVERY-064", expect(content_type="json"), "content_type", "json", "a media type"),
    *(
        Refusal(
            "SM-DELIVERY-065", expect(max_latency=given), "max_latency", given.to_human_string(), "1 minute"
        )
        for given in (seconds(61), cdk.Duration.millis(0))
    ),
    Refusal(
        "SM-DELIVERY-066",
        trying(an_endpoint, request=NAMED),
        "request.target_model",
        "a.tar.gz",
        "name none",
    ),
    Refusal(
        "SM-DELIVERY-066",
        trying(an_endpoint, request=CONTAINER),
        "request.target_container",
        "one",
        "name none",
    ),
    Refusal("SM-DELIVERY-066", trying(many), "request.target_model", None, "HostedModel.target_model"),
    Refusal(
        "SM-DELIVERY-066", trying(direct), "request.target_container", None, "the hostname of a container"
    ),
    Refusal("SM-DELIVERY-066", trying(a_fleet), "request.component", None, "what add_component gave"),
    Refusal(
        "SM-DELIVERY-067",
        trying(asynchronous, expect=LATE),
        "expect.max_latency",
        "1 second",
        "wait their turn",
    ),
    Refusal(
        "SM-DELIVERY-067",
        trying(asynchronous, expect=SmokeExpectation(status=400)),
        "expect.status",
        400,
        "500 for any failure",
    ),
    Refusal(
        "SM-DELIVERY-067",
        trying(asynchronous, expect=SmokeExpectation(content_type="text/csv")),
        "expect.content_type",
        "text/csv",
        "does not tell its type",
    ),
    Refusal(
        "SM-DELIVERY-067",
        trying(asynchronous, request=VARIANT),
        "request.target_variant",
        "A",
        "name no variant",
    ),
    *(
        Refusal(
            "SM-DELIVERY-068",
            trying(an_endpoint, patience=given),
            "patience",
            given.to_human_string(),
            "from 10 seconds to 13 minutes",
        )
        for given in (seconds(9), seconds(781))
    ),
]


@pytest.mark.parametrize("refusal", as_parameters(REFUSED))
def test_refused(refusal: Refusal) -> None:
    refusal.check()


@pytest.mark.parametrize("given", ["not-there.csv", "."])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, given: str) -> None:
    (violation,) = refused(
        lambda: SmokeRequest.from_file(tmp_path / given, content_type="text/csv")
    ).violations
    assert violation.rule == "SM-DELIVERY-062"
    assert violation.property == "path"


def test_a_component_of_another_endpoint_is_refused(stack: cdk.Stack) -> None:
    component = a_component(a_fleet(stack, "One"), "Wine")
    other = a_fleet(stack, "Two")
    asked = SmokeRequest(body="1", content_type="text/csv", component=component)
    error = refused(lambda: smoke(stack, other, request=asked))
    assert "a component of this endpoint" in error.violations[0].allowed


@pytest.mark.parametrize("given", [None, 5, ["1"], {}])
def test_a_body_of_another_type_is_refused_in_words(given: object) -> None:
    assert {each.property for each in refused(request(body=given)).violations} == {"body"}
    assert {each.property for each in refused(expect(json={"$.a": [given]})).violations}
