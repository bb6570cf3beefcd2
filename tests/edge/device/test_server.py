"""HTTP on real sockets, with clients that are slow, wrong, many, or in a hurry."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from constructs_lib.edge.runtime.device.http_server import HttpServer
from constructs_lib.edge.runtime.device.predictor import Predictor
from constructs_lib.edge.runtime.device.server import (
    AlreadyRunning,
    Inference,
    Routes,
    hold,
    listen_at,
    listen_on,
)
from constructs_lib.edge.runtime.device.swap import Loaded
from constructs_lib.edge.runtime.device.wire import Times

from .support import ROWS, UnixConnection, classifier, estimator, until

BODY = json.dumps({"instances": (ROWS[:2] / 1000).tolist()}).encode()


class Observer:
    def __init__(self) -> None:
        self.seen: list[Inference] = []
        self.computed = 0

    def new_id(self) -> str:
        return "cam-1-00000000-1"

    def computing(self) -> None:
        self.computed += 1

    def answered(self, inference: Inference) -> None:
        self.seen.append(inference)


class Served:
    """A server in this process."""

    def __init__(self, folder: Path, *, most: int = 16, max_concurrent: int = 2) -> None:
        self.path = folder / "s"
        (folder / "model.onnx").write_bytes(classifier())
        predictor = Predictor(folder, threads=1)
        self.loaded: Loaded | None = Loaded(version="1.0.0", predictor=predictor, digest="")
        self.observer, self.nudges = Observer(), 0
        routes = Routes(
            current=lambda: self.loaded,
            status=lambda: {"a": 1},
            offered=self.nudged,
            observer=self.observer,
            max_concurrent=max_concurrent,
            max_body_bytes=100_000,
        )
        tcp = listen_on(0)
        self.port = tcp.getsockname()[1]
        times = Times(head=0.5, body=0.5, answer=1, idle=1)
        self.server = HttpServer([listen_at(self.path), tcp], routes, most=most, times=times)
        self.server.start()

    def nudged(self) -> None:
        self.nudges += 1

    def raw(self, sent: bytes, *, end: bool = True) -> bytes:
        """What comes back until the server closes."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(10)
            client.connect(str(self.path))
            client.sendall(sent)
            if end:
                client.shutdown(socket.SHUT_WR)
            found = b""
            while block := client.recv(65_536):
                found += block
            return found

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, Any, Any]:
        connection = UnixConnection(self.path)
        connection.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, content, answer.headers


@pytest.fixture
def served() -> Iterator[Served]:
    with tempfile.TemporaryDirectory(prefix="edge-") as folder:
        made = Served(Path(folder))
        yield made
        made.server.stop(2)


def test_it_answers_as_the_estimator_does(served: Served) -> None:
    status, content, headers = served.ask("POST", "/invocations", BODY)
    outputs = json.loads(content)["outputs"]
    assert status == 200
    assert outputs["label"] == estimator(0).predict(ROWS[:2] / 1000).tolist()
    np.testing.assert_allclose(
        outputs["probabilities"], estimator(0).predict_proba(ROWS[:2] / 1000), atol=1e-5
    )
    assert headers["X-Model-Version"] == "1.0.0"
    assert headers["X-Amzn-SageMaker-Inference-Id"] == "cam-1-00000000-1"


def test_the_loopback_answers_too(served: Served) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=5)
    file = io.BytesIO()
    np.save(file, ROWS[:3] / 1000)
    headers = {"Content-Type": "application/x-npy", "Accept": "application/x-npy;output=label"}
    for _ in range(3):
        connection.request("POST", "/invocations", file.getvalue(), headers)
        assert (
            np.load(io.BytesIO(connection.getresponse().read())).tolist()
            == estimator(0).predict(ROWS[:3] / 1000).tolist()
        )
    connection.close()


def test_a_given_id_comes_back(served: Served) -> None:
    _, _, headers = served.ask("POST", "/invocations", BODY, X_Amzn_SageMaker_Inference_Id="mine 1")
    assert headers["X-Amzn-SageMaker-Inference-Id"] == "mine 1"
    assert served.ask("POST", "/invocations", BODY, X_Amzn_SageMaker_Inference_Id="x" * 65)[0] == 400
    assert [each.id for each in served.observer.seen] == ["mine 1"]


