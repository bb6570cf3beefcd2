"""A REST API that asks SageMaker itself: what it hands on, whom it lets in, and how it says what went wrong."""

from __future__ import annotations

import json
import re
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_apigateway as gateway
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam

from constructs_lib import DirectApi, InferencePipeline, Throttle
from constructs_lib.access import rest_mappings
from constructs_lib.access.rest_mappings import FAILURES, REFUSALS
from constructs_lib.access.runtime import headers, refusals
from constructs_lib.model.container import Container
from constructs_lib.model.image import ContainerImage
from tests.support.components import a_fleet
from tests.support.endpoints import a_multi_model_endpoint
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

WEB_ACL = "arn:aws:wafv2:eu-west-1:111122223333:regional/webacl/front/0a1b2c3d-0000-4000-8000-000000000000"
ID = "X-Amzn-SageMaker-Inference-Id"


@pytest.fixture
def stack() -> cdk.Stack:
    return cdk.Stack(fresh_app(), "Stack")


def method(template: Template, verb: str = "POST") -> dict[str, Any]:
    (found,) = (
        each["Properties"]
        for each in resources(template, "AWS::ApiGateway::Method").values()
        if each["Properties"]["HttpMethod"] == verb
    )
    return dict(found)


def sent(template: Template) -> dict[str, str]:
    """Header that SageMaker is sent ← where it comes from."""
    start = "integration.request.header."
    return {
        name.removeprefix(start): source
        for name, source in method(template)["Integration"]["RequestParameters"].items()
    }


def answers(template: Template) -> dict[str, dict[str, Any]]:
    """What each status of SageMaker's is answered with; that of success has no pattern."""
    return {
        each.get("SelectionPattern", ""): each
        for each in method(template)["Integration"]["IntegrationResponses"]
    }


