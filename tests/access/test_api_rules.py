"""What an API refuses at synthesis, each in words."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_apigatewayv2 as gateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns

from constructs_lib import ApiAuthorization, ApiFront, InferenceApi, RequestLimits, Throttle
from tests.support.endpoints import a_multi_model_endpoint, a_serverless_endpoint, an_async_endpoint
from tests.support.experiments import an_ab_test
from tests.support.refusals import (
    WRONG_DURATIONS,
    WRONG_LISTS,
    WRONG_NUMBERS,
    WRONG_OBJECTS,
    WRONG_TEXTS,
    WRONG_WHOLE_NUMBERS,
    Refusal,
    WrongType,
    as_parameters,
    refused,
    wrong_types,
)
from tests.support.synth import an_endpoint, fresh_app

ISSUER = "https://login.example.com/tenant"
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
TEST = an_ab_test(STACK)
FIFO = sns.Topic(STACK, "Fifo", fifo=True)
NAMED = gateway.DomainName.from_domain_name_attributes(
    STACK, "Named", name="api.example.com", regional_domain_name="d", regional_hosted_zone_id="z"
)


def api(**props: Any) -> InferenceApi:
    return InferenceApi(STACK, "Api", **{"endpoint": ENDPOINT, **props})


def jwt(**props: Any) -> ApiAuthorization:
    return ApiAuthorization.jwt(**{"issuer": ISSUER, "audience": ["fraud"], **props})


BODY = RequestLimits(max_body=cdk.Size.mebibytes(5))
ABOVE_SERVERLESS = RequestLimits(max_body=cdk.Size.kibibytes(4097))

REFUSALS = [
    Refusal("SM-API-001", lambda: jwt(issuer="login.example.com"), "issuer", "login.example.com", "URL"),
    Refusal("SM-API-001", lambda: jwt(issuer="http://login.com"), "issuer", "http://login.com", "https"),
    Refusal("SM-API-001", lambda: jwt(audience=[]), "audience", [], "at least one"),
    Refusal("SM-API-001", lambda: jwt(scopes=[""]), "scopes", [""], "no empty"),
    Refusal("SM-API-001", lambda: ApiAuthorization(scopes=["a"]), "issuer", None, "an issuer"),
    Refusal("SM-API-002", lambda: Throttle(rate=0), "rate", 0, "more than 0"),
    Refusal("SM-API-002", lambda: Throttle(rate=10_001), "rate", 10_001, "10000"),
    Refusal("SM-API-002", lambda: Throttle(burst=0), "burst", 0, "1 to 5000"),
    Refusal("SM-API-002", lambda: Throttle(burst=5001), "burst", 5001, "1 to 5000"),
    Refusal(
        "SM-API-003",
        lambda: RequestLimits(content_types=["text/CSV; header=present"]),
        "content_types[0]",
        "text/CSV; header=present",
        "without parameters",
    ),
    Refusal("SM-API-003", lambda: RequestLimits(max_rows=0), "max_rows", 0, "from 1"),
    Refusal("SM-API-003", lambda: RequestLimits(columns=0), "columns", 0, "from 1"),
    Refusal(
        "SM-API-003", lambda: RequestLimits(max_body=cdk.Size.bytes(0)), "max_body", "0 bytes", "at least"
    ),
    Refusal(
        "SM-API-004",
        lambda: ApiFront.http(cors_origins=["https://a.example.com/"]),
        "cors_origins[0]",
        "https://a.example.com/",
        "origin",
    ),
    Refusal("SM-API-004", lambda: ApiFront.http(path="fraud"), "path", "fraud", "without a domain"),
    Refusal("SM-API-004", lambda: ApiFront.http(domain=NAMED, path="/v1"), "path", "/v1", "no slash"),
    Refusal("SM-API-005", lambda: api(request=BODY), "request.max_body", "5242880 bytes", "Lambda function"),
    Refusal(
        "SM-API-005",
        lambda: api(endpoint=SERVERLESS, request=ABOVE_SERVERLESS),
        "request.max_body",
        "4195328 bytes",
        "4194304 bytes, which is what a serverless endpoint",
    ),
    Refusal(
        "SM-API-006",
        lambda: api(model_timeout=cdk.Duration.seconds(29)),
        "model_timeout",
        "29 seconds",
        "28 seconds",
    ),
    Refusal(
        "SM-API-006",
        lambda: api(model_timeout=cdk.Duration.millis(500)),
        "model_timeout",
        "500 millis",
        "1 second",
    ),
    Refusal(
        "SM-API-007", lambda: api(experiment=TEST), "experiment", "one on another endpoint", "the endpoint's"
    ),
    Refusal("SM-API-008", lambda: api(targets=["a"]), "targets", ["a"], "name no model"),
    Refusal("SM-API-008", lambda: api(endpoint=MULTI, targets=[]), "targets", [], "at least one"),
    Refusal("SM-API-008", lambda: api(endpoint=MULTI, targets=["a", ""]), "targets", ["a", ""], "empty"),
    Refusal(
        "SM-API-008",
        lambda: api(endpoint=QUEUED, target_variants=True),
        "target_variants",
        True,
        "one variant",
    ),
    Refusal("SM-API-009", lambda: api(error_percent=101), "error_percent", 101, "at most 100"),
    Refusal("SM-API-009", lambda: api(notify=[FIFO]), "notify[0]", "a FIFO topic", "a standard topic"),
    Refusal("SM-API-009", lambda: api(api_name="a b"), "api_name", "a b", "letters"),
]


@pytest.mark.parametrize("refusal", as_parameters(REFUSALS))
def test_what_could_never_answer_is_refused(refusal: Refusal) -> None:
    refusal.check()


def test_rights_are_granted_where_iam_decides_alone() -> None:
    rule = "SM-API-010"
    role = iam.Role(STACK, "Caller", assumed_by=iam.AccountRootPrincipal())
    with_tokens = InferenceApi(STACK, "Tokens", endpoint=ENDPOINT, authorization=jwt())
    signed = InferenceApi(STACK, "Signed", endpoint=ENDPOINT)

    assert refused(lambda: with_tokens.grants.invoke(role)).rules == (rule,)
    assert refused(lambda: signed.grants.reward(role)).rules == (rule,)


def test_all_that_is_wrong_is_told_at_once() -> None:
    error = refused(lambda: api(targets=["a"], error_percent=-1, model_timeout=cdk.Duration.minutes(1)))

    assert set(error.rules) == {"SM-API-006", "SM-API-008", "SM-API-009"}
    assert error.path == "Rules/Api"


@pytest.mark.parametrize(
    "wrong",
    [
        *wrong_types(
            api,
            endpoint=WRONG_OBJECTS,
            authorization=WRONG_OBJECTS,
            throttle=WRONG_OBJECTS,
            request=WRONG_OBJECTS,
            front=WRONG_OBJECTS,
            experiment=WRONG_OBJECTS,
            targets=[*WRONG_TEXTS[:-2], "text"],
            target_variants=("yes", 0, 1, None, []),
            model_timeout=WRONG_DURATIONS,
            error_percent=WRONG_NUMBERS,
            notify=WRONG_LISTS[:-3],
            api_name=WRONG_TEXTS,
        ),
        *wrong_types(Throttle, "Throttle", rate=WRONG_NUMBERS, burst=WRONG_WHOLE_NUMBERS),
        *wrong_types(
            RequestLimits,
            "RequestLimits",
            max_body=WRONG_OBJECTS,
            content_types=("text", 5, None, [5]),
            max_rows=WRONG_WHOLE_NUMBERS,
            columns=WRONG_WHOLE_NUMBERS,
            well_formed=("yes", 0, 1, None, []),
        ),
        *wrong_types(
            ApiFront.http,
            "ApiFront",
            cors_origins=("text", 5, None, [5]),
            domain=WRONG_OBJECTS,
            path=WRONG_TEXTS,
        ),
        *wrong_types(jwt, "jwt", issuer=WRONG_TEXTS, audience=("text", 5, None, [5]), scopes=("text", 5)),
    ],
)
def test_wrong_types_are_refused_by_name(wrong: WrongType) -> None:
    wrong.check()
