"""The rules of `InferenceApi`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..core.checks import duration, items_of, kind, number, settled, standard_topics, text
from ..core.rules import API_REFERENCE, Broken, Rules, listed
from ..core.tokens import is_token
from ..hosting.asynchronous import AsyncEndpoint
from ..hosting.endpoint import EndpointBase
from ..hosting.serverless import ServerlessEndpoint
from .props import Experiment, InferenceApiProps
from .served import named_by

_INVOKE = API_REFERENCE + "API_runtime_InvokeEndpoint.html"
_QUOTAS = "https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html"
_ALARM = "https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")

SIGNED = listed(
    id="SM-API-010",
    summary="Routes are granted to principals where IAM decides who may call.",
    source="https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-access-control-iam.html",
)

api_rules = Rules[InferenceApiProps]()


@api_rules.rule("SM-API-005", source=_QUOTAS)
def bodies_pass(props: InferenceApiProps) -> Iterator[Broken]:
    """A body is at most as large as every part on its way to the model takes."""
    given = props.request.max_body
    if given is None or is_token(given):
        return
    most = props.way.request
    if given.to_bytes() > most.request_bytes:
        allowed = f"at most {most.request_bytes} bytes, which is what a {most.part} takes"
        yield Broken("request.max_body", f"{given.to_bytes():.0f} bytes", allowed)


@api_rules.rule("SM-API-006", source=_QUOTAS)
def models_answer_in_time(props: InferenceApiProps) -> Iterator[Broken]:
    """A model has 1 second up to what is left of the time that the API waits."""
    yield from duration("model_timeout", props.model_timeout, 1, props.way.model_seconds)
    yield from settled("model_timeout", props.model_timeout, "the function's own is worked out from it")
    yield from settled("request.max_body", props.request.max_body, "the function is told the number")


@api_rules.rule("SM-API-007", source=_INVOKE)
def experiment_is_of_the_endpoint(props: InferenceApiProps) -> Iterator[Broken]:
    """The experiment is one on the endpoint of the API, which answers at once."""
    test = props.experiment
    if test is None:
        return
    yield from kind("experiment", test, Experiment, fix="an ABTest")
    if isinstance(test, Experiment) and test.endpoint is not props.endpoint:
        yield Broken("experiment", "one on another endpoint", "the endpoint's", "endpoint=test.endpoint")


@api_rules.rule("SM-API-008", source=_INVOKE)
def targets_can_be_named(props: InferenceApiProps) -> Iterator[Broken]:
    """Targets are patterns of models, components or containers, of an endpoint whose requests name one."""
    given = props.targets
    if given is not None:
        yield from items_of("targets", given, str)
        if isinstance(given, list | tuple) and (not given or "" in given):
            yield Broken("targets", given, "at least one pattern, none of them empty, or None for all")
        if isinstance(props.endpoint, EndpointBase) and named_by(props.endpoint) is None:
            allowed = "None: requests to this endpoint name no model, component or container"
            yield Broken("targets", given, allowed)
    if props.target_variants and isinstance(props.endpoint, AsyncEndpoint | ServerlessEndpoint):
        yield Broken("target_variants", True, "False: this kind of endpoint has one variant")


@api_rules.rule("SM-API-009", source=_ALARM)
def alarm_can_go_off(props: InferenceApiProps) -> Iterator[Broken]:
    """The alarm goes off above 0–100 percent of errors, and tells at most 5 standard topics."""
    yield from number("error_percent", props.error_percent, 0, 100)
    yield from standard_topics("notify", props.notify)
    yield from text("api_name", props.api_name, _NAME, "1–128 letters, digits, dots, underscores and hyphens")
    yield from settled("api_name", props.api_name, "metrics carry it")