def test_api_gateway_asks_this_endpoint_and_may_do_nothing_else(stack: cdk.Stack) -> None:
    DirectApi(stack, "Api", endpoint=an_endpoint(stack))
    template = synthesized(stack)

    integration = method(template)["Integration"]
    assert (integration["Type"], integration["IntegrationHttpMethod"]) == ("AWS", "POST")
    assert flat(integration["Uri"]).endswith(":runtime.sagemaker:path/endpoints/stack-endpoint/invocations")
    assert "ApiRole" in flat(integration["Credentials"])
    (only,) = statements(template, "ApiRole")
    assert only["Action"] == "sagemaker:InvokeEndpoint"
    assert flat(only["Resource"]).endswith(":endpoint/stack-endpoint")
    trusted = [
        each["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]
        for id, each in resources(template, "AWS::IAM::Role").items()
        if id.startswith("ApiRole")
    ]
    assert trusted == [{"Service": "apigateway.amazonaws.com"}]
    functions = resources(template, "AWS::Lambda::Function").values()
    assert not [each for each in functions if "access" in each["Properties"].get("Handler", "")]


def test_iam_guards_every_route_and_the_stage_is_throttled_and_logs(stack: cdk.Stack) -> None:
    api = DirectApi(stack, "Api", endpoint=an_endpoint(stack), throttle=Throttle(rate=7, burst=9))
    caller = iam.Role(stack, "Caller", assumed_by=iam.AccountRootPrincipal())
    api.grants.invoke(caller)
    template = synthesized(stack)

    assert {
        each["Properties"]["AuthorizationType"]
        for each in resources(template, "AWS::ApiGateway::Method").values()
    } == {"AWS_IAM"}
    stage = properties(template, "AWS::ApiGateway::Stage")
    (settings,) = stage["MethodSettings"]
    assert (settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"]) == (7, 9)
    assert (settings["HttpMethod"], settings["ResourcePath"]) == ("*", "/*")
    assert json.loads(stage["AccessLogSetting"]["Format"])["api"] == api.api_name
    (granted,) = allowing(template, "execute-api:Invoke", "Caller")
    assert {flat(on).partition("/live/")[2] for on in granted["Resource"]} == {"POST/invocations", "GET/ping"}
    assert not [each for each in template["Outputs"] if each.startswith("Api")]
    assert "AWS::ApiGateway::Account" not in {each["Type"] for each in template["Resources"].values()}


def test_headers_are_handed_on_and_back_and_every_request_has_an_id(stack: cdk.Stack) -> None:
    DirectApi(stack, "Api", endpoint=an_endpoint(stack))
    template = synthesized(stack)

    assert sent(template) == {
        ID: "context.requestId",
        "Content-Type": "method.request.header.Content-Type",
        "Accept": "method.request.header.Accept",
        "X-Amzn-SageMaker-Custom-Attributes": "method.request.header.X-Amzn-SageMaker-Custom-Attributes",
    }
    assert method(template)["RequestParameters"]["method.request.header.Content-Type"] is True
    assert properties(template, "AWS::ApiGateway::RequestValidator")["ValidateRequestParameters"] is True
    back = answers(template)[""]["ResponseParameters"]
    assert back[f"method.response.header.{ID}"] == "context.requestId"
    assert (
        back["method.response.header.x-Amzn-Invoked-Production-Variant"]
        == "integration.response.header.x-Amzn-Invoked-Production-Variant"
    )
    told = {
        each["StatusCode"]: set(each["ResponseParameters"]) for each in method(template)["MethodResponses"]
    }
    for each in answers(template).values():
        assert set(each["ResponseParameters"]) <= told[each["StatusCode"]]


def test_a_caller_may_have_to_bring_the_id(stack: cdk.Stack) -> None:
    DirectApi(stack, "Api", endpoint=an_endpoint(stack), own_inference_ids=True, target_variants=True)
    template = synthesized(stack)

    assert sent(template)[ID] == f"method.request.header.{ID}"
    assert sent(template)["X-Amzn-SageMaker-Target-Variant"]
    required = {name for name, must in method(template)["RequestParameters"].items() if must}
    assert required == {f"method.request.header.{ID}", "method.request.header.Content-Type"}
    assert all(
        f"method.response.header.{ID}" not in each["ResponseParameters"]
        for each in answers(template).values()
    )
    assert "inference_id" not in answers(template)["424"]["ResponseTemplates"]["application/json"]


def test_bodies_pass_byte_for_byte_unless_content_types_are_told_apart(stack: cdk.Stack) -> None:
    endpoint = an_endpoint(stack)
    DirectApi(stack, "Api", endpoint=endpoint)
    template = synthesized(stack)
    assert properties(template, "AWS::ApiGateway::RestApi")["BinaryMediaTypes"] == ["*/*"]
    integration = method(template)["Integration"]
    assert "RequestTemplates" not in integration
    assert integration["PassthroughBehavior"] == "WHEN_NO_TEMPLATES"
    # Without it API Gateway has no template for what it takes for bytes, and answers 500.
    fixed = [each for pattern, each in answers(template).items() if pattern]
    fixed += method(template, "GET")["Integration"]["IntegrationResponses"]
    assert {each["ContentHandling"] for each in fixed} == {"CONVERT_TO_TEXT"}
    assert "ContentHandling" not in answers(template)[""]

    other = cdk.Stack(fresh_app(), "Other")
    DirectApi(
        other, "Api", endpoint=an_endpoint(other), content_types=["text/csv"], timeout=cdk.Duration.seconds(5)
    )
    template = synthesized(other)
    assert "BinaryMediaTypes" not in properties(template, "AWS::ApiGateway::RestApi")
    integration = method(template)["Integration"]
    assert integration["RequestTemplates"] == {"text/csv": "$input.body"}
    assert (integration["PassthroughBehavior"], integration["TimeoutInMillis"]) == ("NEVER", 5000)


def test_json_is_held_to_a_schema(stack: cdk.Stack) -> None:
    schema = gateway.JsonSchema(type=gateway.JsonSchemaType.ARRAY)
    DirectApi(
        stack, "Api", endpoint=an_endpoint(stack), content_types=["application/json"], json_schema=schema
    )
    template = synthesized(stack)

    assert properties(template, "AWS::ApiGateway::RequestValidator")["ValidateRequestBody"] is True
    assert set(method(template)["RequestModels"]) == {"application/json"}
    assert properties(template, "AWS::ApiGateway::Model")["Schema"]["type"] == "array"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "InvalidRequest"),
        (403, "TargetNotAllowed"),
        (404, "InvalidRequest"),
        (413, "PayloadTooLarge"),
        (424, "ModelError"),
        (429, "ModelNotReady"),
        (500, "Unavailable"),
        (503, "Unavailable"),
        (530, "Unavailable"),
    ],
)
def test_each_status_of_sagemakers_is_told_in_one_way(stack: cdk.Stack, status: int, code: str) -> None:
    (failure,) = (each for each in FAILURES if re.fullmatch(each.pattern, str(status)))

    assert failure.code == code
    assert refusals.STATUS[failure.code] == failure.status  # type: ignore[index]
    assert failure.after == refusals.RETRY_AFTER.get(failure.code)  # type: ignore[call-overload]


