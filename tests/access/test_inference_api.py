"""What an API makes: routes that somebody guards, a function that may do just what it has to, numbers that fit."""

from __future__ import annotations

import inspect
import json
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_apigatewayv2 as gateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns

from constructs_lib import (
    ApiAuthorization,
    ApiFront,
    InferenceApi,
    InferencePipeline,
    RealtimeEndpoint,
    RequestLimits,
    Throttle,
)
from constructs_lib.access.limits import CEILINGS, Part, Way
from constructs_lib.access.runtime.settings import Settings
from constructs_lib.hosting.endpoint import EndpointBase
from constructs_lib.model.container import Container
from constructs_lib.model.image import ContainerImage
from tests.support.components import a_fleet
from tests.support.endpoints import a_multi_model_endpoint, a_serverless_endpoint, an_async_endpoint
from tests.support.experiments import an_ab_test
from tests.support.synth import (
    IMAGE_URI,
    Template,
    allowing,
    an_endpoint,
    flat,
    fresh_app,
    properties,
    resources,
    statements,
    synthesized,
)


@pytest.fixture
def stack() -> cdk.Stack:
    return cdk.Stack(fresh_app(), "Stack")


def told(template: Template, id: str = "ApiAnswer") -> Settings:
    """What the function of an API is told."""
    (variables,) = [
        each["Properties"]["Environment"]["Variables"]
        for name, each in resources(template, "AWS::Lambda::Function").items()
        if name.startswith(id)
    ]
    return Settings.from_json(flat(variables["API"]))


def routes(template: Template) -> dict[str, dict[str, Any]]:
    return {
        each["Properties"]["RouteKey"]: each["Properties"]
        for each in resources(template, "AWS::ApiGatewayV2::Route").values()
    }


def rights(template: Template) -> set[str]:
    """The actions that the function may do, and on what."""
    return {
        f"{action} {flat(on)}"
        for each in statements(template, "ApiAnswerRole")
        for action in ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])
        for on in (each["Resource"] if isinstance(each["Resource"], list) else [each["Resource"]])
        if not action.startswith("logs:")
    }


def test_every_route_is_guarded_by_iam_and_throttled(stack: cdk.Stack) -> None:
    InferenceApi(stack, "Api", endpoint=an_endpoint(stack))
    template = synthesized(stack)

    assert {key: each["AuthorizationType"] for key, each in routes(template).items()} == {
        "POST /invocations": "AWS_IAM",
        "GET /ping": "AWS_IAM",
    }
    stage = properties(template, "AWS::ApiGatewayV2::Stage")
    assert stage["DefaultRouteSettings"] == {"ThrottlingRateLimit": 100, "ThrottlingBurstLimit": 200}
    logged = json.loads(stage["AccessLogSettings"]["Format"])
    assert logged["request"] == "$context.requestId"
    assert "CorsConfiguration" not in properties(template, "AWS::ApiGatewayV2::Api")
    assert rights(template) == {
        "sagemaker:InvokeEndpoint arn:<AWS::Partition>:sagemaker:<AWS::Region>:<AWS::AccountId>:endpoint/stack-endpoint"
    }


def test_tokens_are_checked_on_every_route(stack: cdk.Stack) -> None:
    tokens = ApiAuthorization.jwt(
        issuer="https://login.example.com", audience=["fraud"], scopes=["fraud/predict"]
    )
    InferenceApi(stack, "Api", endpoint=an_endpoint(stack), authorization=tokens)
    template = synthesized(stack)

    authorizer = properties(template, "AWS::ApiGatewayV2::Authorizer")
    assert authorizer["JwtConfiguration"] == {"Audience": ["fraud"], "Issuer": "https://login.example.com"}
    assert {
        (each["AuthorizationType"], *each["AuthorizationScopes"]) for each in routes(template).values()
    } == {("JWT", "fraud/predict")}


def test_the_function_is_told_what_it_was_asked_for(stack: cdk.Stack) -> None:
    limits = RequestLimits(
        max_body=cdk.Size.kibibytes(100),
        content_types=["text/csv"],
        max_rows=5,
        columns=30,
        well_formed=False,
    )
    InferenceApi(
        stack,
        "Api",
        endpoint=an_endpoint(stack),
        request=limits,
        throttle=Throttle(rate=0.5, burst=1),
        model_timeout=cdk.Duration.seconds(5),
        target_variants=True,
        api_name="fraud",
    )
    template = synthesized(stack)

    found = told(template)
    assert (found.api, found.endpoint, found.timeout) == ("fraud", "stack-endpoint", 5)
    assert (found.most_bytes, found.content_types, found.most_rows, found.columns, found.well_formed) == (
        102_400,
        ("text/csv",),
        5,
        30,
        False,
    )
    assert (found.targets, found.required) == ({"TargetVariant": ("AllTraffic",)}, ())
    function = next(
        each["Properties"]
        for each in resources(template, "AWS::Lambda::Function").values()
        if each["Properties"]["Handler"].startswith("constructs_lib.access.")
    )
    assert function["Timeout"] == 7