def test_ping_status_and_nudge(served: Served) -> None:
    assert served.ask("GET", "/ping")[0] == 200
    assert served.ask("GET", "/status?x")[1] == b'{"a":1}'
    assert served.ask("POST", "/models/offered", b"")[0] == 202
    assert served.nudges == 1
    served.loaded = None
    for method, path in (("GET", "/ping"), ("POST", "/invocations")):
        status, content, headers = served.ask(method, path, BODY)
        assert (status, json.loads(content)) == (503, {"error": "no model is served"})
        assert headers["Retry-After"] == "1"


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "allowed"),
    [
        ("GET", "/nothing", {}, 404, "POST /invocations"),
        ("GET", "/invocations", {}, 405, "POST"),
        ("DELETE", "/ping", {}, 405, "GET"),
        ("POST", "/invocations", {"Content_Type": "image/png"}, 415, "text/csv"),
        ("POST", "/invocations", {"Accept": "image/png"}, 415, "text/csv"),
    ],
)
def test_what_is_not_known_is_refused(
    served: Served, method: str, path: str, headers: dict[str, str], status: int, allowed: str
) -> None:
    told, content, answered = served.ask(method, path, BODY, **headers)
    assert told == status
    assert allowed in json.loads(content)["allowed"]
    if status == 405:
        assert answered["Allow"] == allowed


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET /ping HTTP/2.0\r\n\r\n", 400),
        (b"GET /ping HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET /ping HTTP/1.1\r\n folded: x\r\n\r\n", 400),
        (b"POST /invocations HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /invocations HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n12", 400),
        (b"POST /invocations HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", 411),
        (b"POST /invocations HTTP/1.1\r\nContent-Length: 100001\r\n\r\n" + bytes(100_001), 413),
        (b"GET /ping HTTP/1.1\r\nx: " + b"y" * 20_000 + b"\r\n\r\n", 431),
    ],
)
def test_what_is_no_request_is_refused(served: Served, sent: bytes, status: int) -> None:
    found = served.raw(sent)
    assert found.startswith(f"HTTP/1.1 {status} ".encode())
    assert next(iter(json.loads(found.partition(b"\r\n\r\n")[2]))) == "error"
    assert served.ask("GET", "/ping")[0] == 200


def test_a_connection_outlives_refusals(served: Served) -> None:
    connection = UnixConnection(served.path)
    connection.connect()
    first = connection.sock
    for body, status in [(b"{", 400), (bytes(100_001), 413), (BODY, 200), (b"", 400), (BODY, 200)]:
        connection.request("POST", "/invocations", body)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == status
        assert connection.sock is first
    connection.close()


def test_requests_in_one_packet_are_answered_in_order(served: Served) -> None:
    two = b"GET /ping HTTP/1.1\r\n\r\nGET /status HTTP/1.1\r\nConnection: close\r\n\r\n"
    found = served.raw(two)
    assert found.count(b"HTTP/1.1 200 OK") == 2
    assert found.endswith(b'{"a":1}')


def test_http_1_0_closes(served: Served) -> None:
    assert b"Connection: close" in served.raw(b"GET /ping HTTP/1.0\r\n\r\n", end=False)


def test_slow_clients_are_told_and_let_go(served: Served) -> None:
    begun = time.monotonic()
    assert served.raw(b"GET /pi", end=False).startswith(b"HTTP/1.1 408 ")
    assert served.raw(b"POST /invocations HTTP/1.1\r\nContent-Length: 5\r\n\r\n1", end=False).startswith(
        b"HTTP/1.1 408 "
    )
    assert served.raw(b"", end=False) == b""
    assert time.monotonic() - begun < 8


def test_a_byte_now_and_then_is_slow_too(served: Served) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(served.path))
        client.settimeout(0.1)
        begun, told = time.monotonic(), b""
        client.sendall(b"GET ")
        while not told and time.monotonic() - begun < 3:
            client.sendall(b"x")
            with contextlib.suppress(TimeoutError):
                told = client.recv(100)
        assert told.startswith(b"HTTP/1.1 408 ")
        assert time.monotonic() - begun < 2


def test_more_than_may_be_at_once_are_told_to_come_again(served: Served) -> None:
    held = []
    for _ in range(2):
        client = UnixConnection(served.path)
        client.putrequest("POST", "/invocations")
        client.putheader("Content-Length", str(len(BODY)))
        client.endheaders()
        held.append(client)
    until(lambda: served.ask("POST", "/invocations", BODY)[0] == 429, every=0.001)
    status, content, headers = served.ask("POST", "/invocations", BODY)
    assert (status, headers["Retry-After"]) == (429, "1")
    assert "2 requests" in json.loads(content)["error"]
    assert served.ask("GET", "/ping")[0] == 200
    for client in held:
        client.send(BODY)
        assert client.getresponse().status == 200
        client.close()
    assert served.ask("POST", "/invocations", BODY)[0] == 200


