"""What a smoke test asks an endpoint, what it takes for an answer, and which of it goes together."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import aws_cdk as cdk

from ..core.checks import duration, kind, known, latency, number, text
from ..core.rules import API_REFERENCE, DEVELOPER_GUIDE, Broken, Rules, listed
from ..hosting.asynchronous import AsyncEndpoint
from ..hosting.component_endpoint import ComponentEndpoint
from ..hosting.endpoint import EndpointBase
from ..hosting.hosted import HostedEndpoint
from ..hosting.inference_component import InferenceComponent
from ..hosting.multi_model import MultiModelEndpoint
from ..hosting.pipeline import InferencePipeline

JsonScalar = str | int | float | bool | None
MOST_BYTES = 100_000
LONGEST_PATIENCE_SECONDS = 13 * 60
"""A function runs for a quarter of an hour at most, and CloudFormation must be told in it."""

_INVOKE = API_REFERENCE + "API_runtime_InvokeEndpoint.html"
_CUSTOM_RESOURCE = "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-customresource.html"
_LAMBDA = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class SmokeRequest:
    """One request, as an application would send it.

    It stands in the template and is logged nowhere: take no secret, and nothing of a real person.
    Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html

    :raises ConstraintError: SM-DELIVERY-060, SM-DELIVERY-061.
    """

    body: str | bytes
    """1–100,000 bytes."""
    content_type: str
    """Such as ``text/csv``, ``application/json``."""
    accept: str | None = None
    """Default: what the model answers with by itself."""
    custom_attributes: str | None = None
    """Passed on to the model as it is."""
    target_model: str | None = None
    """For a multi-model endpoint: ``HostedModel.target_model``."""
    target_variant: str | None = None
    """One of the endpoint's variants. Default: whichever the traffic is sent to."""
    target_container: str | None = None
    """For a pipeline with direct invocation: the hostname of a container."""
    component: InferenceComponent | None = None
    """For a `ComponentEndpoint`."""

    def __post_init__(self) -> None:
        """Check."""
        request_rules.enforce(self, path="SmokeRequest")

    @classmethod
    def from_file(
        cls,
        path: str | Path,
        *,
        content_type: str,
        accept: str | None = None,
        custom_attributes: str | None = None,
        target_model: str | None = None,
        target_variant: str | None = None,
        target_container: str | None = None,
        component: InferenceComponent | None = None,
    ) -> SmokeRequest:
        """A request whose body is a file's content, byte for byte.

        :raises ConstraintError: SM-DELIVERY-060, SM-DELIVERY-061; SM-DELIVERY-062 when the file cannot be read.
        """
        try:
            content = Path(path).read_bytes()
        except (OSError, TypeError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise READABLE.error(
                "SmokeRequest", Broken("path", str(path), f"a file to read ({reason})")
            ) from None
        return cls(
            body=content,
            content_type=content_type,
            accept=accept,
            custom_attributes=custom_attributes,
            target_model=target_model,
            target_variant=target_variant,
            target_container=target_container,
            component=component,
        )

    def told(self) -> dict[str, object]:
        """As the custom resource carries it: text stays to be read in a diff."""
        component = None if self.component is None else self.component.component_name
        headers = {
            "ContentType": self.content_type,
            "Accept": self.accept,
            "CustomAttributes": self.custom_attributes,
            "TargetModel": self.target_model,
            "TargetVariant": self.target_variant,
            "TargetContainerHostname": self.target_container,
            "InferenceComponentName": component,
        }
        return {
            **self._body(),
            "Headers": {name: value for name, value in headers.items() if value is not None},
        }

    def _body(self) -> dict[str, str]:
        if isinstance(self.body, str):
            return {"Body": self.body}
        try:
            return {"Body": self.body.decode()}
        except UnicodeDecodeError:
            return {"BodyBase64": base64.b64encode(self.body).decode()}


@dataclass(frozen=True, slots=True, kw_only=True)
class SmokeExpectation:
    """What the answer must be like; by default, any answer that is no error.

    :raises ConstraintError: SM-DELIVERY-063, SM-DELIVERY-064, SM-DELIVERY-065.
    """

    status: int = 200
    """200, or the status of the model's own error: that it refuses nonsense can be tested too."""
    contains: str | None = None
    """Text that stands in the answer."""
    json: Mapping[str, JsonScalar] = field(default_factory=dict)
    """What stands at places of a JSON answer: ``{"$.labels[0]": "benign"}``. Texts and truth values are
    compared exactly, numbers to `tolerance`."""
    tolerance: float = 1e-6
    """Relative, of numbers in `json`, 0–1."""
    content_type: str | None = None
    """Of the answer, without parameters: ``application/json``."""
    max_latency: cdk.Duration | None = None
    """Of one request as the test sees it, 1 millisecond – 1 minute; the best of 4 counts, since a first
    request may start a container."""

    def __post_init__(self) -> None:
        """Check."""
        expectation_rules.enforce(self, path="SmokeExpectation")

    def told(self) -> str:
        """As the custom resource carries it: JSON, since CloudFormation makes all numbers texts."""
        expected: dict[str, object] = {"Status": self.status}
        if self.contains is not None:
            expected["Contains"] = self.contains
        if self.json:
            expected |= {"Json": dict(self.json), "Tolerance": self.tolerance}
        if self.content_type is not None:
            expected["ContentType"] = self.content_type
        if self.max_latency is not None:
            expected["MaxLatencySeconds"] = self.max_latency.to_milliseconds() / 1000
        return json.dumps(expected, sort_keys=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class SmokeTestProps:
    """What `SmokeTest` is given."""

    endpoint: EndpointBase
    request: SmokeRequest
    expect: SmokeExpectation
    patience: cdk.Duration


request_rules = Rules[SmokeRequest]()
expectation_rules = Rules[SmokeExpectation]()
smoke_rules = Rules[SmokeTestProps]()

READABLE = listed(
    id="SM-DELIVERY-062", summary="The file of a smoke test's request can be read.", source=_INVOKE
)

_HEADER = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,1022}[\x21-\x7e])?")
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+")
# The same as the function reads (runtime/expectation.py); a test compares them.
PATH = re.compile(r'\$(?:\.[A-Za-z_][A-Za-z0-9_-]*|\[[0-9]{1,6}\]|\["[^"\\]{1,200}"\])*')