def test_an_answer_is_never_taken_for_an_error_nor_an_error_for_an_answer(stack: cdk.Stack) -> None:
    assert not [each for each in FAILURES if re.fullmatch(each.pattern, "200")]
    for status in range(400, 600):
        assert len([each for each in FAILURES if re.fullmatch(each.pattern, str(status))]) == 1, status


def test_what_went_wrong_is_told_as_by_an_inference_api(stack: cdk.Stack) -> None:
    DirectApi(stack, "Api", endpoint=an_endpoint(stack))
    template = synthesized(stack)

    unavailable = answers(template)[r"5\d{2}"]
    assert unavailable["ResponseParameters"]["method.response.header.Retry-After"] == "'2'"
    for pattern, each in answers(template).items():
        if pattern:
            error = json.loads(each["ResponseTemplates"]["application/json"])["error"]
            assert error["inference_id"] == "$context.requestId"
            assert refusals.STATUS[error["code"]] == int(each["StatusCode"])
    told = {
        each["Properties"]["ResponseType"]: each["Properties"]
        for each in resources(template, "AWS::ApiGateway::GatewayResponse").values()
    }
    assert set(told) == {each.type for each in REFUSALS}
    for given in told.values():
        # API Gateway writes messageString with its quotes.
        said = given["ResponseTemplates"]["application/json"].replace("$context.error.messageString", '"no"')
        error = json.loads(said)["error"]
        assert refusals.STATUS[error["code"]] == int(given["StatusCode"])
        assert error["message"] == "no"


def test_headers_are_those_of_the_function_of_an_inference_api() -> None:
    assert rest_mappings.TARGETS == headers.TARGETS
    assert rest_mappings.INFERENCE_ID == headers.INFERENCE_ID


def test_models_components_and_containers_are_named_by_each_request(stack: cdk.Stack) -> None:
    containers = [
        Container(image=ContainerImage.from_uri(IMAGE_URI), hostname=name) for name in ("first", "second")
    ]
    pipeline = InferencePipeline(
        stack, "Pipeline", containers=containers, instance_type="ml.m5.large", direct_invocation=True
    )
    DirectApi(stack, "Models", endpoint=a_multi_model_endpoint(stack, "Multi"), targets=["team-a/*"])
    DirectApi(stack, "Containers", endpoint=pipeline, targets=["first"])
    DirectApi(stack, "Components", endpoint=a_fleet(stack, "Fleet"))
    template = synthesized(stack)

    (models,) = allowing(template, "sagemaker:InvokeEndpoint", "ModelsRole")
    (direct,) = allowing(template, "sagemaker:InvokeEndpoint", "ContainersRole")
    assert models["Condition"] == {"StringLike": {"sagemaker:TargetModel": ["team-a/*"]}}
    assert direct["Condition"] == {"StringLike": {"sagemaker:TargetModel": ["first"]}}
    required = {
        name.rpartition(".")[2]
        for each in resources(template, "AWS::ApiGateway::Method").values()
        for name, must in each["Properties"].get("RequestParameters", {}).items()
        if must and name.startswith("method.request.header.X-")
    }
    assert required == {
        "X-Amzn-SageMaker-Target-Model",
        "X-Amzn-SageMaker-Target-Container-Hostname",
        "X-Amzn-SageMaker-Inference-Component",
    }


