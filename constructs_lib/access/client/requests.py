"""Requests, checked before they are sent."""

from __future__ import annotations

import re
import uuid

from .errors import BadRequest, PayloadTooLarge
from .formats import Serializer
from .transport import Request, Target

_INFERENCE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""As an `InferenceApi` takes it; SageMaker itself would take any printable text."""
_ONE_LINE = re.compile(r"[\x20-\x7e]{1,1024}")
"""What a header can carry.

Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
"""


def made(
    data: object,
    serializer: Serializer,
    *,
    accept: str,
    inference_id: str | None,
    most_bytes: int,
    target: Target | None = None,
    custom_attributes: str | None = None,
    unit: str | None = None,
    input_location: str | None = None,
) -> Request:
    """The request; its body is empty where the input lies in S3.

    :raises BadRequest: the data cannot be written in the format, or a value cannot be sent.
    :raises PayloadTooLarge: the body has more than `most_bytes`.
    """
    id = str(uuid.uuid4()) if inference_id is None else inference_id
    if not _INFERENCE_ID.fullmatch(id):
        allowed = "1–64 letters, digits, dots, underscores and hyphens"
        raise BadRequest(f"{id!r} is no inference id.", allowed=allowed)
    chosen = Target() if target is None else target
    lines = {
        "content type": serializer.content_type,
        "accept": accept,
        "custom_attributes": custom_attributes,
        "unit": unit,
        "input_location": input_location,
        "target variant": chosen.variant,
        "target model": chosen.model,
        "target container": chosen.container,
        "target component": chosen.component,
    }
    for name, value in lines.items():
        if value is not None and not _ONE_LINE.fullmatch(value):
            allowed = "1–1024 printable ASCII characters"
            raise BadRequest(f"The {name} cannot be sent: {value!r}.", inference_id=id, allowed=allowed)
    return Request(
        body=b"" if input_location is not None else _body(data, serializer, id, most_bytes),
        content_type=serializer.content_type,
        accept=accept,
        inference_id=id,
        target=chosen,
        custom_attributes=custom_attributes,
        unit=unit,
        input_location=input_location,
    )


def _body(data: object, serializer: Serializer, inference_id: str, most_bytes: int) -> bytes:
    try:
        body = serializer.dump(data)
    except (ValueError, TypeError, RecursionError) as error:
        message = f"The data cannot be written as {serializer.content_type}: {error}"
        raise BadRequest(message, inference_id=inference_id) from error
    if len(body) > most_bytes:
        raise PayloadTooLarge(
            f"The request has {len(body)} bytes.", inference_id=inference_id, allowed=f"{most_bytes} bytes"
        )
    return body