@request_rules.rule("SM-DELIVERY-060", source=_LAMBDA)
def body_fits(request: SmokeRequest) -> Iterator[Broken]:
    """The body of a smoke test's request has 1–100,000 bytes."""
    # Inferred: CloudFormation hands it to a function in an event, of which Lambda takes 256 KB, base64 included.
    if not isinstance(request.body, str | bytes) or not known(request.body):
        return
    length = len(request.body.encode() if isinstance(request.body, str) else request.body)
    if not 1 <= length <= MOST_BYTES:
        yield Broken("body", f"{length:,} bytes", f"1–{MOST_BYTES:,} bytes")


@request_rules.rule("SM-DELIVERY-061", source=_INVOKE)
def headers_are_plain(request: SmokeRequest) -> Iterator[Broken]:
    """Headers of a smoke test's request are 1–1,024 visible ASCII characters."""
    yield from kind("content_type", request.content_type, str, optional=False)
    for name in (
        "content_type",
        "accept",
        "custom_attributes",
        "target_model",
        "target_variant",
        "target_container",
    ):
        value = getattr(request, name)
        if isinstance(value, str):
            yield from text(name, value, _HEADER, "1–1,024 ASCII characters, no space at the ends")


@expectation_rules.rule("SM-DELIVERY-063", source=_INVOKE)
def status_can_be_seen(expect: SmokeExpectation) -> Iterator[Broken]:
    """The expected status is 200, or that of an error of the model: 400–599."""
    status = expect.status
    if not known(status):
        return
    if isinstance(status, bool) or not isinstance(status, int) or not (status == 200 or 400 <= status <= 599):
        yield Broken("status", status, "200, or 400–599 for an error of the model's own")


