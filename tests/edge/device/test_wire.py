"""HTTP as those send it who mean no good, or do it otherwise than most."""

from __future__ import annotations

import contextlib
import json
import socket
import time

import pytest

from .test_server import Served, served

__all__ = ["served"]


@pytest.mark.parametrize(
    "sent",
    [
        # What one reader takes for the end of a line, another may not.
        b"GET /ping HTTP/1.1\nContent-Length: 5\r\n\r\n",
        b"GET /ping HTTP/1.1\r\nx: y\nContent-Length: 5\r\n\r\n",
        b"GET /ping HTTP/1.1\r\nx: y\rContent-Length: 5\r\n\r\n",
        b"GET /ping HTTP/1.1\r\nx: \0\r\n\r\n",
        b"GET /ping HTTP/1.1x\r\n\r\n",
        b"GET /ping HTTP/1.\r\n\r\n",
        b"GET  HTTP/1.1\r\n\r\n",
        b"POST /invocations HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\n1",
        b"POST /invocations HTTP/1.1\r\nContent-Length:\r\n\r\n1",
        b"POST /invocations HTTP/1.1\r\nContent-Length : 1\r\n\r\n1",
        b"POST /invocations HTTP/1.1\r\nContent-Length: 0x1\r\n\r\n1",
        "POST /invocations HTTP/1.1\r\nContent-Length: ²\r\n\r\n1".encode("latin-1"),
    ],
)
def test_a_head_that_can_be_read_in_two_ways_is_refused(served: Served, sent: bytes) -> None:
    assert served.raw(sent).startswith(b"HTTP/1.1 400 ")


def test_a_body_of_two_lengths_ends_the_connection(served: Served) -> None:
    head = b"POST /invocations HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
    found = served.raw(head + b"0\r\n\r\nGET /status HTTP/1.1\r\n\r\n")
    assert found.startswith(b"HTTP/1.1 411 ")
    assert found.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("path", ["/ping", "/status", "/nowhere", "/invocations"])
def test_an_answer_to_head_has_no_body(served: Served, path: str) -> None:
    found = served.raw(f"HEAD {path} HTTP/1.1\r\n\r\nGET /status HTTP/1.1\r\n\r\n".encode())
    first, second, body = found.split(b"\r\n\r\n")
    assert first.startswith((b"HTTP/1.1 404 ", b"HTTP/1.1 405 "))
    # What comes next on the connection is the answer to the next request.
    assert second.startswith(b"HTTP/1.1 200 ")
    assert body == b'{"a":1}'


def test_a_client_that_goes_on_sending_after_its_answer_is_let_go(served: Served) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(served.path))
        client.sendall(b"POST /invocations HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert client.recv(65_536).startswith(b"HTTP/1.1 411 ")
        end = time.monotonic() + 10
        # The body has 0.5 s in all here, and a byte comes each 0.1 s.
        with contextlib.suppress(OSError):
            while time.monotonic() < end:
                client.sendall(b"x")
                time.sleep(0.1)
        assert time.monotonic() < end


def test_a_refusal_that_names_what_is_no_text_is_one(served: Served) -> None:
    body = b'{"inputs": {"\\ud800": [[1]]}}'
    status, told, _ = served.ask("POST", "/invocations", body)
    assert status == 400
    assert json.loads(told)["error"].startswith("inputs has \ud800")


def test_a_refusal_is_short_whatever_it_is_for(served: Served) -> None:
    body = json.dumps({"inputs": {"k" * 50_000: [[1]]}}).encode()
    for kind, accept, sent in [("", "", body), ("t" * 10_000, "", b"{}"), ("", "a" * 10_000, b"{}")]:
        status, told, _ = served.ask("POST", "/invocations", sent, Content_Type=kind, Accept=accept)
        assert status in (400, 415)
        assert len(told) < 1000
    assert all(len(each.error or "") < 1000 for each in served.observer.seen)


def test_who_expects_to_be_greeted_and_sends_at_once_is_answered_once(served: Served) -> None:
    head = b"POST /invocations HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    found = served.raw(head + b"{}" + b"GET /status HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert b"100 Continue" not in found
    assert found.startswith(b"HTTP/1.1 400 ")
    assert found.endswith(b'{"a":1}')


def test_one_of_http_1_0_is_not_greeted(served: Served) -> None:
    head = b"POST /invocations HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(str(served.path))
        client.sendall(head)
        time.sleep(0.2)
        client.sendall(b"{}")
        assert client.recv(65_536).startswith(b"HTTP/1.1 400 ")
