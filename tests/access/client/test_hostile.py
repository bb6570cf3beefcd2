"""What means harm, or is only odd: addresses, tokens, answers that grow, arrays that are archives."""

from __future__ import annotations

import gzip
import io
import random
import threading
import zipfile
from collections.abc import Callable
from tokenize import TokenError
from typing import Any

import boto3
import numpy
import pytest

from constructs_lib.access import client as lib
from constructs_lib.access.client import BearerAuth, ClientSettings, InferenceClient, Npy, Raw
from constructs_lib.access.client.api_errors import seconds
from constructs_lib.access.client.aws import AwsClients
from constructs_lib.access.client.deadline import Deadline
from constructs_lib.access.client.http import Connections, blocks
from constructs_lib.access.client.names import ParameterName
from constructs_lib.access.client.transport import Ticket

from .server import Handler, Server, answer

ONCE = ClientSettings(attempts=1, read_timeout=5)


@pytest.mark.parametrize(
    "url",
    [
        "https://",
        "https:///invocations",
        "https://api.example/?stage=prod",
        "https://api.example/#top",
        "https://user:word@api.example",
        "http://api.example\\@localhost/",
        "https://api.example/\r\nX-Other: 1",
        "https://api.exa mple",
    ],
)
def test_an_address_that_is_read_in_two_ways_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"no https:// address|no user, query or fragment"):
        InferenceClient.for_api(url, auth=None)


@pytest.mark.parametrize(
    "url", ["https://api.example/prod/", "https://[2001:db8::1]:8443", "http://[::1]:80/"]
)
def test_an_address_with_a_path_or_of_six_is_one(url: str) -> None:
    InferenceClient.for_api(url, auth=None).close()


@pytest.mark.parametrize(
    "place", ["", "/results/other", "http://169.254.169.254/latest", "file:///etc/passwd"]
)
def test_a_result_is_fetched_from_no_unsafe_place(server: Server, place: str) -> None:
    server.play(answer(303, Location=place), answer())
    with pytest.raises(lib.BadAnswer, match="no https:// address"):
        InferenceClient.for_api(server.url, auth=None, settings=ONCE).pending(Ticket(inference_id="a")).poll()
    assert len(server.seen) == 1


def test_a_token_out_of_a_file_is_sent_without_its_line_end(server: Server) -> None:
    server.play(answer(Content_Type="application/json"))
    InferenceClient.for_api(server.url, auth=BearerAuth(lambda: "a.b-c_d~+/==\n")).predict(1)
    assert server.seen[0].headers["Authorization"] == "Bearer a.b-c_d~+/=="


@pytest.mark.parametrize("token", ["", "secret\r\nX-Other: 1", "secret word", "sécret"])
def test_a_token_that_is_none_is_neither_sent_nor_told(server: Server, token: str) -> None:
    server.play(answer())
    with pytest.raises(lib.NotAuthorised) as caught:
        InferenceClient.for_api(server.url, auth=BearerAuth(lambda: token)).predict(1)
    assert "secret" not in str(caught.value)
    assert server.seen == []


def test_an_answer_does_not_grow_on_its_way(server: Server) -> None:
    packed = gzip.compress(bytes(50_000_000))
    server.play(answer(body=packed, Content_Encoding="gzip"))
    found = InferenceClient.for_api(server.url, auth=None).predict(1, deserializer=Raw())
    assert found.value == packed