@expectation_rules.rule("SM-DELIVERY-064", source=_INVOKE)
def places_are_exact(expect: SmokeExpectation) -> Iterator[Broken]:
    """What is expected of an answer can be compared: places by exact paths, texts that are not empty."""
    if isinstance(expect.json, Mapping):
        for path in expect.json:
            allowed = 'a path from the root, such as $.labels[0] or $["a key"].score, without wildcards'
            yield from text(f"json[{path!r}]", path, PATH, allowed)
    if expect.contains == "":
        yield Broken("contains", "", "a text that is not empty, which any answer contains")
    yield from number("tolerance", expect.tolerance, 0, 1)
    if isinstance(expect.content_type, str):
        yield from text(
            "content_type", expect.content_type, _MEDIA_TYPE, "a media type such as application/json"
        )


@expectation_rules.rule("SM-DELIVERY-065", source=DEVELOPER_GUIDE + "your-algorithms-inference-code.html")
def latency_is_reachable(expect: SmokeExpectation) -> Iterator[Broken]:
    """The longest that an answer may take is 1 millisecond – 1 minute, as long as SageMaker waits."""
    yield from latency("max_latency", expect.max_latency)


@smoke_rules.rule("SM-DELIVERY-066", source=_INVOKE)
def target_fits_the_endpoint(props: SmokeTestProps) -> Iterator[Broken]:
    """A smoke test's request names the target that its kind of endpoint needs, and no other."""
    endpoint, request = props.endpoint, props.request
    if not isinstance(request, SmokeRequest) or not isinstance(endpoint, HostedEndpoint):
        return  # an imported endpoint does not tell what it is
    direct = isinstance(endpoint, InferencePipeline) and endpoint.direct_invocation
    wanted = {
        "target_model": (isinstance(endpoint, MultiModelEndpoint), "HostedModel.target_model"),
        "component": (isinstance(endpoint, ComponentEndpoint), "what add_component gave"),
        "target_container": (direct, "the hostname of a container"),
    }
    for name, (needed, example) in wanted.items():
        given = getattr(request, name)
        if needed and given is None:
            yield Broken(f"request.{name}", None, f"{example}: requests to this endpoint name one")
        if not needed and given is not None:
            yield Broken(f"request.{name}", given, "nothing: requests to this endpoint name none")
    component = request.component
    if isinstance(component, InferenceComponent) and component.endpoint is not endpoint:
        yield Broken("request.component", component.component_name, "a component of this endpoint")


@smoke_rules.rule("SM-DELIVERY-067", source=API_REFERENCE + "API_runtime_InvokeEndpointAsync.html")
def asynchronous_answers_lie_in_s3(props: SmokeTestProps) -> Iterator[Broken]:
    """What is expected of an asynchronous endpoint is what can be seen in S3."""
    if not isinstance(props.endpoint, AsyncEndpoint):
        return
    expect, request = props.expect, props.request
    if isinstance(expect, SmokeExpectation) and expect.max_latency is not None:
        yield Broken(
            "expect.max_latency", expect.max_latency.to_human_string(), "nothing: requests wait their turn"
        )
    if isinstance(expect, SmokeExpectation) and expect.content_type is not None:
        # Inferred: AWS documents no type of the object that an answer comes to lie in.
        yield Broken(
            "expect.content_type", expect.content_type, "nothing: an answer in S3 does not tell its type"
        )
    if isinstance(expect, SmokeExpectation) and expect.status not in (200, 500):
        yield Broken("expect.status", expect.status, "200, or 500 for any failure, whose status is not told")
    if isinstance(request, SmokeRequest) and request.target_variant is not None:
        yield Broken("request.target_variant", request.target_variant, "nothing: requests name no variant")


@smoke_rules.rule("SM-DELIVERY-068", source=_CUSTOM_RESOURCE)
def patience_ends(props: SmokeTestProps) -> Iterator[Broken]:
    """A smoke test waits for 10 seconds – 13 minutes."""
    yield from duration("patience", props.patience, 10, LONGEST_PATIENCE_SECONDS)
