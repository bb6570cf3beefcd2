"""The smoke test of a deployment, as its manifest says."""

from __future__ import annotations

from pathlib import Path

from ...hosting.component_endpoint import ComponentEndpoint
from ...hosting.endpoint import EndpointBase
from ...hosting.inference_component import InferenceComponent
from ...hosting.multi_model import MultiModelEndpoint
from ..checking import shown
from ..problems import FIELD_RULE, FILE_RULE
from ..schema.smoke import SmokeExpectationSpec, SmokeRequestSpec, SmokeTestSpec
from ..smoke_props import SmokeExpectation, SmokeRequest
from ..smoke_test import SmokeTest
from .site import Where

ID = "SmokeTest"


def smoke_test(where: Where, spec: SmokeTestSpec, endpoint: EndpointBase) -> None:
    """Test `endpoint` whenever it is deployed."""
    request = _request(where / "request", spec.request, endpoint)
    expect = _expectation(where / "expect", spec.expect)
    if request is not None and expect is not None:
        where.make(lambda: SmokeTest(where.scope, ID, endpoint=endpoint, request=request, expect=expect))


def _request(where: Where, spec: SmokeRequestSpec, endpoint: EndpointBase) -> SmokeRequest | None:
    target, component = _target_model(where, spec, endpoint), _component(where, spec, endpoint)
    body = spec.body if spec.file is None else _content(where / "file", spec.file)
    if body is None:
        return None
    return where.make(
        lambda: SmokeRequest(
            body=body,
            content_type=spec.content_type,
            accept=spec.accept,
            target_model=target,
            component=component,
        ),
        {"body": "file"} if spec.file is not None else None,
    )


def _content(where: Where, file: str) -> bytes | None:
    try:
        return Path(where.file(file)).read_bytes()
    except OSError as error:
        where.refuse(shown(file), f"a file of the repository ({error.strerror})", FILE_RULE)
        return None


def _target_model(where: Where, spec: SmokeRequestSpec, endpoint: EndpointBase) -> str | None:
    """Where the model lies that the manifest calls by its name."""
    if spec.target_model is None or not isinstance(endpoint, MultiModelEndpoint):
        return spec.target_model
    hosted = endpoint.hosted_models.get(spec.target_model)
    if hosted is None:
        _unknown(where / "targetModel", spec.target_model, "models", list(endpoint.hosted_models))
    return None if hosted is None else hosted.target_model


def _component(where: Where, spec: SmokeRequestSpec, endpoint: EndpointBase) -> InferenceComponent | None:
    if spec.component is None:
        return None
    known = endpoint.components if isinstance(endpoint, ComponentEndpoint) else {}
    if spec.component not in known:
        _unknown(where / "component", spec.component, "components", list(known))
    return known.get(spec.component)


def _unknown(where: Where, given: str, of: str, known: list[str]) -> None:
    where.refuse(
        repr(given), f"one of {of}: {', '.join(known)}" if known else f"nothing: it has no {of}", FIELD_RULE
    )


def _expectation(where: Where, spec: SmokeExpectationSpec) -> SmokeExpectation | None:
    return where.make(
        lambda: SmokeExpectation(
            status=spec.status,
            contains=spec.contains,
            json={} if spec.json_path is None else {spec.json_path: spec.equals},
            max_latency=where.duration(spec.max_latency),
        ),
        {f"json[{spec.json_path!r}]": "jsonPath"},
    )
