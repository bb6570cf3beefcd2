"""Requests that came over the loopback device count as encrypted, for the policies that ask for TLS.

The embedded AWS speaks plain HTTP, and on no other device: there, that is what TLS is on AWS. Without this, every
bucket and queue whose policy refuses other transport would refuse everybody, where IAM is enforced.
"""

from __future__ import annotations

import contextvars

from ministack import app
from ministack.core import iam_evaluator

_LOOPBACK = "127.0.0.1"


def install() -> None:
    """Let ``aws:SecureTransport`` be true, of requests and of what services do by themselves."""
    origin: contextvars.ContextVar[tuple[str, bool]] = contextvars.ContextVar(
        "request_origin", default=(_LOOPBACK, True)
    )
    iam_evaluator._request_origin = origin
    app.pin_request_origin = lambda source_ip, _secure: origin.set((source_ip, True))
