"""The private names of ministack's MQTT listener; emulator.py's companion."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from ministack.services import iot

from .emulator import Scope

_log = logging.getLogger("iot_mtls")
#: Answers a request over HTTP: certificate, path and headers → status and body.
Answer = Callable[[str, str, dict[str, str]], tuple[int, bytes]]
_REASONS = {200: "OK", 403: "Forbidden", 404: "Not Found"}


class _Acceptor(iot._MtlsAcceptor):  # type: ignore[misc]
    """Pauses a connection once it is read from, so that nothing of the handshake is lost.

    Python 3.11.2, Debian 12's, begins to read after `connection_made`, whether that has paused it or not.
    """

    def connection_made(self, transport: Any) -> None:
        asyncio.get_running_loop().call_soon(super().connection_made, transport)


def listen_on(listener: socket.socket) -> None:
    """Serve MQTT on this socket and no other: ministack would listen on all interfaces.

    The socket stays open while the server forgets everything and listens anew.
    """

    async def start() -> None:
        if iot._mtls_server is not None:
            return
        loop = asyncio.get_running_loop()
        iot._mtls_server = await loop.create_server(_Acceptor, sock=listener.dup())
        iot._mtls_loop = loop

    iot._mtls_start_locked = start


def answer_http(prefix: bytes, answer: Answer) -> None:
    """Let `answer` serve HTTP requests that begin with `prefix`, beside MQTT: over the same mutual TLS.

    AWS has a host of its own for it; here it is the port that tells devices apart from the rest.
    """
    plain: Callable[..., Awaitable[None]] = iot._mtls_serve_conn

    async def serve(reader: Any, writer: Any) -> None:
        begun = await reader.read(len(prefix))
        # Nothing has been awaited since: what was read goes back to where it was.
        reader._buffer[:0] = begun
        if begun != prefix:
            await plain(reader, writer)
            return
        try:
            await _serve_http(reader, writer, answer)
        finally:
            await iot._mtls_close(writer)

    iot._mtls_serve_conn = serve


async def _serve_http(reader: Any, writer: Any, answer: Answer) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {}
    for line in head[1:]:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    status, body = 403, b'{"message":"Missing certificate"}'
    der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    owner = iot._mtls_resolve_identity(der) if der else None
    if owner is not None and owner[2] is None:
        certificate = iot.hashlib.sha256(der).hexdigest()
        with Scope(owner[0], owner[1]).active():
            status, body = answer(certificate, head[0].split(" ")[1], headers)
    lines = (
        f"HTTP/1.1 {status} {_REASONS[status]}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Connection: close",
    )
    writer.write("\r\n".join((*lines, "", "")).encode() + body)
    await writer.drain()
