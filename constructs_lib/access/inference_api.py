"""InferenceApi: one front door to an endpoint, for applications that are not to know of SageMaker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import aws_cdk as cdk
import constructs
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sns as sns

from ..core.naming import physical_name
from ..core.place import construct_path, note_place, path_of, stack_of
from ..core.rules import enforce_together
from ..hosting.endpoint import EndpointBase
from .alarms import ApiAlarms
from .api_base import ApiBase, minute
from .authorization import ApiAuthorization
from .front import ApiFront
from .functions import METRIC_NAMESPACE, api_function
from .grants import InferenceApiGrants
from .http_front import HttpFront
from .limits import MIB, SEND_SECONDS
from .props import Experiment, InferenceApiProps
from .requests import RequestLimits, Throttle
from .rules import api_rules

_FUNCTION_ANSWER_BYTES = 6 * MIB


class InferenceApi(ApiBase):
    """An HTTP API in front of an endpoint of any kind.

    It checks who calls, how often, and what with, before the model is asked; names the request (inference
    id) and tells what went wrong in one form. Routes: ``POST /invocations``, ``GET /ping``; of an
    asynchronous endpoint ``GET /results/{inferenceId}``, and with an experiment ``POST /rewards``. Costs by
    the request: API Gateway's, and Lambda's for as long as the model takes; see docs/api.md.

    Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api.html

    Example::

        api = InferenceApi(self, "Api", endpoint=endpoint,
            throttle=Throttle(rate=50, burst=100),
            request=RequestLimits(content_types=["text/csv"], columns=30))
        api.grants.invoke(function)
    """

    CLIENT_ERRORS: ClassVar = "4xx"
    SERVER_ERRORS: ClassVar = "5xx"

    front: HttpFront

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        endpoint: EndpointBase,
        authorization: ApiAuthorization | None = None,
        throttle: Throttle | None = None,
        request: RequestLimits | None = None,
        experiment: Experiment | None = None,
        targets: Sequence[str] | None = None,
        target_variants: bool = False,
        model_timeout: cdk.Duration | None = None,
        front: ApiFront | None = None,
        error_percent: float = 5,
        notify: Sequence[sns.ITopic] = (),
        api_name: str | None = None,
    ) -> None:
        """Make the API.

        :param endpoint: what answers, made here or imported; an imported one is taken for a real-time one.
        :param authorization: who may call. Default: ``ApiAuthorization.iam()``.
        :param throttle: how many requests are let in. Default: 100 a second, 200 at once.
        :param request: what bodies may be. Default: anything well-formed that is not too large.
        :param experiment: an `ABTest` on the endpoint: units keep their variant, exposures are logged, and
            rewards are taken. Default: none.
        :param targets: models, components or containers that requests may name, as patterns such as
            ``team-a/*``. Default: all of the endpoint.
        :param target_variants: whether requests may choose a variant. Default: no. In an experiment such
            requests count for nothing.
        :param model_timeout: 1–28 seconds until a request is answered 504. Default: 28 seconds.
        :param front: how callers reach it. Default: ``ApiFront.http()``.
        :param error_percent: 0–100, above which the alarm goes off. Default: 5.
        :param notify: topics that the alarm tells. Default: none.
        :param api_name: in logs and metrics. Default: derived from stack name and path.
        :raises ConstraintError: SM-API-…
        """
        props = InferenceApiProps(
            endpoint=endpoint,
            authorization=ApiAuthorization.iam() if authorization is None else authorization,
            throttle=Throttle() if throttle is None else throttle,
            request=RequestLimits() if request is None else request,
            front=ApiFront.http() if front is None else front,
            experiment=experiment,
            targets=targets,
            target_variants=target_variants,
            model_timeout=model_timeout,
            error_percent=error_percent,
            notify=notify,
            api_name=api_name,
        )
        enforce_together(api_rules.violations(props), path=lambda: construct_path(scope, id))
        super().__init__(scope, id)
        note_place(self, scope, id)
        self.endpoint = endpoint
        """What answers."""
        self.authorization = props.authorization
        """Who may call."""
        self.api_name = physical_name(self) if api_name is None else api_name
        """What logs and metrics call it."""
        self.routes = _routes(props)
        """Methods and paths, such as ``POST /invocations``."""
        seconds = _model_seconds(props)
        self.function = api_function(
            self,
            "Answer",
            description=f"Answers requests to {path_of(self)}",
            timeout=cdk.Duration.seconds(seconds + SEND_SECONDS),
            experiment=experiment is not None,
        )
        """What answers behind it."""
        self._tell(props, seconds)
        props.served.let_invoke(self.function)
        if experiment is not None:
            experiment.join(self.function)
        self.front = HttpFront(
            self,
            "Http",
            front=props.front,
            routes=self.routes,
            function=self.function,
            authorization=props.authorization,
            throttle=props.throttle,
            api_name=self.api_name,
            description=f"Predictions of {path_of(endpoint)}",
        )
        """What callers reach: ``front.http_api``, ``front.access_log``."""
        self.grants = InferenceApiGrants(self)
        """Who may call: ``api.grants.invoke(role)``."""
        self.alarms = ApiAlarms(
            self,
            "Alarms",
            api=self.api_name,
            errors=self.metric_error_percent(),
            percent=error_percent,
            topics=notify,
        )
        """What watches it."""

    def metric_code(self, code: str) -> cloudwatch.Metric:
        """Requests per minute that came to one code, such as ``OK`` or ``ModelError``; docs/api.md lists them."""
        return cloudwatch.Metric(
            namespace=METRIC_NAMESPACE,
            metric_name="Requests",
            dimensions_map={"Api": self.api_name, "Code": code},
            statistic="Sum",
            period=minute(),
        )

    def _dimensions(self) -> Mapping[str, str]:
        return {"ApiId": self.front.http_api.api_id}

    def _model_errors(self) -> cloudwatch.Metric:
        return self.metric_code("ModelError")

    def _tell(self, props: InferenceApiProps, seconds: int) -> None:
        """Tell the function what it was deployed for: runtime/settings.py reads it."""
        served, request = props.served, props.request
        most = (
            props.way.request.request_bytes if request.max_body is None else int(request.max_body.to_bytes())
        )
        told: dict[str, object] = {
            "api": self.api_name,
            "endpoint": props.endpoint.endpoint_name,
            "timeout": seconds,
            "most_bytes": most,
            "most_answer_bytes": _FUNCTION_ANSWER_BYTES,
            "content_types": list(request.content_types),
            "most_rows": request.max_rows,
            "columns": request.columns,
            "well_formed": request.well_formed,
            "targets": {name: list(patterns) for name, patterns in served.may_name.items()},
            "required": [] if served.named is None else [served.named],
        }
        if served.locations is not None:
            places = ("input", "output", "failures")
            told["places"] = {place: getattr(served.locations, place).uri for place in places}
        self.function.add_environment("API", stack_of(self).to_json_string(told))


def _routes(props: InferenceApiProps) -> tuple[str, ...]:
    routes = ["POST /invocations", "GET /ping"]
    if props.served.locations is not None:
        routes.append("GET /results/{inferenceId}")
    if props.experiment is not None:
        routes.append("POST /rewards")
    return tuple(routes)


def _model_seconds(props: InferenceApiProps) -> int:
    given = props.model_timeout
    return props.way.model_seconds if given is None else int(given.to_seconds())
