"""The private names of ministack's Lambda that errors of functions need; emulator.py's companion."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Mapping
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

Error = Mapping[str, Any]
_REPORTED = 'json.dumps({"status": "error", "error": str(e), "trace": traceback.format_exc()})'
_WITH_TYPE = (
    'json.dumps({"status": "error", "error": str(e), "trace": traceback.format_exc(), '
    '"error_type": type(e).__name__, "frames": traceback.format_tb(e.__traceback__)[1:]})'
)
_last: contextvars.ContextVar[Error] = contextvars.ContextVar("last_error")


def tell_error_types(payload_of: Callable[[Error], dict[str, Any] | None]) -> None:
    """Let `payload_of` (what the Python runtime reports of an exception) write what a failed invocation answers.

    ministack's own runtime for Python reports the message of the exception only.
    """
    script = lambda_runtime._PYTHON_WORKER_SCRIPT
    if script.count(_REPORTED) != 1:
        raise RuntimeError("ministack's Python runtime is not the one that constructs_lib.local knows")
    lambda_runtime._PYTHON_WORKER_SCRIPT = script.replace(_REPORTED, _WITH_TYPE)
    _remember_errors()
    plain = lambda_svc._execute_function_warm

    def execute(function: Any, event: Any, request_id: str) -> dict[str, Any]:
        _last.set({})
        result: dict[str, Any] = plain(function, event, request_id)
        payload = payload_of({**_last.get(), "request_id": request_id}) if result.get("error") else None
        return result if payload is None else {**result, "body": payload}

    lambda_svc._execute_function_warm = execute


def _remember_errors() -> None:
    plain = lambda_runtime.Worker.invoke

    def invoke(worker: Any, event: Any, request_id: str, **more: Any) -> dict[str, Any]:
        response: dict[str, Any] = plain(worker, event, request_id, **more)
        _last.set(response)
        return response

    lambda_runtime.Worker.invoke = invoke
