"""Connections to an API: kept, shared by threads, and never waited for longer than there is time."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from botocore.httpsession import where
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from .deadline import Deadline
from .errors import DeadlineExceeded, InferenceError, TimedOut, Unavailable
from .settings import ClientSettings

_BLOCK = 64 * 1024


class Connections:
    """Kept connections to one host."""

    def __init__(self, url: str, settings: ClientSettings) -> None:
        """Connect to the host of `url` when there is something to send.

        Proxies and certificates are those of boto3: `HTTPS_PROXY`, `NO_PROXY`, `AWS_CA_BUNDLE`.
        """
        self._settings = settings
        parts = urlsplit(url)
        certificates = os.environ.get("AWS_CA_BUNDLE") or where()
        proxy = None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)
        self._pool = (
            urllib3.PoolManager(maxsize=settings.connections, ca_certs=certificates)
            if proxy is None
            else urllib3.ProxyManager(proxy, maxsize=settings.connections, ca_certs=certificates)
        )

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, deadline: Deadline
    ) -> urllib3.BaseHTTPResponse:
        """Send, and return when the head of the answer is there.

        :raises InferenceError: there is none.
        """
        left = deadline.remaining()
        try:
            return self._pool.request(
                method,
                url,
                body=body or None,
                headers=dict(headers),
                timeout=urllib3.Timeout(
                    connect=min(self._settings.connect_timeout, left),
                    read=min(self._settings.read_timeout, left),
                ),
                retries=False,
                redirect=False,
                preload_content=False,
            )
        except (HTTPError, OSError) as error:
            raise error_of(error, deadline) from error

    def close(self) -> None:
        """Close what is idle."""
        self._pool.clear()


def blocks(answer: urllib3.BaseHTTPResponse, deadline: Deadline) -> Iterator[bytes]:
    """The body of `answer` as it comes.

    :raises InferenceError: it does not come to its end, or not in time.
    """
    try:
        while True:
            _wait_at_most(answer, deadline)
            block = answer.read1(_BLOCK)
            if not block:
                return
            yield block
    except (HTTPError, OSError) as error:
        raise error_of(error, deadline) from error
    finally:
        _give_back(answer)


def body_of(answer: urllib3.BaseHTTPResponse, deadline: Deadline) -> bytes:
    """All of the body."""
    return b"".join(blocks(answer, deadline))


def error_of(error: Exception, deadline: Deadline) -> InferenceError:
    """What an error on the way means to who asked."""
    if deadline.remaining() <= 0:
        return DeadlineExceeded(f"The deadline has passed: {error}", maybe_taken=True)
    if isinstance(error, ReadTimeoutError):
        return TimedOut("No answer came within the read time-out.", maybe_taken=True)
    if isinstance(error, SSLError):
        return InferenceError(f"The connection is not safe: {error}")
    never_sent = isinstance(error, NewConnectionError | ConnectTimeoutError | ProxyError)
    return Unavailable(f"The connection failed: {error}", maybe_taken=not never_sent)


def _wait_at_most(answer: urllib3.BaseHTTPResponse, deadline: Deadline) -> None:
    """So that an answer which comes in drops is not waited for beyond the deadline."""
    deadline.check()
    socket = getattr(answer.connection, "sock", None)
    if socket is not None and socket.gettimeout() is not None:
        socket.settimeout(min(socket.gettimeout(), deadline.remaining()))


def _give_back(answer: urllib3.BaseHTTPResponse) -> None:
    """Keep the connection if the answer was read to its end; close it otherwise."""
    if answer.closed or getattr(answer, "length_remaining", None) == 0:
        answer.release_conn()
    else:
        answer.close()
