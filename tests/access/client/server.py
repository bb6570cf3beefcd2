"""A real HTTP server that plays what networks and services do to a client."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

Act = Callable[["Handler"], None]


@dataclass
class Seen:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    connection: int
    """The caller's port: the same one is the same connection."""


@dataclass
class Server:
    """Plays one act for each request, and the last one again."""

    url: str
    acts: list[Act] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def play(self, *acts: Act) -> None:
        self.acts[:] = acts

    def next(self) -> Act:
        return self.acts.pop(0) if len(self.acts) > 1 else self.acts[0]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    played: Server

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with self.played.lock:
            self.played.seen.append(Seen(self.command, self.path, self.headers, body, self.client_address[1]))
            act = self.played.next()
        act(self)

    do_GET = do_POST = do_PUT = handle_any  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


def answer(status: int = 200, body: bytes = b"{}", **headers: str) -> Act:
    """A whole answer; `_` in a header's name stands for a hyphen."""

    def act(handler: Handler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return act


def reset(handler: Handler) -> None:
    """RST, before any answer."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def half(handler: Handler) -> None:
    """Less of an answer than was announced."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.wfile.write(b'{"half":')
    handler.wfile.flush()
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


def silent(seconds: float) -> Act:
    """Nothing at all for so long, then an answer that nobody waits for."""

    def act(handler: Handler) -> None:
        time.sleep(seconds)
        handler.close_connection = True

    return act


class Holding:
    """Keeps a caller waiting until it is let go, or gave up the test's own patience."""

    def __init__(self) -> None:
        self._let_go = threading.Event()
        self.waited_in_vain = False

    def __call__(self, handler: Handler) -> None:
        self.waited_in_vain = not self._let_go.wait(20)
        handler.close_connection = True

    def let_go(self) -> None:
        self._let_go.set()


def dripping(handler: Handler) -> None:
    """A byte now and then: never silent for long, and never done."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    try:
        for _ in range(100):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.05)
    except OSError:
        pass
    handler.close_connection = True


def chunked(*chunks: bytes, whole: bool = True) -> Act:
    """A chunked answer; cut off before its end if it is not whole."""

    def act(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for chunk in chunks:
            handler.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
            handler.wfile.flush()
        if whole:
            handler.wfile.write(b"0\r\n\r\n")
        else:
            handler.connection.shutdown(socket.SHUT_RDWR)
            handler.close_connection = True

    return act


@contextmanager
def serving() -> Iterator[Server]:
    handler = type("Playing", (Handler,), {})
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    http.daemon_threads = True
    played = Server(f"http://127.0.0.1:{http.server_address[1]}")
    handler.played = played
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield played
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running
