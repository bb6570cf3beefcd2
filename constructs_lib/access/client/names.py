"""What the endpoint is called."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from .aws import within
from .deadline import Deadline

REMEMBERED_SECONDS = 60.0


class ParameterName:
    """The endpoint's name out of Parameter Store, read again every minute: a deployment may change it."""

    def __init__(self, ssm: Any, parameter: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._ssm = ssm
        self._parameter = parameter
        self._clock = clock
        self._lock = threading.Lock()
        self._known: tuple[str, float] | None = None

    def __call__(self, deadline: Deadline) -> str:
        """The name.

        :raises InferenceError: it cannot be read.
        """
        with self._lock:
            if self._known is None or self._clock() - self._known[1] > REMEMBERED_SECONDS:
                with within(deadline, None):
                    found = self._ssm.get_parameter(Name=self._parameter)
                self._known = (found["Parameter"]["Value"], self._clock())
            return self._known[0]
