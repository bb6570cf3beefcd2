"""boto3 as the client uses it: one attempt a call, and no waiting beyond the deadline."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from .deadline import Deadline
from .endpoint_errors import error_of
from .settings import ClientSettings

if TYPE_CHECKING:
    from boto3.session import Session

_deadline: ContextVar[Deadline] = ContextVar("deadline")
"""That of the call which this thread is making."""


class AwsClients:
    """Clients of AWS's services, made when they are first used; threads may share them."""

    def __init__(self, session: Session | None, settings: ClientSettings) -> None:
        self._session = boto3.Session() if session is None else session
        self._settings = settings
        # Made here, in one thread: a session is not to be shared, the clients are.
        self.runtime = self._client("sagemaker-runtime")
        self.s3 = self._client("s3")

    def ssm(self) -> Any:
        """Parameter Store, for whoever reads the endpoint's name there."""
        return self._client("ssm")

    def close(self) -> None:
        """Close the connections."""
        self.runtime.close()
        self.s3.close()

    def _client(self, service: str) -> Any:
        settings = self._settings
        config = Config(
            connect_timeout=settings.connect_timeout,
            read_timeout=settings.read_timeout,
            max_pool_connections=settings.connections,
            # The attempts are counted in one place, which knows the deadline.
            retries={"total_max_attempts": 1, "mode": "standard"},
        )
        # boto3 declares a method for each service; this is any of them.
        client: Any = self._session.client(service, config=config)  # type: ignore[call-overload]
        client.meta.events.register("before-send", self._wait_at_most)
        return client

    def _wait_at_most(self, request: Any, **_: object) -> None:
        """Have botocore wait no longer than there is time.

        *Inferred* from botocore's code: it takes the time-out of a single request from the request's context. One that
        does not waits for the read time-out of the settings.
        """
        deadline, context = _deadline.get(None), getattr(request, "context", None)
        if deadline is not None and context is not None:
            context["read_timeout"] = max(0.001, min(self._settings.read_timeout, deadline.remaining()))


@contextmanager
def within(deadline: Deadline, inference_id: str | None) -> Iterator[None]:
    """A call of boto3's: it ends in time, and its errors are the client's.

    :raises InferenceError: for what boto3 raises.
    """
    token = _deadline.set(deadline)
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise error_of(error, deadline, inference_id) from error
    finally:
        _deadline.reset(token)
