"""A small HTTP/1.1 client over a Unix socket that keeps its connections: the way to a model process."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_MAX_IDLE = 32
_HEAD_LIMIT = 64 * 1024


class UnreachableError(Exception):
    """The request did not reach the process: it may be sent to another one."""


class BrokenOffError(Exception):
    """The process took the request and went away without an answer."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model answered; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connect(socket_path: Path, *, limit: int = _HEAD_LIMIT) -> Connection:
    """A connection to a process; UnreachableError when it does not listen. `limit` is the longest line."""
    try:
        folder = os.open(socket_path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise UnreachableError(str(error)) from error
    try:
        # A socket's address has at most 107 characters, a temporary folder's path may have more.
        short = f"/proc/self/fd/{folder}/{socket_path.name}"
        return await asyncio.open_unix_connection(short, limit=limit)
    except OSError as error:
        raise UnreachableError(str(error)) from error
    finally:
        os.close(folder)


class Channel:
    """Requests to one process, as many at a time as callers want."""

    def __init__(self, socket_path: Path) -> None:
        self._socket_path = socket_path
        self._idle: list[Connection] = []

    async def request(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, *, timeout: float
    ) -> Reply:
        """Send one request and read its answer; TimeoutError after `timeout` seconds."""
        connection = self._idle.pop() if self._idle else await connect(self._socket_path)
        finished = False
        try:
            async with asyncio.timeout(timeout):
                reply = await _exchange(connection, _request_head(method, path, headers, body) + body)
            finished = True
            return reply
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as error:
            if isinstance(error, TimeoutError):
                raise
            raise BrokenOffError(str(error)) from error
        finally:
            # A connection with an answer still on its way must not serve anybody else.
            if finished and len(self._idle) < _MAX_IDLE:
                self._idle.append(connection)
            else:
                connection[1].close()

    def close(self) -> None:
        """Drop the idle connections."""
        while self._idle:
            self._idle.pop()[1].close()


def _request_head(method: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: model", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


async def _exchange(connection: Connection, request: bytes) -> Reply:
    reader, writer = connection
    writer.write(request)
    await writer.drain()
    head = await reader.readuntil(b"\r\n\r\n")
    status_line, *lines = head.decode("latin-1").split("\r\n")[:-2]
    pairs = (line.split(":", 1) for line in lines)
    headers = {name.lower(): value.strip() for name, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Reply(int(status_line.split(" ")[1]), headers, body)
