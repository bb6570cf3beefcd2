"""Through boto3: what a service's faults and streams become. The server plays SageMaker's and S3's HTTP."""

from __future__ import annotations

import json
import struct
import zlib

import boto3
import pytest

from constructs_lib.access import client as lib
from constructs_lib.access.client import ClientSettings, InferenceClient, Raw
from constructs_lib.access.client.formats import JsonValue

from .server import Act, Holding, Server, answer, chunked, half, reset

QUICK = ClientSettings(attempts=3, backoff=0.01, max_backoff=0.02, read_timeout=60, poll=0.01, max_poll=0.05)


@pytest.fixture
def client(server: Server, monkeypatch: pytest.MonkeyPatch) -> InferenceClient[JsonValue]:
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    session = boto3.Session("AKID", "secret", region_name="eu-west-1")
    return InferenceClient.for_endpoint("fraud", session=session, settings=QUICK)


def refused(status: int, kind: str, **members: object) -> Act:
    return answer(status, json.dumps({"Message": "no", **members}).encode(), x_amzn_ErrorType=kind)


@pytest.mark.parametrize(
    "fault",
    [
        reset,
        half,
        refused(500, "InternalFailure"),
        refused(503, "ServiceUnavailable"),
        refused(400, "ThrottlingException"),
        refused(429, "ModelNotReadyException"),
    ],
)
def test_what_passes_is_asked_again_under_the_same_id(
    server: Server, client: InferenceClient[JsonValue], fault: Act
) -> None:
    server.play(fault, fault, answer(body=b"7"))
    assert client.predict(1).value == 7
    assert len(server.seen) == 3
    assert len({each.headers["X-Amzn-SageMaker-Inference-Id"] for each in server.seen}) == 1


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        (refused(424, "ModelError", OriginalStatusCode=503), lib.ModelError),
        (refused(400, "ValidationError"), lib.BadRequest),
        (refused(403, "AccessDeniedException"), lib.NotAuthorised),
        (refused(400, "ExpiredTokenException"), lib.NotAuthorised),
        (answer(413, b"<html>"), lib.PayloadTooLarge),
    ],
)
def test_what_does_not_pass_is_asked_once(
    server: Server, client: InferenceClient[JsonValue], act: Act, kind: type[lib.InferenceError]
) -> None:
    server.play(act)
    with pytest.raises(lib.InferenceError) as caught:
        client.predict(1, inference_id="mine")
    assert type(caught.value) is kind
    assert caught.value.inference_id == "mine"
    assert len(server.seen) == 1


def test_the_deadline_ends_a_wait_that_would_go_on(
    server: Server, client: InferenceClient[JsonValue]
) -> None:
    holding = Holding()
    server.play(holding)
    with pytest.raises(lib.DeadlineExceeded):
        client.predict(1, deadline=0.2)
    assert not holding.waited_in_vain
    holding.let_go()


def test_retry_after_is_honoured(server: Server, client: InferenceClient[JsonValue]) -> None:
    server.play(answer(429, b"{}", x_amzn_ErrorType="ThrottlingException", Retry_After="30"))
    with pytest.raises(lib.DeadlineExceeded, match="another attempt"):
        client.predict(1, deadline=5)
    assert len(server.seen) == 1


def test_no_credentials(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    nobody = InferenceClient.for_endpoint(
        "fraud", session=boto3.Session(region_name="eu-west-1"), settings=QUICK
    )
    with pytest.raises(lib.NotAuthorised):
        nobody.predict(1)
    assert server.seen == []


# --- asynchronous ---------------------------------------------------------------------------------------

ACCEPTED = answer(
    202,
    b'{"InferenceId": "mine"}',
    X_Amzn_SageMaker_OutputLocation="s3://bucket/out/1",
    X_Amzn_SageMaker_FailureLocation="s3://bucket/bad/1",
)
DENIED = answer(403, b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>")


def test_a_request_that_may_have_been_taken_is_not_submitted_again(
    server: Server, client: InferenceClient[JsonValue]
) -> None:
    server.play(reset, ACCEPTED)
    with pytest.raises(lib.Unavailable):
        client.submit(1)
    server.play(refused(400, "ThrottlingException"), ACCEPTED)
    assert client.submit(1).ticket == lib.Ticket(
        inference_id="mine", output_location="s3://bucket/out/1", failure_location="s3://bucket/bad/1"
    )


def test_a_result_that_s3_does_not_admit_is_not_there_yet(
    server: Server, client: InferenceClient[JsonValue]
) -> None:
    server.play(ACCEPTED, DENIED, DENIED, answer(body=b"[1]"))
    assert client.submit(1, deserializer=Raw()).result(deadline=10).value == b"[1]"


# --- streams --------------------------------------------------------------------------------------------


def message(headers: dict[str, str], payload: bytes) -> bytes:
    """One message of an event stream, as AWS frames it."""
    head = b"".join(
        struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", 7, len(value)) + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack("!II", len(head) + len(payload) + 16, len(head))
    start = prelude + struct.pack("!I", zlib.crc32(prelude)) + head + payload
    return start + struct.pack("!I", zlib.crc32(start))


def part(payload: bytes) -> bytes:
    return message({":message-type": "event", ":event-type": "PayloadPart"}, payload)


FAILURE = message(
    {":message-type": "exception", ":exception-type": "ModelStreamError"},
    b'{"Message": "the model stopped", "ErrorCode": "StreamBroken"}',
)


def test_a_stream(server: Server, client: InferenceClient[JsonValue]) -> None:
    framed = part(b"a\nb") + part(b"c\n") + part(b"d")
    server.play(reset, chunked(framed[:30], framed[30:]))
    with client.stream([1]) as stream:
        assert list(stream.lines()) == [b"a", b"bc", b"d"]
    assert server.seen[1].path == "/endpoints/fraud/invocations-response-stream"


@pytest.mark.parametrize("act", [chunked(part(b"a") + FAILURE), chunked(part(b"a"), whole=False)])
def test_a_stream_that_is_cut_off(server: Server, client: InferenceClient[JsonValue], act: Act) -> None:
    server.play(act)
    stream = client.stream([1], inference_id="mine")
    got = iter(stream)
    assert next(got) == b"a"
    with pytest.raises(lib.StreamInterrupted) as caught:
        next(got)
    assert caught.value.inference_id == "mine"
    assert len(server.seen) == 1
