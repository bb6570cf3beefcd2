"""HTTP/1.1 as little as local inference needs: requests, answers, and the connection that they come and go by.

Connections are kept alive. Head and body are bounded in size and in time.
"""

from __future__ import annotations

import contextlib
import json
import logging
import re
import select
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from .errors import BadRequest

_LOG = logging.getLogger(__name__)
_MOST_HEAD = 16_384
_MOST_DISCARDED = 64 * 1024**2
_BLOCK = 65_536
_GREETING = b"HTTP/1.1 100 Continue\r\n\r\n"
_PROTOCOL = re.compile(r"HTTP/1\.\d")
_ODD = re.compile(r"[\r\n\0]")
"""In a line of a head: what one reader takes for its end, another may not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Seconds that a client has."""

    head: float = 10.0
    """From the first byte of a request to the end of its head."""
    body: float = 30.0
    answer: float = 30.0
    """To take the answer."""
    idle: float = 120.0
    """Between two requests."""


@dataclass(slots=True, kw_only=True)
class Answer:
    """What a request gets."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


class Gone(Exception):  # noqa: N818 - it is read as a sentence
    """The client has closed, or was too slow to be waited for."""


class Request:
    """One request; its body is read when it is asked for."""

    def __init__(
        self, method: str, path: str, headers: Mapping[str, str], body: Callable[[int], bytes]
    ) -> None:
        """:param headers: by their names in lower case."""
        self.method, self.path, self.headers = method, path, headers
        self._body = body

    def body(self, most: int) -> bytes:
        """All of it.

        :raises BadRequest: 411, 413, 408 for a client that is too slow.
        """
        return self._body(most)


Handle = Callable[[Request], Answer]


def refusal(error: BadRequest, headers: Mapping[str, str] | None = None) -> Answer:
    """An error, as clients read it."""
    told: dict[str, object] = {"error": str(error)}
    if error.allowed:
        told["allowed"] = list(error.allowed)
    more = {"Retry-After": "1"} if error.status in (429, 503) else {}
    if error.status == 405:
        more["Allow"] = ", ".join(error.allowed)
    return Answer(
        status=error.status,
        # What is no character becomes the escape that JSON has for it.
        body=json.dumps(told, ensure_ascii=False).encode(errors="backslashreplace"),
        headers={**(headers or {}), **more},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    """What the head of a request says."""

    content: bytes
    method: str
    path: str
    headers: Mapping[str, str]
    """By their names in lower case."""
    length: int | None
    expects: bool
    """The client waits to be asked for the body."""
    keep: bool

    @staticmethod
    def of(content: bytes) -> _Head:
        """:raises BadRequest: 400."""
        first, *lines = content.decode("latin-1").lstrip("\r\n").split("\r\n")
        parts = first.split(" ")
        if len(parts) != 3 or not (parts[0] and parts[1] and _PROTOCOL.fullmatch(parts[2])):
            raise BadRequest(400, "the request is no HTTP/1.1")
        headers = dict(_headers(lines))
        length = _length(headers)
        is_old = parts[2] == "HTTP/1.0"
        asked = headers.get("connection", "").lower()
        keep = asked == "keep-alive" if is_old else "close" not in asked
        return _Head(
            content=content,
            method=parts[0],
            path=parts[1].partition("?")[0],
            headers=headers,
            length=length,
            expects=headers.get("expect", "").lower() == "100-continue" and not is_old,
            # What a client sends in chunks cannot be skipped over without reading it all.
            keep=keep and length is not None,
        )


class Connection:
    """One client, from its first request to its last."""

    def __init__(self, accepted: socket.socket, stopping: Callable[[], bool]) -> None:
        """:param stopping: whether no request is taken after this one."""
        self._socket, self._stopping = accepted, stopping
        self._read = bytearray()
        self._left = 0
        self._length: int | None = 0
        self._expects = self._bodiless = False
        self._idle = True
        self._deadline = 0.0
        self._last: _Head | None = None
        # It never blocks: to wait is a poll, and only where there is something to wait for. A time-out of the socket
        # would cost two calls into the system for each read and write, and hand the interpreter to another thread.
        accepted.setblocking(False)
        if accepted.family != socket.AF_UNIX:
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self) -> None:
        """Close."""
        with contextlib.suppress(OSError):
            self._socket.close()

    def no_more(self) -> None:
        """Wait for no further request. One that is arriving arrives: closing would break it off at the client."""
        with contextlib.suppress(OSError, ValueError):
            poll = select.poll()
            poll.register(self._socket, select.POLLIN)
            if self._idle and not poll.poll(0):
                self._socket.shutdown(socket.SHUT_RD)

    def refuse(self, error: BadRequest) -> None:
        """Without reading anything."""
        with contextlib.suppress(OSError, Gone):
            self._until(0.5)
            self._send(refusal(error), keep=False)
            self._socket.shutdown(socket.SHUT_WR)
        self.close()

    def run(self, handle: Handle, times: Times) -> None:
        """Answer until it is done, or too slow.

        :raises Gone: it went before it had its answer.
        """
        while True:
            try:
                head = self._head(times)
                if head is None:
                    return
                request, keep = self._request(head, times)
            except BadRequest as error:
                self._finish(refusal(error), times)
                return
            answer = _answered(handle, request)
            # A body that was refused is read and thrown away: who sends it could not read the answer otherwise.
            keep = self._discard(times) and keep and not self._stopping()
            if not keep:
                self._finish(answer, times)
                return
            self._until(times.answer)
            self._send(answer, keep=True)

    # --- in -------------------------------------------------------------------------------------------

    def _head(self, times: Times) -> bytes | None:
        """The lines of a head; None where the client is done."""
        if not self._read:
            self._idle = True
            if self._stopping():
                self.no_more()
            self._until(times.idle)
            if not self._receive():
                return None
        self._idle = False
        self._until(times.head)
        searched = 0
        while (end := self._read.find(b"\r\n\r\n", searched)) < 0:
            searched = max(0, len(self._read) - 3)
            if searched > _MOST_HEAD:
                break
            if not self._receive():
                raise Gone
        if not 0 <= end <= _MOST_HEAD:
            raise BadRequest(431, f"the head of the request is longer than {_MOST_HEAD} bytes")
        head = bytes(self._read[:end])
        del self._read[: end + 4]
        return head

    def _request(self, head: bytes, times: Times) -> tuple[Request, bool]:
        self._bodiless = head.lstrip(b"\r\n").startswith(b"HEAD ")
        # A client mostly says the same again.
        if self._last is None or head != self._last.content:
            self._last = _Head.of(head)
        told = self._last
        self._length, self._expects = told.length, told.expects
        self._left = told.length or 0
        return Request(told.method, told.path, told.headers, lambda most: self._body(most, times)), told.keep

    def _body(self, most: int, times: Times) -> bytes:
        if self._length is None:
            raise BadRequest(411, "the request has no Content-Length")
        if self._length > most:
            raise BadRequest(413, f"the body has {self._length} bytes", [f"{most} bytes"])
        self._greet(times)
        self._until(times.body)
        found = self._read[: self._left]
        del self._read[: self._left]
        self._left -= len(found)
        while self._left:
            block = self._next(min(_BLOCK * 16, self._left))
            found += block
            self._left -= len(block)
        return bytes(found)

    def _discard(self, times: Times) -> bool:
        """Throw away what is left of the body; whether nothing of it is to come."""
        if self._length is None or self._left > _MOST_DISCARDED:
            return False
        if self._expects:
            # It has not begun to send.
            return not self._left
        with contextlib.suppress(BadRequest, Gone):
            self._until(times.body)
            taken = min(self._left, len(self._read))
            del self._read[:taken]
            self._left -= taken
            while self._left:
                self._left -= len(self._next(min(_BLOCK, self._left)))
        return not self._left

    def _greet(self, times: Times) -> None:
        if self._expects and self._left and not self._read:
            self._expects = False
            self._until(times.answer)
            self._write(_GREETING)
        self._expects = False

    # --- out ------------------------------------------------------------------------------------------

    def _finish(self, answer: Answer, times: Times) -> None:
        """Answer, and close so that the client still reads the answer, whatever it is sending."""
        self._until(times.answer)
        self._send(answer, keep=False)
        with contextlib.suppress(OSError, Gone, BadRequest):
            self._socket.shutdown(socket.SHUT_WR)
            self._until(min(2.0, times.body))
            seen = 0
            while seen < _MOST_DISCARDED and (block := self._arrived(_BLOCK)):
                seen += len(block)

    def _send(self, answer: Answer, *, keep: bool) -> None:
        lines = [
            f"HTTP/1.1 {answer.status} {_PHRASES.get(answer.status, 'Error')}",
            f"Content-Type: {answer.content_type}",
            f"Content-Length: {len(answer.body)}",
            *(f"{name}: {value}" for name, value in answer.headers.items()),
            "Connection: keep-alive" if keep else "Connection: close",
            "\r\n",
        ]
        # An answer to HEAD tells what its body would be.
        self._write("\r\n".join(lines).encode("latin-1") + (b"" if self._bodiless else answer.body))

    def _write(self, content: bytes) -> None:
        view = memoryview(content)
        try:
            while view:
                try:
                    view = view[self._socket.send(view) :]
                except BlockingIOError:
                    self._wait(select.POLLOUT)
        except OSError as error:
            raise Gone from error

    # --- time -----------------------------------------------------------------------------------------

    def _until(self, seconds: float) -> None:
        """What is waited for from here on has so long; a byte now and then brings no new time."""
        self._deadline = time.monotonic() + seconds

    def _wait(self, event: int) -> None:
        """Until the socket can be read, or written.

        :raises TimeoutError: the time is over.
        """
        left = self._deadline - time.monotonic()
        poll = select.poll()
        poll.register(self._socket, event)
        if left <= 0 or not poll.poll(left * 1000):
            raise TimeoutError

    def _arrived(self, most: int) -> bytes:
        """What is there, as soon as there is any; nothing where the client sends no more.

        :raises OSError: TimeoutError among them.
        """
        while True:
            try:
                return self._socket.recv(most)
            except BlockingIOError:
                self._wait(select.POLLIN)

    def _receive(self) -> bool:
        """Read more; whether there is any."""
        try:
            block = self._arrived(_BLOCK)
        except TimeoutError as error:
            if self._read:
                raise BadRequest(408, "the request took too long to arrive") from error
            raise Gone from error
        except OSError as error:
            raise Gone from error
        self._read += block
        return bool(block)

    def _next(self, most: int) -> bytes:
        try:
            block = self._arrived(most)
        except TimeoutError as error:
            self._length = None
            raise BadRequest(408, "the body took too long to arrive") from error
        except OSError as error:
            raise Gone from error
        if not block:
            raise Gone
        return block


_PHRASES = {each.value: each.phrase for each in HTTPStatus}


def _answered(handle: Handle, request: Request) -> Answer:
    try:
        return handle(request)
    except BadRequest as error:
        return refusal(error)
    except Gone:
        raise
    except Exception:
        _LOG.exception("%s %s failed", request.method, request.path)
        return refusal(BadRequest(500, "the program has failed; its log says why"))


def _headers(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    seen: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip() or _ODD.search(line):
            raise BadRequest(400, "a line of the head is no header")
        name, value = name.lower(), value.strip()
        if name == "content-length" and seen.get(name, value) != value:
            raise BadRequest(400, "the request has two Content-Lengths")
        seen[name] = value
        yield name, value


def _length(headers: Mapping[str, str]) -> int | None:
    """Of the body; None where it is not told."""
    if "transfer-encoding" in headers:
        return None
    given = headers.get("content-length", "0")
    if not (given.isascii() and given.isdigit() and len(given) < 19):
        raise BadRequest(400, f"Content-Length is {given[:40]!r}")
    return int(given)
