"""Messages through a nucleus.

A nucleus is not to be had here, and the server of its IPC exists only in one. So what is replaced is the low-level
client, which speaks its protocol; GreengrassCoreIPCClientV2, the requests, the messages and the errors are awsiotsdk's.
"""

from __future__ import annotations

import inspect
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from awsiot.greengrasscoreipc import model
from awsiot.greengrasscoreipc.clientv2 import GreengrassCoreIPCClientV2

from constructs_lib.edge.runtime.device.backoff import Backoff
from constructs_lib.edge.runtime.device.transport import greengrass
from constructs_lib.edge.runtime.device.transport.greengrass import GreengrassTransport, IpcClient

GET = "$aws/things/cam-1/shadow/name/model/get"
DELTA = "$aws/things/cam-1/shadow/name/model/update/delta"


def done(value: object = None, error: Exception | None = None) -> Future[Any]:
    future: Future[Any] = Future()
    if error is None:
        future.set_result(value)
    else:
        future.set_exception(error)
    return future


class Operation:
    """One call of the nucleus."""

    def __init__(self, answer: Callable[[Any], Future[Any]]) -> None:
        self._answer = answer

    def activate(self, request: Any) -> Future[Any]:
        self._response = self._answer(request)
        return done()

    def get_response(self) -> Future[Any]:
        return self._response


class Nucleus:
    """The low-level client, and the nucleus behind it."""

    def __init__(self) -> None:
        self.given: list[model.PublishToIoTCoreRequest] = []
        self.streams: dict[str, Any] = {}
        self.online = True
        self.answer: Callable[[Any], Future[Any]] = lambda _: done(model.PublishToIoTCoreResponse())
        self.refused: set[str] = set()
        self.lost: Callable[[], None] | None = None
        self.closed = 0
        self.connects = 0
        self.up = True

    def connect(self, lost: Callable[[], None]) -> IpcClient:
        self.connects += 1
        if not self.up:
            raise ConnectionRefusedError("no nucleus")
        self.lost = lost
        self.streams.clear()
        made: IpcClient = GreengrassCoreIPCClientV2(client=self, executor=ThreadPoolExecutor(1))
        return made

    def new_publish_to_iot_core(self) -> Operation:
        return Operation(self._take)

    def new_subscribe_to_iot_core(self, handler: Any) -> Operation:
        def subscribe(request: model.SubscribeToIoTCoreRequest) -> Future[Any]:
            if request.topic_name in self.refused:
                return done(error=model.UnauthorizedError(message="no policy"))
            self.streams[str(request.topic_name)] = handler
            return done(model.SubscribeToIoTCoreResponse())

        return Operation(subscribe)

    def close(self) -> Future[Any]:
        self.closed += 1
        return done()

    def say(self, topic: str, payload: bytes | None) -> None:
        message = model.MQTTMessage(topic_name=topic, payload=payload)
        self.streams[topic].on_stream_event(model.IoTCoreMessage(message=message))

    def _take(self, request: model.PublishToIoTCoreRequest) -> Future[Any]:
        self.given.append(request)
        if request.topic_name == GET and self.online:
            self.say(f"{GET}/rejected", b'{"code":404}')
        return self.answer(request)

    @property
    def told(self) -> list[str]:
        return [str(each.topic_name) for each in self.given if each.topic_name != GET]

    @property
    def questions(self) -> int:
        return sum(each.topic_name == GET for each in self.given)


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


@pytest.fixture
def nucleus() -> Nucleus:
    return Nucleus()


@pytest.fixture
def device(nucleus: Nucleus) -> Iterator[Callable[..., GreengrassTransport]]:
    made: list[GreengrassTransport] = []

    def make(**options: Any) -> GreengrassTransport:
        given = {"connect": nucleus.connect, "backoff": Backoff(first=0.05, most=0.05), "patience": 0.3}
        transport = GreengrassTransport(thing="cam-1", **{**given, **options})
        made.append(transport)
        transport.start()
        return transport

    yield make
    for each in made:
        each.stop()