def test_a_private_api_is_reached_through_its_interface_endpoints_alone(stack: cdk.Stack) -> None:
    through = ec2.InterfaceVpcEndpoint.from_interface_vpc_endpoint_attributes(
        stack, "Door", port=443, vpc_endpoint_id="vpce-1"
    )
    DirectApi(stack, "Api", endpoint=an_endpoint(stack), vpc_endpoints=[through])
    template = synthesized(stack)

    api = properties(template, "AWS::ApiGateway::RestApi")
    assert api["EndpointConfiguration"] == {"Types": ["PRIVATE"], "VpcEndpointIds": ["vpce-1"]}
    allow, deny = api["Policy"]["Statement"]
    assert allow["Condition"] == {"StringEquals": {"aws:SourceVpce": ["vpce-1"]}}
    # Not everybody: an allowance of theirs would let in whom IAM has granted nothing.
    assert flat(allow["Principal"]["AWS"]).endswith(":iam::<AWS::AccountId>:root")
    assert (deny["Effect"], deny["Principal"], deny["Condition"]) == (
        "Deny",
        {"AWS": "*"},
        {"StringNotEquals": {"aws:SourceVpce": ["vpce-1"]}},
    )


def test_waf_and_the_accounts_role_for_logs_are_options(stack: cdk.Stack) -> None:
    DirectApi(stack, "Api", endpoint=an_endpoint(stack), web_acl=WEB_ACL, account_logs=True)
    template = synthesized(stack)

    association = properties(template, "AWS::WAFv2::WebACLAssociation")
    assert association["WebACLArn"] == WEB_ACL
    assert re.search(r"/restapis/<ApiRest\w+>/stages/", flat(association["ResourceArn"]))
    (account,) = resources(template, "AWS::ApiGateway::Account").values()
    assert account["DeletionPolicy"] == "Retain"


def test_the_alarm_counts_what_the_model_failed_too(stack: cdk.Stack) -> None:
    api = DirectApi(stack, "Api", endpoint=an_endpoint(stack), error_percent=2)
    template = synthesized(stack)

    counted = properties(template, "AWS::Logs::MetricFilter")
    assert counted["FilterPattern"] == '{ $.status = "424" }'
    (made,) = counted["MetricTransformations"]
    assert (made["MetricNamespace"], made["MetricName"]) == ("ConstructsLib/Access", "ModelErrors")
    assert made["Dimensions"] == [{"Key": "Api", "Value": "$.api"}]
    (alarm,) = (
        each["Properties"]
        for id, each in resources(template, "AWS::CloudWatch::Alarm").items()
        if id.startswith("ApiAlarms")
    )
    found = {each["Id"]: each.get("MetricStat", {}).get("Metric") for each in alarm["Metrics"]}
    assert found["model"]["Dimensions"] == [{"Name": "Api", "Value": api.api_name}]
    assert {each["Name"]: each["Value"] for each in found["failed"]["Dimensions"]} == {
        "ApiName": api.api_name,
        "Stage": "live",
    }
    assert properties(template, "AWS::ApiGateway::RestApi")["Name"] == api.api_name


def test_a_deployment_has_all_methods(stack: cdk.Stack) -> None:
    DirectApi(stack, "Api", endpoint=an_endpoint(stack))
    template = synthesized(stack)

    (deployment,) = resources(template, "AWS::ApiGateway::Deployment").values()
    assert set(resources(template, "AWS::ApiGateway::Method")) <= set(deployment["DependsOn"])
