"""InvokeEndpointWithResponseStream: an answer as a stream of events.

The model's answer is waited for, and then sent in parts: the form is AWS's, when the parts come is not.

Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpointWithResponseStream.html;
of the form https://smithy.io/2.0/aws/amazon-eventstream.html
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping

_PART_BYTES = 8192
_TEXT = 7
_HEADERS = {
    ":message-type": "event",
    ":event-type": "PayloadPart",
    ":content-type": "application/octet-stream",
}
_ACCEPT = "x-amzn-sagemaker-accept"


def asked(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of InvokeEndpoint that ask for the same."""
    named = {_ACCEPT: "accept"}
    plain = {name: value for name, value in headers.items() if name != "accept"}
    return {named.get(name, name): value for name, value in plain.items()}


def streamed(status: int, headers: Mapping[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
    """An answer of InvokeEndpoint as this operation gives it."""
    told = {
        **headers,
        "X-Amzn-SageMaker-Content-Type": headers["Content-Type"],
        "Content-Type": "application/vnd.amazon.eventstream",
    }
    return status, told, b"".join(_event(part) for part in _parts(body))


def _parts(body: bytes) -> Iterator[bytes]:
    return (body[start : start + _PART_BYTES] for start in range(0, len(body), _PART_BYTES))


def _event(payload: bytes) -> bytes:
    headers = b"".join(_header(name, value) for name, value in _HEADERS.items())
    lengths = struct.pack("!II", len(headers) + len(payload) + 16, len(headers))
    message = lengths + struct.pack("!I", zlib.crc32(lengths)) + headers + payload
    return message + struct.pack("!I", zlib.crc32(message))


def _header(name: str, value: str) -> bytes:
    return (
        struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", _TEXT, len(value)) + value.encode()
    )