@pytest.fixture
def transport(device: Any) -> GreengrassTransport:
    made: GreengrassTransport = device()
    until(lambda: made.connected)
    return made


def test_a_message_is_given_to_the_nucleus_once_aws_iot_has_answered(
    nucleus: Nucleus, transport: GreengrassTransport
) -> None:
    assert transport.publish("dt/cams/cam-1/summary", b"{}", timeout=5)
    asked, given = nucleus.given
    assert (asked.topic_name, asked.qos) == (GET, model.QOS.AT_MOST_ONCE)
    assert json.loads(bytes(asked.payload))
    assert (given.topic_name, given.qos, given.payload) == (
        "dt/cams/cam-1/summary",
        model.QOS.AT_LEAST_ONCE,
        b"{}",
    )


def test_a_nucleus_that_is_offline_is_given_nothing_that_it_could_lose(
    nucleus: Nucleus, transport: GreengrassTransport
) -> None:
    nucleus.online = False
    began = time.monotonic()
    assert [transport.publish("t", b"x", timeout=5) for _ in range(3)] == [False] * 3
    assert time.monotonic() - began < 3
    assert nucleus.told == []
    assert {each.qos for each in nucleus.given} == {model.QOS.AT_MOST_ONCE}
    nucleus.online = True
    assert transport.publish("t", b"x", timeout=5)


def test_aws_iot_is_asked_once_in_a_while_only(nucleus: Nucleus, device: Any) -> None:
    now = 1000.0
    transport = device(clock=lambda: now, answer_seconds=60, answer_bytes=1000)
    until(lambda: transport.connected)
    assert all(transport.publish("t", b"x" * 90, timeout=5) for _ in range(10))
    assert nucleus.questions == 1
    for _ in range(3):
        assert transport.publish("t", b"x" * 90, timeout=5)
    assert nucleus.questions == 2  # so many bytes were sent
    now += 61
    assert transport.publish("t", b"x", timeout=5)
    assert nucleus.questions == 3  # so much time has passed
    now += 30
    nucleus.say(f"{GET}/accepted", b"{}")
    time.sleep(0.1)
    now += 45
    assert transport.publish("t", b"x", timeout=5)
    assert nucleus.questions == 3  # whatever comes from AWS IoT is an answer