def test_an_asynchronous_endpoint_is_asked_through_its_bucket(stack: cdk.Stack) -> None:
    endpoint = an_async_endpoint(stack)
    InferenceApi(stack, "Api", endpoint=endpoint)
    template = synthesized(stack)

    assert set(routes(template)) == {"POST /invocations", "GET /ping", "GET /results/{inferenceId}"}
    places = told(template).places
    assert places is not None
    assert places.input.endswith("/async-input")
    assert places.failures.endswith("/async-failures")
    actions = {each.split(" ")[0] for each in rights(template)}
    assert actions == {
        "sagemaker:InvokeEndpointAsync",
        *("s3:PutObject", "s3:AbortMultipartUpload", "s3:GetObject", "s3:ListBucket"),
        *("kms:Decrypt", "kms:GenerateDataKey"),
    }
    written = {
        flat(each["Resource"]).rpartition(">/")[2]
        for each in allowing(template, "s3:PutObject", "ApiAnswerRole")
    }
    assert written == {"async-input/*"}


def test_models_components_and_containers_are_named_by_each_request(stack: cdk.Stack) -> None:
    containers = [
        Container(image=ContainerImage.from_uri(IMAGE_URI), hostname=name) for name in ("first", "second")
    ]
    pipeline = InferencePipeline(
        stack, "Pipeline", containers=containers, instance_type="ml.m5.large", direct_invocation=True
    )
    made: dict[str, EndpointBase] = {
        "TargetModel": a_multi_model_endpoint(stack, "Multi"),
        "InferenceComponentName": a_fleet(stack, "Components"),
        "TargetContainerHostname": pipeline,
    }
    for parameter, endpoint in made.items():
        InferenceApi(stack, parameter, endpoint=endpoint, targets=["first", "team-a/*"])
    template = synthesized(stack)

    named = {parameter: told(template, f"{parameter}Answer") for parameter in made}
    for parameter, found in named.items():
        assert (found.targets, found.required) == ({parameter: ("first", "team-a/*")}, (parameter,))


def test_who_may_name_some_models_lets_the_function_no_further(stack: cdk.Stack) -> None:
    InferenceApi(stack, "Api", endpoint=a_multi_model_endpoint(stack), targets=["team-a/*"])

    (statement,) = allowing(synthesized(stack), "sagemaker:InvokeEndpoint", "ApiAnswerRole")
    assert statement["Condition"] == {"StringLike": {"sagemaker:TargetModel": ["team-a/*"]}}


def test_an_experiment_is_joined_and_takes_rewards(stack: cdk.Stack) -> None:
    test = an_ab_test(stack)
    api = InferenceApi(stack, "Api", endpoint=test.endpoint, experiment=test)
    rewarder = iam.Role(stack, "Rewarder", assumed_by=iam.AccountRootPrincipal())
    api.grants.reward(rewarder)
    template = synthesized(stack)

    assert set(routes(template)) == {"POST /invocations", "GET /ping", "POST /rewards"}
    (variables, handler) = next(
        (each["Properties"]["Environment"]["Variables"], each["Properties"]["Handler"])
        for each in resources(template, "AWS::Lambda::Function").values()
        if each["Properties"]["Handler"].startswith("constructs_lib.access.")
    )
    assert set(variables) == {"API", "EXPERIMENT", "LEDGER_TABLE", "EVENT_STREAM"}
    assert handler == "constructs_lib.access.runtime.experiment_handler.handle"
    (granted,) = allowing(template, "execute-api:Invoke", "Rewarder")
    assert flat(granted["Resource"]).endswith("/$default/POST/rewards")


