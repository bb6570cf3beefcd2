"""What stands behind the API: takes a request, has it answered or refused, and tells the log what became of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from .answers import Answer, as_json, refused
from .headers import INFERENCE_ID, VARIANT, inference_id, new_inference_id
from .refusals import Refusal
from .requests import Request
from .settings import Settings
from .telling import line

log = logging.getLogger(__name__)


class Serving(Protocol):
    """Has requests answered."""

    def answer(self, request: Request, inference_id: str) -> Answer:
        """The answer.

        :raises Refusal: where there is none.
        """
        ...


Route = Callable[[Request, str], Answer]


def ping(_request: Request, _inference_id: str) -> Answer:
    """That the API answers; whether the endpoint does, a prediction tells."""
    return as_json({"status": "ok"})


class Front:
    """The function behind the API."""

    def __init__(
        self,
        settings: Settings,
        routes: Mapping[str, Route],
        *,
        clock: Callable[[], float] = time.time,
        tell: Callable[[str], object] = print,
    ) -> None:
        self._settings = settings
        self._routes = routes
        self._clock = clock
        self._tell = tell

    def handle(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a request of API Gateway's."""
        began = self._clock()
        request = Request.of(event)
        answer, proxied = self._answer(request)
        self._tell(
            line(
                at=began,
                api=self._settings.api,
                code=answer.code,
                milliseconds=1000 * (self._clock() - began),
                told={
                    "request": request.id,
                    "route": request.route,
                    "status": answer.status,
                    "inference_id": answer.headers.get(INFERENCE_ID),
                    "variant": answer.headers.get(VARIANT),
                    "bytes_in": len(request.body),
                    "bytes_out": len(answer.body),
                },
            )
        )
        return proxied

    def _answer(self, request: Request) -> tuple[Answer, dict[str, Any]]:
        id = None
        try:
            id = inference_id(request.headers) or new_inference_id()
            answer = self._routed(request)(request, id)
            return answer, answer.proxied(self._settings.most_answer_bytes)
        except Refusal as refusal:
            return self._refused(refusal, id)
        except Exception:
            log.exception("%s: %s", self._settings.api, request.route)
            return self._refused(Refusal("InternalError", "the request could not be answered"), id)

    def _routed(self, request: Request) -> Route:
        if request.route not in self._routes:
            raise Refusal("NotFound", f"there is no {request.route}")
        return self._routes[request.route]

    def _refused(self, refusal: Refusal, id: str | None) -> tuple[Answer, dict[str, Any]]:
        answer = refused(refusal, id)
        return answer, answer.proxied(self._settings.most_answer_bytes)