def test_connections_are_bounded(served: Served) -> None:
    held = [socket.socket(socket.AF_UNIX) for _ in range(17)]
    for each in held:
        each.settimeout(5)
        each.connect(str(served.path))
    assert held[-1].recv(100).startswith(b"HTTP/1.1 429 ")
    for each in held:
        each.close()
    until(lambda: served.ask("GET", "/ping")[0] == 200)


@pytest.mark.parametrize("size", [2000, 90_000, 200_000])
def test_curl_is_content(served: Served, size: int, tmp_path: Path) -> None:
    rows = json.dumps({"instances": [[0.1] * 30] * (size // 150)}).encode()
    (tmp_path / "body").write_bytes(rows)
    command = [
        "curl",
        "-sS",
        "-H",
        "Content-Type: application/json",
        "-m",
        "5",
        "-H",
        "Expect: 100-continue",
        "--unix-socket",
        str(served.path),
    ]
    done = subprocess.run(
        [*command, "-w", "%{http_code}", "--data-binary", f"@{tmp_path / 'body'}", "http://x/invocations"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("200" if size < 100_000 else "413")


def test_an_observer_is_told_of_failures(served: Served) -> None:
    served.ask("POST", "/invocations", b"{")
    assert served.observer.seen[0].error is not None
    assert served.observer.seen[0].latency_ms >= 0
    assert served.observer.computed == 0


def test_an_observer_is_told_when_a_model_computes_and_of_its_answer(served: Served) -> None:
    """Also where the client has gone before it had it."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(served.path))
        head = f"POST /invocations HTTP/1.1\r\nContent-Length: {len(BODY)}\r\n\r\n"
        client.sendall(head.encode() + BODY)
    told = until(lambda: served.observer.seen)
    assert told[0].outputs is not None
    assert served.observer.computed == 1


def test_stopping_answers_what_has_arrived(served: Served) -> None:
    idle, busy = UnixConnection(served.path), UnixConnection(served.path)
    idle.request("GET", "/ping")
    idle.getresponse().read()
    busy.putrequest("POST", "/invocations")
    busy.putheader("Content-Length", str(len(BODY)))
    busy.endheaders()
    busy.send(BODY)
    assert served.server.stop(3)
    answer = busy.getresponse()
    assert (answer.status, answer.headers["Connection"]) == (200, "close")
    with pytest.raises((ConnectionRefusedError, FileNotFoundError)):
        UnixConnection(served.path).request("GET", "/ping")


@pytest.mark.parametrize("arrived", [b"", b"POST /invoc", b"{"])
def test_stopping_waits_for_what_is_arriving(served: Served, arrived: bytes) -> None:
    """Nothing has arrived: closed at once. A part has: the rest may come, and is answered."""
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(5)
    client.connect(str(served.path))
    head = (
        f"POST /invocations HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n"
    )
    whole = head.encode() + BODY
    part = whole[: len(head) + 1] if arrived == b"{" else arrived
    client.sendall(part)
    time.sleep(0.1)
    stopped: list[bool] = []
    stopping = threading.Thread(target=lambda: stopped.append(served.server.stop(3)))
    begun = time.monotonic()
    stopping.start()
    time.sleep(0.1)
    if arrived:
        client.sendall(whole[len(part) :])
        assert client.recv(100).startswith(b"HTTP/1.1 200 ")
    assert client.recv(10_000) is not None
    stopping.join(5)
    client.close()
    assert stopped == [True]
    assert time.monotonic() - begun < 2.5


def test_many_clients_at_once_get_their_own_answers(served: Served) -> None:
    wrong: list[object] = []

    def client(seed: int) -> None:
        rows = ROWS[seed : seed + 1] / 1000
        expected = estimator(0).predict_proba(rows)
        body, connection = json.dumps({"inputs": {"X": rows.tolist()}}).encode(), UnixConnection(served.path)
        for _ in range(100):
            connection.request("POST", "/invocations", body)
            answer = connection.getresponse()
            told = json.loads(answer.read())
            if answer.status != 429 and not np.allclose(
                told["outputs"]["probabilities"], expected, atol=1e-5
            ):
                wrong.append(told)
        connection.close()

    threads = [threading.Thread(target=client, args=(seed,)) for seed in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert wrong == []


class TestSockets:
    def test_one_program_has_a_folder(self, tmp_path: Path) -> None:
        with hold(tmp_path), pytest.raises(AlreadyRunning):
            hold(tmp_path)
        hold(tmp_path).close()

    def test_a_dead_socket_is_replaced_and_a_living_one_not(self) -> None:
        with tempfile.TemporaryDirectory(prefix="edge-") as folder:
            path = Path(folder) / "run" / "s"
            first = listen_at(path)
            assert path.stat().st_mode & 0o777 == 0o660
            with pytest.raises(AlreadyRunning):
                listen_at(path)
            first.close()
            listen_at(path).close()