def test_the_deadline_bounds_each_wait_also_where_the_server_closes(server: Server) -> None:
    more = threading.Event()

    def closing(handler: Handler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n[")
        more.wait(30)
        handler.close_connection = True

    server.play(closing)
    got: Any = Connections(server.url, ONCE).send("GET", server.url, {}, b"", Deadline.after(60))
    coming = blocks(got, Deadline.after(2))
    assert next(coming) == b"["
    assert got._fp.fp.raw._sock.gettimeout() <= 2
    more.set()
    assert list(coming) == []


@pytest.mark.parametrize(
    "text", ["Mon, 01 Jan 99999999999999 00:00:00 GMT", "Mon, 01 Jan 2020 00:00:00 +99999999999999", "²", ""]
)
def test_a_retry_after_that_is_none(text: str) -> None:
    assert seconds(text) is None


def zipped() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("a.npy", Npy().dump([1.0]))
    return made.getvalue()


def test_an_archive_is_no_array_and_neither_is_one_larger_than_memory() -> None:
    large = Npy().dump([1.0, 2.0]).replace(b"(2,), }" + b" " * 13, b"(20000000000000,), }"[:20])
    assert b"20000000000000" in large
    for body in (zipped(), b"PK\x03\x04", large):
        with pytest.raises(ValueError, match=r".+"):
            Npy().load(body, "application/x-npy")


@pytest.mark.filterwarnings("ignore")
def test_damaged_arrays_are_value_errors_or_arrays() -> None:
    chance, whole = random.Random(7), Npy().dump([1.0, 2.0])  # noqa: S311  the same each time
    refused = 0
    for _ in range(500):
        body = bytearray(whole)
        body[chance.randrange(len(body))] = chance.randrange(256)
        try:
            assert isinstance(Npy().load(bytes(body), ""), numpy.ndarray)
        except ValueError as error:
            refused += isinstance(error.__cause__, TokenError)
    assert refused > 0


def test_numbers_of_numpy_are_rewards_and_no_time_is_none(server: Server) -> None:
    server.play(answer(202))
    client = InferenceClient.for_api(server.url, auth=None)
    client.reward("a", numpy.float32(0.5), at=numpy.int64(7))  # type: ignore[arg-type]
    assert server.seen[0].body == b'{"inference_id": "a", "value": 0.5, "at": 7.0}'
    with pytest.raises(lib.BadRequest, match="nan is no time"):
        client.reward("a", 1, at=float("nan"))


@pytest.mark.parametrize(
    ("proxy", "told"),
    [
        ("http://me:word@proxy.example:1", {"Proxy-Authorization": "Basic bWU6d29yZA=="}),
        ("proxy.example:1", {}),
    ],
)
def test_a_proxy_is_named_as_botocore_takes_it(
    monkeypatch: pytest.MonkeyPatch, proxy: str, told: dict[str, str]
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    monkeypatch.setenv("https_proxy", proxy)
    monkeypatch.setenv("NO_PROXY", "inside.example")
    monkeypatch.setenv("no_proxy", "inside.example")
    pool: Any = Connections("https://api.example", ONCE)._pool
    assert (pool.proxy.host, dict(pool.proxy_headers)) == ("proxy.example", told)
    assert Connections("https://inside.example", ONCE)._pool.proxy is None


def test_who_waits_for_the_name_waits_no_longer_than_there_is_time() -> None:
    asked, go_on = threading.Event(), threading.Event()

    class Slow:
        def get_parameter(self, **_: object) -> dict[str, Any]:
            asked.set()
            assert go_on.wait(30)
            return {"Parameter": {"Value": "fraud"}}

    name = ParameterName(Slow(), "/endpoint")
    first = threading.Thread(target=name, args=(Deadline.after(60),))
    first.start()
    try:
        assert asked.wait(30)
        with pytest.raises(lib.DeadlineExceeded, match="name is being read"):
            name(Deadline.after(0.05))
    finally:
        go_on.set()
        first.join(30)
    assert name(Deadline.of(None)) == "fraud"


def test_all_clients_are_closed() -> None:
    session = boto3.Session(region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")  # noqa: S106
    clients, closed = AwsClients(session, ONCE), list[str]()

    def noted(name: str) -> Callable[[], None]:
        return lambda: closed.append(name)

    for client in (clients.runtime, clients.s3, clients.ssm()):
        client.close = noted(client.meta.service_model.service_name)
    clients.close()
    assert closed == ["sagemaker-runtime", "s3", "ssm"]