def test_a_grant_is_for_the_routes_of_predictions_alone(stack: cdk.Stack) -> None:
    test = an_ab_test(stack)
    api = InferenceApi(stack, "Api", endpoint=test.endpoint, experiment=test)
    queue = InferenceApi(stack, "Queue", endpoint=an_async_endpoint(stack))
    caller = iam.Role(stack, "Caller", assumed_by=iam.AccountRootPrincipal())
    api.grants.invoke(caller)
    queue.grants.invoke(caller)
    template = synthesized(stack)

    allowed = {
        flat(on).partition("/$default/")[2]
        for each in allowing(template, "execute-api:Invoke", "Caller")
        for on in each["Resource"]
    }
    assert allowed == {"POST/invocations", "GET/ping", "GET/results/*"}


def test_an_imported_endpoint_is_asked_by_its_name(stack: cdk.Stack) -> None:
    InferenceApi(stack, "Api", endpoint=RealtimeEndpoint.from_endpoint_name(stack, "There", "fraud"))

    assert told(synthesized(stack)).endpoint == "fraud"


def test_pages_and_names_of_ones_own(stack: cdk.Stack) -> None:
    domain = gateway.DomainName.from_domain_name_attributes(
        stack, "Domain", name="api.example.com", regional_domain_name="d", regional_hosted_zone_id="z"
    )
    front = ApiFront.http(cors_origins=["https://app.example.com"], domain=domain, path="fraud/v1")
    api = InferenceApi(stack, "Api", endpoint=an_endpoint(stack), front=front)
    template = synthesized(stack)

    made = properties(template, "AWS::ApiGatewayV2::Api")
    assert made["DisableExecuteApiEndpoint"] is True
    assert made["CorsConfiguration"]["AllowOrigins"] == ["https://app.example.com"]
    assert "X-Unit-Id" in made["CorsConfiguration"]["AllowHeaders"]
    assert properties(template, "AWS::ApiGatewayV2::ApiMapping")["ApiMappingKey"] == "fraud/v1"
    assert api.url == "https://api.example.com/fraud/v1"


def test_the_alarm_counts_what_the_model_failed_too_and_tells(stack: cdk.Stack) -> None:
    topic = sns.Topic(stack, "OnCall")
    api = InferenceApi(stack, "Api", endpoint=an_endpoint(stack), error_percent=1.5, notify=[topic])
    template = synthesized(stack)

    (alarm,) = (
        each["Properties"]
        for id, each in resources(template, "AWS::CloudWatch::Alarm").items()
        if id.startswith("ApiAlarms")
    )
    assert alarm["Threshold"] == 1.5
    assert len(alarm["AlarmActions"]) == len(alarm["OKActions"]) == 1
    found = {each["Id"]: each.get("MetricStat", {}).get("Metric") for each in alarm["Metrics"]}
    assert found["model"]["Namespace"] == "ConstructsLib/Access"
    assert {each["Name"]: each["Value"] for each in found["model"]["Dimensions"]} == {
        "Api": api.api_name,
        "Code": "ModelError",
    }
    assert found["failed"]["MetricName"] == "5xx"
    assert api.metric_latency().statistic == "p99"
    assert api.metric_client_errors().metric_name == "4xx"


@pytest.mark.parametrize(
    ("endpoint", "request_bytes", "narrowest"),
    [
        (Part.REALTIME, 4_669_440, Part.FUNCTION),
        (Part.SERVERLESS, 4_194_304, Part.SERVERLESS),
        (Part.ASYNC, 4_669_440, Part.FUNCTION),
    ],
)
def test_the_narrowest_part_of_the_way_bounds_a_request(
    endpoint: Part, request_bytes: int, narrowest: Part
) -> None:
    way = Way((endpoint, *ApiFront.http().parts))

    assert (way.request.request_bytes, way.request.part) == (request_bytes, narrowest)
    assert (way.time.part, way.model_seconds) == (Part.HTTP_API, 28)


def test_a_body_as_large_as_is_let_in_fits_into_the_functions_event() -> None:
    # In base64, with as many headers as API Gateway takes, told twice.
    assert 4 * -(-CEILINGS[Part.FUNCTION].request_bytes // 3) + 2 * 10_240 < 6 * 1024 * 1024


def test_a_serverless_endpoint_takes_less(stack: cdk.Stack) -> None:
    InferenceApi(stack, "Api", endpoint=a_serverless_endpoint(stack))

    assert told(synthesized(stack)).most_bytes == 4 * 1024 * 1024


def test_every_parameter_is_told_of() -> None:
    documented = inspect.getdoc(InferenceApi.__init__) or ""
    given = set(inspect.signature(InferenceApi.__init__).parameters) - {"self", "scope", "id"}

    assert {name for name in given if f":param {name}:" not in documented} == set()
