"""What an API without a function refuses at synthesis, each in words."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_apigateway as gateway
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_sns as sns

from constructs_lib import DirectApi, RuntimeVpcEndpoint
from tests.support.components import a_fleet
from tests.support.endpoints import a_multi_model_endpoint, a_serverless_endpoint, an_async_endpoint
from tests.support.refusals import (
    WRONG_DURATIONS,
    WRONG_LISTS,
    WRONG_NUMBERS,
    WRONG_OBJECTS,
    WRONG_TEXTS,
    Refusal,
    WrongType,
    as_parameters,
    refused,
    wrong_types,
)
from tests.support.synth import an_endpoint, fresh_app

STACK = cdk.Stack(fresh_app(), "Rules")
ENDPOINT = an_endpoint(STACK)
MULTI, QUEUED, SERVERLESS = (
    make(STACK, name)
    for make, name in (
        (a_multi_model_endpoint, "Multi"),
        (an_async_endpoint, "Queued"),
        (a_serverless_endpoint, "Serverless"),
    )
)
FLEET = a_fleet(STACK, "Fleet")
FIFO = sns.Topic(STACK, "Fifo", fifo=True)
VPC = ec2.Vpc(STACK, "Vpc", max_azs=1, nat_gateways=0)
SCHEMA = gateway.JsonSchema(type=gateway.JsonSchemaType.ARRAY)
GLOBAL = "arn:aws:wafv2:us-east-1:111122223333:global/webacl/front/0a1b2c3d-0000-4000-8000-000000000000"


def api(**props: Any) -> DirectApi:
    return DirectApi(STACK, "Api", **{"endpoint": ENDPOINT, **props})


def door(**props: Any) -> RuntimeVpcEndpoint:
    return RuntimeVpcEndpoint(STACK, "Door", **{"vpc": VPC, "endpoints": [ENDPOINT], **props})


REFUSALS = [
    Refusal("SM-API-011", lambda: api(endpoint=QUEUED), "endpoint", "an AsyncEndpoint", "at once"),
    Refusal(
        "SM-API-011",
        lambda: api(endpoint=SERVERLESS, target_variants=True),
        "target_variants",
        True,
        "one variant",
    ),
    Refusal(
        "SM-API-012",
        lambda: api(content_types=["application/x-npy"]),
        "content_types[0]",
        "application/x-npy",
        "of text",
    ),
    Refusal(
        "SM-API-012", lambda: api(content_types=["text/CSV"]), "content_types[0]", "text/CSV", "lower case"
    ),
    Refusal(
        "SM-API-012",
        lambda: api(content_types=["text/csv"], json_schema=SCHEMA),
        "json_schema",
        "given",
        "application/json",
    ),
    Refusal(
        "SM-API-013", lambda: api(timeout=cdk.Duration.seconds(30)), "timeout", "30 seconds", "29 seconds"
    ),
    Refusal("SM-API-013", lambda: api(timeout=cdk.Duration.millis(50)), "timeout", "50 millis", "1 second"),
    Refusal("SM-API-014", lambda: api(targets=["a"]), "targets", ["a"], "name no model"),
    Refusal("SM-API-014", lambda: api(endpoint=FLEET, targets=["a"]), "targets", ["a"], "no condition"),
    Refusal("SM-API-014", lambda: api(endpoint=MULTI, targets=[]), "targets", [], "at least one"),
    Refusal("SM-API-014", lambda: api(endpoint=MULTI, targets=["a", ""]), "targets", ["a", ""], "empty"),
    Refusal("SM-API-015", lambda: api(web_acl="front"), "web_acl", "front", "regional"),
    Refusal("SM-API-015", lambda: api(web_acl=GLOBAL), "web_acl", GLOBAL, "regional"),
    Refusal("SM-API-016", lambda: api(vpc_endpoints=[]), "vpc_endpoints", [], "at least one"),
    Refusal("SM-API-017", lambda: api(error_percent=-1), "error_percent", -1, "at least 0"),
    Refusal("SM-API-017", lambda: api(notify=[FIFO]), "notify[0]", "a FIFO topic", "a standard topic"),
    Refusal("SM-API-017", lambda: api(api_name="a b"), "api_name", "a b", "letters"),
    Refusal("SM-API-018", lambda: door(endpoints=[]), "endpoints", [], "at least one"),
]


@pytest.mark.parametrize("refusal", as_parameters(REFUSALS))
def test_what_could_never_answer_is_refused(refusal: Refusal) -> None:
    refusal.check()


def test_all_that_is_wrong_is_told_at_once() -> None:
    error = refused(lambda: api(endpoint=QUEUED, timeout=cdk.Duration.minutes(1), vpc_endpoints=[]))

    assert set(error.rules) == {"SM-API-011", "SM-API-013", "SM-API-016"}
    assert error.path == "Rules/Api"


@pytest.mark.parametrize(
    "wrong",
    [
        *wrong_types(
            api,
            endpoint=WRONG_OBJECTS,
            throttle=WRONG_OBJECTS,
            content_types=("text", 5, [5]),
            json_schema=WRONG_OBJECTS,
            targets=[*WRONG_TEXTS[:-2], "text"],
            target_variants=("yes", 0, 1, None, []),
            own_inference_ids=("yes", 0, 1, None, []),
            timeout=WRONG_DURATIONS,
            vpc_endpoints=("text", 5, [5]),
            web_acl=WRONG_TEXTS,
            account_logs=("yes", 0, 1, None, []),
            error_percent=WRONG_NUMBERS,
            notify=WRONG_LISTS[:-3],
            api_name=WRONG_TEXTS,
        ),
        *wrong_types(
            door,
            "door",
            vpc=WRONG_OBJECTS,
            endpoints=("text", 5, None, [5]),
            subnets=WRONG_OBJECTS,
            private_dns=("yes", 0, 1, None, []),
        ),
    ],
)
def test_wrong_types_are_refused_by_name(wrong: WrongType) -> None:
    wrong.check()
