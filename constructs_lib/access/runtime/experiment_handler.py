"""The function behind the API of an experiment."""

from __future__ import annotations

from functools import cache
from typing import Any

from .experiment import Experimenting, joined
from .front import Front, ping
from .invoking import sagemaker_runtime
from .settings import Settings


@cache
def _front() -> Front:
    settings = Settings.from_environment()
    experimenting = Experimenting(settings, joined(sagemaker_runtime(settings)))
    routes = {"POST /invocations": experimenting.answer, "POST /rewards": experimenting.reward}
    return Front(settings, {**routes, "GET /ping": ping})


def handle(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer a request."""
    return _front().handle(event)
