"""The props of `DirectApi`, and its rules."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_apigateway as gateway
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_sns as sns

from ..core.checks import duration, items_of, number, settled, standard_topics, text
from ..core.rules import DEVELOPER_GUIDE, Broken, Rules
from ..core.tokens import is_token
from ..hosting.asynchronous import AsyncEndpoint
from ..hosting.component_endpoint import ComponentEndpoint
from ..hosting.endpoint import EndpointBase
from ..hosting.serverless import ServerlessEndpoint
from .limits import CEILINGS, Part
from .requests import Throttle
from .served import Served, named_by

_GUIDE = "https://docs.aws.amazon.com/apigateway/latest/developerguide/"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_TEXT_TYPE = re.compile(
    r"text/[a-z0-9.+-]{1,64}|application/([a-z0-9.-]+\+)?(json|jsonlines|x-jsonlines|ndjson|x-ndjson|xml)"
)
_WEB_ACL = re.compile(
    r"arn:aws[a-z-]*:wafv2:[a-z0-9-]+:\d{12}:regional/webacl/[A-Za-z0-9_-]{1,128}/[0-9a-f-]{36}"
)
JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectApiProps:
    """The props of a `DirectApi`, for its rules."""

    endpoint: EndpointBase
    throttle: Throttle
    content_types: Sequence[str]
    json_schema: gateway.JsonSchema | None
    targets: Sequence[str] | None
    target_variants: bool
    own_inference_ids: bool
    timeout: cdk.Duration | None
    vpc_endpoints: Sequence[ec2.IInterfaceVpcEndpoint] | None
    web_acl: str | None
    account_logs: bool
    error_percent: float
    notify: Sequence[sns.ITopic]
    api_name: str | None

    @property
    def served(self) -> Served:
        """The endpoint as an API treats it."""
        return Served.of(self.endpoint, targets=self.targets, variants=self.target_variants)


direct_rules = Rules[DirectApiProps]()


@direct_rules.rule("SM-API-011", source=DEVELOPER_GUIDE + "async-inference.html")
def endpoint_answers_at_once(props: DirectApiProps) -> Iterator[Broken]:
    """Without a function, an API asks endpoints that answer at once."""
    if isinstance(props.endpoint, AsyncEndpoint):
        yield Broken("endpoint", "an AsyncEndpoint", "one that answers at once", "InferenceApi(…)")
    if props.target_variants and isinstance(props.endpoint, ServerlessEndpoint):
        yield Broken("target_variants", True, "False: this kind of endpoint has one variant")


@direct_rules.rule("SM-API-012", source=_GUIDE + "api-gateway-payload-encodings-workflow.html")
def bodies_are_text(props: DirectApiProps) -> Iterator[Broken]:
    """Content types that an API without a function tells apart are of text, and a schema is of JSON."""
    yield from items_of("content_types", props.content_types, str)
    if not isinstance(props.content_types, list | tuple):
        return
    for index, each in enumerate(props.content_types):
        allowed = (
            "a MIME type of text in lower case, without parameters, such as text/csv or application/json"
        )
        yield from text(f"content_types[{index}]", each, _TEXT_TYPE, allowed)
        if is_token(each):
            yield Broken(f"content_types[{index}]", each, "a type that is known at synthesis")
    if props.json_schema is not None and JSON not in props.content_types:
        yield Broken("json_schema", "given", f"none, unless content_types has {JSON}")


@direct_rules.rule("SM-API-013", source=_GUIDE + "api-gateway-execution-service-limits-table.html")
def gateway_waits_so_long(props: DirectApiProps) -> Iterator[Broken]:
    """A REST API waits 1–29 seconds for the model."""
    yield from duration("timeout", props.timeout, 1, CEILINGS[Part.REST_API].seconds)
    yield from settled("timeout", props.timeout, "API Gateway takes milliseconds")


@direct_rules.rule("SM-API-014", source=DEVELOPER_GUIDE + "multi-container-security.html")
def iam_holds_targets(props: DirectApiProps) -> Iterator[Broken]:
    """Without a function, IAM alone holds requests to some targets: of multi-model endpoints and pipelines."""
    given = props.targets
    if given is None:
        return
    yield from items_of("targets", given, str)
    if isinstance(given, list | tuple) and (not given or "" in given):
        yield Broken("targets", given, "at least one pattern, none of them empty, or None for all")
    if isinstance(props.endpoint, ComponentEndpoint):
        yield Broken("targets", given, "None: IAM knows no condition for components", "InferenceApi(…)")
    elif isinstance(props.endpoint, EndpointBase) and named_by(props.endpoint) is None:
        yield Broken("targets", given, "None: requests to this endpoint name no model or container")


@direct_rules.rule("SM-API-015", source=_GUIDE + "apigateway-control-access-aws-waf.html")
def web_acl_is_regional(props: DirectApiProps) -> Iterator[Broken]:
    """A REST API is guarded by a regional web ACL of WAF's, given by its ARN."""
    allowed = "the ARN of a regional web ACL (arn:aws:wafv2:…:regional/webacl/name/id)"
    yield from text("web_acl", props.web_acl, _WEB_ACL, allowed)


@direct_rules.rule("SM-API-016", source=_GUIDE + "apigateway-private-apis.html")
def private_is_reached(props: DirectApiProps) -> Iterator[Broken]:
    """A private API is reached through at least one interface endpoint of execute-api."""
    given = props.vpc_endpoints
    if isinstance(given, list | tuple) and not given:
        yield Broken("vpc_endpoints", given, "at least one, or None for an API that is not private")


@direct_rules.rule("SM-API-017", source=_GUIDE + "api-gateway-metrics-and-dimensions.html")
def direct_alarm_can_go_off(props: DirectApiProps) -> Iterator[Broken]:
    """The alarm goes off above 0–100 percent of errors, tells standard topics, and knows the API's name."""
    yield from number("error_percent", props.error_percent, 0, 100)
    yield from standard_topics("notify", props.notify)
    yield from text("api_name", props.api_name, _NAME, "1–128 letters, digits, dots, underscores and hyphens")
    yield from settled("api_name", props.api_name, "metrics carry it")
