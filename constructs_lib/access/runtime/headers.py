"""The headers of a request as parameters of InvokeEndpoint, and back: they are SageMaker's own.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from fnmatch import fnmatchcase

from .refusals import Refusal

INFERENCE_ID = "X-Amzn-SageMaker-Inference-Id"
INPUT_LOCATION = "X-Amzn-SageMaker-InputLocation"
CUSTOM_ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
VARIANT = "x-Amzn-Invoked-Production-Variant"
UNIT = "X-Unit-Id"

TARGETS = {
    "TargetModel": "X-Amzn-SageMaker-Target-Model",
    "TargetVariant": "X-Amzn-SageMaker-Target-Variant",
    "TargetContainerHostname": "X-Amzn-SageMaker-Target-Container-Hostname",
    "InferenceComponentName": "X-Amzn-SageMaker-Inference-Component",
}
"""Parameters that say who of an endpoint is to answer, with their headers."""

_LONGEST = 1024
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ID_ALLOWED = "1–64 letters, digits, dots, underscores and hyphens, the first a letter or digit"


def header(headers: Mapping[str, str], name: str) -> str | None:
    """A header, where there is one that is not empty. API Gateway hands names over in lower case."""
    return headers.get(name.lower()) or None


def inference_id(headers: Mapping[str, str]) -> str | None:
    """The id that the caller gave.

    Narrower than SageMaker's own, since it is written into logs, keys and events.
    """
    given = header(headers, INFERENCE_ID)
    if given is not None and not _ID.fullmatch(given):
        raise Refusal("InvalidRequest", f"{INFERENCE_ID} cannot be used", allowed=_ID_ALLOWED)
    return given


def new_inference_id() -> str:
    """One that nobody has."""
    return str(uuid.uuid4())


def checked_id(given: object) -> str:
    """An inference id out of a path or a body."""
    if not isinstance(given, str) or not _ID.fullmatch(given):
        raise Refusal("InvalidRequest", "the inference id cannot be one", allowed=_ID_ALLOWED)
    return given


def media_type(headers: Mapping[str, str]) -> str:
    """The content type in lower case, without its parameters."""
    given = header(headers, "Content-Type") or "application/octet-stream"
    return given.partition(";")[0].strip().lower()


def parameters(headers: Mapping[str, str]) -> dict[str, str]:
    """What every call of SageMaker's is told beside the body."""
    told = {
        "ContentType": header(headers, "Content-Type"),
        "Accept": header(headers, "Accept"),
        "CustomAttributes": header(headers, CUSTOM_ATTRIBUTES),
    }
    for name, each in told.items():
        if each is not None and (len(each) > _LONGEST or not each.isascii()):
            raise Refusal(
                "InvalidRequest", f"{name} cannot be passed on", f"at most {_LONGEST} ASCII characters"
            )
    return {name: each for name, each in told.items() if each is not None}


def targets(
    headers: Mapping[str, str], *, may: Mapping[str, tuple[str, ...]], must: tuple[str, ...]
) -> dict[str, str]:
    """Who is to answer: what the request names, which it may, and has to where it must."""
    named = {}
    for parameter, written in TARGETS.items():
        given = header(headers, written)
        patterns = may.get(parameter)
        if given is None:
            if parameter in must:
                raise Refusal("InvalidRequest", f"{written} is missing: it says which one is to answer")
        elif patterns is None:
            raise Refusal("InvalidRequest", f"{written} is not for this API")
        elif not any(fnmatchcase(given, pattern) for pattern in patterns):
            raise Refusal("TargetNotAllowed", f"{given} is none that this API calls", ", ".join(patterns))
        else:
            named[parameter] = given
    return named