@pytest.mark.parametrize(
    "error",
    [
        model.UnauthorizedError(message="no policy"),
        model.ServiceError(message="spool is full"),
        OSError("gone"),
    ],
)
def test_what_the_nucleus_refuses_is_not_acknowledged(
    nucleus: Nucleus, transport: GreengrassTransport, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    nucleus.answer = lambda request: done() if request.topic_name == GET else done(error=error)
    assert not transport.publish("t", b"x", timeout=5)
    assert repr(error) in caplog.text
    assert transport.connected


def test_a_nucleus_that_hangs_is_connected_to_anew(nucleus: Nucleus, transport: GreengrassTransport) -> None:
    nucleus.answer = lambda _: Future()
    assert not transport.publish("t", b"x", timeout=5)
    nucleus.answer = lambda _: done()
    until(lambda: transport.connections == 2)
    until(lambda: transport.connected)
    assert transport.publish("t", b"x", timeout=5)
    assert nucleus.closed == 1


def test_messages_of_a_topic_are_handled_in_their_order(
    nucleus: Nucleus, transport: GreengrassTransport
) -> None:
    heard: list[tuple[str, bytes]] = []
    transport.subscribe(DELTA, lambda topic, payload: heard.append((topic, payload)))
    for i in range(200):
        nucleus.say(DELTA, b"%d" % i)
    nucleus.say(DELTA, None)
    until(lambda: len(heard) == 201)
    assert heard == [*((DELTA, b"%d" % i) for i in range(200)), (DELTA, b"")]


def test_who_listens_to_the_answers_hears_them_too(nucleus: Nucleus, transport: GreengrassTransport) -> None:
    heard = threading.Event()
    transport.subscribe(f"{GET}/rejected", lambda *_: heard.set())
    assert transport.publish("t", b"x", timeout=5)
    assert heard.wait(5)


def test_subscriptions_survive_the_nucleus(nucleus: Nucleus, transport: GreengrassTransport) -> None:
    heard: list[bytes] = []
    transport.subscribe(DELTA, lambda _, payload: heard.append(payload))
    assert transport.publish("t", b"x", timeout=5)
    nucleus.up = nucleus.online = False
    assert nucleus.lost is not None
    nucleus.lost()
    until(lambda: not transport.connected)
    assert not transport.publish("t", b"x", timeout=5)
    attempts = nucleus.connects
    until(lambda: nucleus.connects > attempts + 2)
    nucleus.up = True
    until(lambda: transport.connected)
    assert not transport.publish("t", b"x", timeout=5)  # what AWS IoT answered before says nothing of now
    nucleus.say(DELTA, b"again")
    until(lambda: heard)
    assert transport.connections == 2


@pytest.mark.parametrize("how", ["closed", "error"])
def test_a_stream_that_ends_is_begun_anew(nucleus: Nucleus, transport: GreengrassTransport, how: str) -> None:
    transport.subscribe(DELTA, lambda *_: None)
    stream = nucleus.streams[DELTA]
    if how == "error":
        assert stream.on_stream_error(RuntimeError("bad frame")) is True
    stream.on_stream_closed()
    until(lambda: transport.connections == 2 and DELTA in nucleus.streams)


def test_a_subscription_that_is_not_allowed_leaves_the_rest(
    nucleus: Nucleus, device: Any, caplog: pytest.LogCaptureFixture
) -> None:
    nucleus.refused.add(DELTA)
    transport = device()
    until(lambda: transport.connected)
    transport.subscribe(DELTA, lambda *_: None)
    assert f"has not taken a subscription of {DELTA}: UnauthorizedError" in caplog.text
    assert transport.publish("t", b"x", timeout=5)


def test_a_handler_that_fails_stops_no_other_message(
    nucleus: Nucleus, transport: GreengrassTransport
) -> None:
    heard = threading.Event()
    transport.subscribe("bad", lambda *_: 1 / 0)  # type: ignore[arg-type]
    transport.subscribe("good", lambda *_: heard.set())
    nucleus.say("bad", b"")
    nucleus.say("good", b"")
    assert heard.wait(5)
    assert transport.connections == 1


def test_stopping_closes_the_client(nucleus: Nucleus, transport: GreengrassTransport) -> None:
    transport.stop()
    assert nucleus.closed == 1
    assert not transport.connected
    assert not transport.publish("t", b"x", timeout=1)


def test_what_is_called_is_what_awsiotsdk_has() -> None:
    for name in ("publish_to_iot_core_async", "subscribe_to_iot_core_async", "close"):
        real = inspect.signature(getattr(GreengrassCoreIPCClientV2, name)).parameters
        wanted = inspect.signature(getattr(IpcClient, name)).parameters
        assert {each: wanted[each].kind for each in wanted}.items() <= {
            each: real[each].kind for each in real
        }.items()
    assert (greengrass._AT_LEAST_ONCE, greengrass._AT_MOST_ONCE) == (
        model.QOS.AT_LEAST_ONCE,
        model.QOS.AT_MOST_ONCE,
    )


def test_outside_of_a_nucleus_it_waits_for_one(
    device: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH_FOR_COMPONENT", raising=False)
    transport = device(connect=None)
    until(lambda: caplog.text.count("no connection to the nucleus") >= 2)
    assert (transport.connected, transport.connections) == (False, 0)


def test_a_socket_that_is_no_nucleus_is_no_connection(
    device: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(tmp_path / "ipc"))
    server.listen()

    def hang_up() -> None:
        while True:
            try:
                server.accept()[0].close()
            except OSError:
                return

    threading.Thread(target=hang_up, daemon=True).start()
    monkeypatch.setenv("AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH_FOR_COMPONENT", str(tmp_path / "ipc"))
    monkeypatch.setenv("SVCUID", "token")
    transport = device(connect=None)
    until(lambda: "no connection to the nucleus" in caplog.text)
    assert not transport.connected
    server.close()
