"""What the program answers: the contract of SageMaker's containers, on the device.

``POST /invocations``, ``GET /ping``, ``GET /status``, ``POST /models/offered``. Errors are JSON, with ``error`` and,
where there is a choice, ``allowed``.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, Protocol

from . import codec
from .errors import BadRequest
from .predictor import Array, Output
from .swap import Loaded
from .wire import Answer, Request, refusal

_LOG = logging.getLogger(__name__)
_ID = "X-Amzn-SageMaker-Inference-Id"
_ID_FITS = re.compile(r"[\x20-\x7e]{1,64}")
_BACKLOG = 128


class Observer(Protocol):
    """Is told of each inference. It neither waits nor fails."""

    def new_id(self) -> str:
        """An id that no other inference has."""

    def computing(self) -> None:
        """A model begins to compute: until it has, the interpreter is free for other threads."""

    def answered(self, inference: Inference) -> None:
        """An inference has its answer, or its error."""


class Inference:
    """One inference, for telling of it."""

    __slots__ = ("at", "error", "id", "inputs", "latency_ms", "model_version", "outputs", "record_id")

    def __init__(self, record_id: str, id: str, model_version: str) -> None:
        """Begin."""
        self.record_id, self.id, self.model_version = record_id, id, model_version
        self.at = time.time_ns() // 1_000_000
        self.latency_ms = 0.0
        self.inputs: Mapping[str, Array] | None = None
        self.outputs: Mapping[str, Output] | None = None
        self.error: str | None = None


class Routes:
    """Answers requests."""

    def __init__(
        self,
        *,
        current: Callable[[], Loaded | None],
        status: Callable[[], dict[str, Any]],
        offered: Callable[[], None],
        observer: Observer,
        max_concurrent: int,
        max_body_bytes: int,
    ) -> None:
        """:param current: the model that is served.
        :param offered: called when somebody says that there is a new model.
        """
        self._current, self._status, self._offered = current, status, offered
        self._observer = observer
        self._most, self._max_body = max_concurrent, max_body_bytes
        self._taken, self._lock = 0, threading.Lock()
        self._known: dict[str, tuple[str, Callable[[Request], Answer]]] = {
            "/invocations": ("POST", self._invocations),
            "/ping": ("GET", self._ping),
            "/status": ("GET", self._told),
            "/models/offered": ("POST", self._nudged),
        }

    def __call__(self, request: Request) -> Answer:
        """The answer to a request."""
        known = self._known.get(request.path)
        if known is None:
            paths = [f"{method} {path}" for path, (method, _) in self._known.items()]
            raise BadRequest(404, f"there is no {request.path[:200]}", paths)
        method, answer = known
        if request.method != method:
            raise BadRequest(405, f"{request.path} does not take {request.method[:20]}", [method])
        return answer(request)

    def _ping(self, request: Request) -> Answer:
        if self._current() is None:
            raise BadRequest(503, "no model is served")
        return Answer(body=b"{}")

    def _told(self, request: Request) -> Answer:
        return Answer(body=codec.as_json(self._status()))

    def _nudged(self, request: Request) -> Answer:
        self._offered()
        return Answer(status=202, body=b"{}")

    def _invocations(self, request: Request) -> Answer:
        record_id = self._observer.new_id()
        id = request.headers.get(_ID.lower(), record_id)
        if not _ID_FITS.fullmatch(id):
            raise BadRequest(400, f"{_ID} is no id", ["1–64 printable characters of ASCII"])
        # Before the body is read: it takes memory as well.
        with self._lock:
            full = self._taken >= self._most
            self._taken += not full
        if full:
            raise BadRequest(429, f"{self._most} requests are being answered already")
        try:
            return self._infer(request, record_id, id)
        finally:
            with self._lock:
                self._taken -= 1

    def _infer(self, request: Request, record_id: str, id: str) -> Answer:
        body = request.body(self._max_body)
        # Once, and to the end of this request: whatever is swapped meanwhile.
        loaded = self._current()
        if loaded is None:
            raise BadRequest(503, "no model is served")
        headers = {_ID: id, "X-Model-Version": loaded.version}
        inference = Inference(record_id, id, loaded.version)
        begun = time.perf_counter()
        try:
            return self._predict(loaded, request, body, inference, headers)
        except BadRequest as error:
            inference.error = str(error)
            return refusal(error, headers)
        except MemoryError:
            _LOG.exception("there is not enough memory for a request")
            inference.error = "there is not enough memory for this request"
            return refusal(BadRequest(503, inference.error), headers)
        except Exception as error:
            _LOG.exception("a request failed")
            inference.error = f"the model has failed: {str(error)[:300]}"
            return refusal(BadRequest(500, inference.error), headers)
        finally:
            inference.latency_ms = (time.perf_counter() - begun) * 1000
            self._observer.answered(inference)

    def _predict(
        self, loaded: Loaded, request: Request, body: bytes, inference: Inference, headers: Mapping[str, str]
    ) -> Answer:
        content_type = request.headers.get("content-type", "")
        inference.inputs = codec.decode(body, content_type, loaded.predictor.inputs)
        self._observer.computing()
        inference.outputs = loaded.predictor.predict(inference.inputs)
        content, kind = codec.encode(inference.outputs, request.headers.get("accept", ""))
        return Answer(body=content, content_type=kind, headers=headers)


# --- sockets ----------------------------------------------------------------------------------------------


class AlreadyRunning(Exception):  # noqa: N818 - it is read as a sentence
    """Another program has this folder or this socket."""


def hold(root: Path) -> IO[str]:
    """Be the only program of a folder, for as long as the file that is returned is open.

    :raises AlreadyRunning: another one is.
    """
    folder = root / "run"
    folder.mkdir(parents=True, exist_ok=True)
    file = (folder / "program.lock").open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise AlreadyRunning(f"another program has {root}") from error
    return file


def listen_at(path: Path) -> socket.socket:
    """A Unix socket that owner and group may use. One that a dead program left is taken away.

    :raises AlreadyRunning: a program answers there.
    :raises OSError: it cannot be made there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other, contextlib.suppress(OSError):
        other.settimeout(1)
        other.connect(str(path))
        raise AlreadyRunning(f"another program answers at {path}")
    if path.is_socket():
        path.unlink()
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.bind(str(path))
    path.chmod(0o660)
    made.listen(_BACKLOG)
    return made


def listen_on(port: int) -> socket.socket:
    """A socket of the loopback.

    :raises OSError: something else has the port.
    """
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("127.0.0.1", port))
    made.listen(_BACKLOG)
    return made
