"""Through an API: what is sent, what is read, and what each fault becomes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from constructs_lib.access import client as lib
from constructs_lib.access.client import (
    BearerAuth,
    ClientSettings,
    Csv,
    IamAuth,
    InferenceClient,
    Raw,
    Target,
)
from constructs_lib.access.client.api_errors import seconds
from constructs_lib.access.client.formats import JsonValue

from .server import Act, Holding, Server, answer, chunked, dripping, half, reset, silent

QUICK = ClientSettings(attempts=3, backoff=0.01, max_backoff=0.02, read_timeout=5, poll=0.01, max_poll=0.05)


def client(server: Server, settings: ClientSettings = QUICK) -> InferenceClient[JsonValue]:
    return InferenceClient.for_api(server.url, auth=None, settings=settings)


def refusal(status: int, code: str, **more: object) -> Act:
    body = json.dumps({"error": {"code": code, "message": "no", **more}}).encode()
    return answer(status, body, Content_Type="application/json")


def test_a_prediction(server: Server) -> None:
    server.play(
        answer(
            body=b"[0.5]",
            Content_Type="application/json",
            X_Amzn_SageMaker_Inference_Id="mine",
            x_Amzn_Invoked_Production_Variant="B",
        )
    )
    found = client(server).predict(
        [[1, 2]],
        serializer=Csv(),
        inference_id="mine",
        unit="user-17",
        target=Target(variant="B", model="m.tar.gz", container="c", component="i"),
        custom_attributes="trace=7",
    )
    assert (found.value, found.inference_id, found.variant) == ([0.5], "mine", "B")
    (seen,) = server.seen
    assert (seen.method, seen.path, seen.body) == ("POST", "/invocations", b"1,2\n")
    sent = {
        "Content-Type": "text/csv",
        "Accept": "application/json",
        "X-Amzn-SageMaker-Inference-Id": "mine",
        "X-Amzn-SageMaker-Target-Variant": "B",
        "X-Amzn-SageMaker-Target-Model": "m.tar.gz",
        "X-Amzn-SageMaker-Target-Container-Hostname": "c",
        "X-Amzn-SageMaker-Inference-Component": "i",
        "X-Amzn-SageMaker-Custom-Attributes": "trace=7",
        "X-Unit-Id": "user-17",
    }
    assert {name: seen.headers[name] for name in sent} == sent


def test_what_is_not_given_is_not_sent(server: Server) -> None:
    server.play(answer())
    made = client(server).predict(1).inference_id
    (seen,) = server.seen
    assert seen.headers["X-Amzn-SageMaker-Inference-Id"] == made
    assert not [
        name for name in seen.headers if "Target" in name or "Unit" in name or "Authorization" in name
    ]


@pytest.mark.parametrize(
    "fault",
    [
        reset,
        half,
        chunked(b"[", whole=False),
        answer(500),
        answer(503, b'{"message": "Service Unavailable"}'),
        answer(429, b'{"message": "Too Many Requests"}'),
        refusal(429, "ModelNotReady"),
    ],
)
def test_what_passes_is_asked_again_under_the_same_id(server: Server, fault: Act) -> None:
    server.play(fault, fault, answer(body=b"7"))
    assert client(server).predict(1).value == 7
    assert len({each.headers["X-Amzn-SageMaker-Inference-Id"] for each in server.seen}) == 1
    assert len(server.seen) == 3


@pytest.mark.parametrize(
    ("act", "kind", "status"),
    [
        (refusal(400, "InvalidRequest"), lib.BadRequest, 400),
        (refusal(422, "InvalidInput"), lib.BadRequest, 422),
        (answer(401, b'{"message":"Unauthorized"}'), lib.NotAuthorised, 401),
        (answer(403, b'{"message":"Forbidden"}'), lib.NotAuthorised, 403),
        (answer(404, b'{"message":"Not Found"}'), lib.NotFound, 404),
        (refusal(413, "PayloadTooLarge"), lib.PayloadTooLarge, 413),
        (refusal(415, "UnsupportedMediaType"), lib.UnsupportedContentType, 415),
        (refusal(424, "ModelError"), lib.ModelError, 424),
        (refusal(502, "AnswerTooLarge"), lib.AnswerTooLarge, 502),
        (refusal(504, "Timeout"), lib.TimedOut, 504),
        (answer(302, b"", Location="https://elsewhere.example"), lib.BadRequest, 302),
    ],
)
def test_what_does_not_pass_is_asked_once(
    server: Server, act: Act, kind: type[lib.InferenceError], status: int
) -> None:
    server.play(act)
    with pytest.raises(lib.InferenceError) as caught:
        client(server).predict(1, inference_id="mine")
    assert type(caught.value) is kind
    assert (caught.value.status, caught.value.inference_id) == (status, "mine")
    assert len(server.seen) == 1


def test_the_last_attempt_says_why(server: Server) -> None:
    server.play(refusal(429, "Throttled", allowed="5 a second", inference_id="theirs"))
    with pytest.raises(lib.Throttled, match=r"no \(allowed: 5 a second; inference id theirs\)") as caught:
        client(server).predict(1)
    assert caught.value.code == "Throttled"
    assert len(server.seen) == 3


def test_a_model_error_has_what_the_model_said(server: Server) -> None:
    server.play(refusal(424, "ModelError", original_status=415))
    with pytest.raises(lib.ModelError) as caught:
        client(server).predict(1)
    assert (caught.value.original_status, caught.value.original_message) == (415, "no")


@pytest.mark.parametrize(
    "body", [b"", b"<html>oops</html>", b"[]", b'{"error": 3}', b"\xff\xfe", b"[" * 99_999]
)
def test_an_error_need_not_be_the_apis(server: Server, body: bytes) -> None:
    server.play(answer(400, body))
    with pytest.raises(lib.BadRequest) as caught:
        client(server).predict(1)
    assert 0 < len(str(caught.value)) < 1100


def test_nobody_there() -> None:
    nobody = InferenceClient.for_api("http://127.0.0.1:9", auth=None, settings=QUICK)
    with pytest.raises(lib.Unavailable) as caught:
        nobody.predict(1)
    assert not caught.value.maybe_taken


# --- time -----------------------------------------------------------------------------------------------


def test_silence_is_a_time_out_and_not_asked_again(server: Server) -> None:
    server.play(silent(1))
    with pytest.raises(lib.TimedOut) as caught:
        client(server, ClientSettings(read_timeout=0.1)).predict(1)
    assert not isinstance(caught.value, lib.DeadlineExceeded)
    assert len(server.seen) == 1


@pytest.mark.parametrize("act", [silent(2), dripping])
def test_the_deadline_ends_a_call(server: Server, act: Act) -> None:
    server.play(act)
    deadline = lib.Deadline.after(0.2)
    with pytest.raises(lib.DeadlineExceeded):
        client(server).predict(1, deadline=deadline)
    assert deadline.remaining() == 0
    assert len(server.seen) == 1


def test_a_deadline_of_the_settings(server: Server) -> None:
    server.play(silent(2))
    with pytest.raises(lib.DeadlineExceeded):
        client(server, ClientSettings(deadline=0.1)).predict(1)


def test_a_deadline_that_has_passed_sends_nothing(server: Server) -> None:
    with pytest.raises(lib.DeadlineExceeded):
        client(server).predict(1, deadline=0)
    assert server.seen == []


def test_the_deadline_ends_a_wait_that_would_go_on(server: Server) -> None:
    holding = Holding()
    server.play(holding)
    with pytest.raises(lib.DeadlineExceeded):
        client(server, ClientSettings(read_timeout=60)).predict(1, deadline=0.2)
    assert not holding.waited_in_vain
    holding.let_go()


def test_retry_after_is_honoured(server: Server) -> None:
    server.play(answer(429, Retry_After="30"))
    with pytest.raises(lib.DeadlineExceeded, match="another attempt") as caught:
        client(server).predict(1, deadline=5)
    assert isinstance(caught.value.__cause__, lib.Throttled)
    assert caught.value.__cause__.retry_after == 30
    assert len(server.seen) == 1


def test_retry_after_may_be_a_date() -> None:
    then = datetime.now(UTC) + timedelta(minutes=1)
    assert 50 < (seconds(format_datetime(then, usegmt=True)) or 0) <= 60
    assert seconds("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert (seconds("soon"), seconds(None), seconds("-1"), seconds("7")) == (None, None, None, 7)


# --- who asks -------------------------------------------------------------------------------------------


def test_a_token_is_asked_for_at_each_attempt(server: Server) -> None:
    server.play(answer(500), answer())
    tokens = iter(["one", "two"])
    InferenceClient.for_api(server.url, auth=BearerAuth(lambda: next(tokens)), settings=QUICK).predict(1)
    assert [each.headers["Authorization"] for each in server.seen] == ["Bearer one", "Bearer two"]


def test_iam_signs_what_is_sent(server: Server) -> None:
    server.play(answer())
    session = boto3.Session("AKID", "secret", "token", region_name="eu-west-1")
    auth = IamAuth(session=session)
    InferenceClient.for_api(f"{server.url}/stage/", auth=auth, settings=QUICK).predict([1], unit="u")
    (seen,) = server.seen
    assert seen.path == "/stage/invocations"
    assert seen.headers["X-Amz-Security-Token"] == "token"
    assert "/eu-west-1/execute-api/aws4_request" in seen.headers["Authorization"]
    assert "x-unit-id" in seen.headers["Authorization"]
    assert seen.headers["Authorization"] == signed_again(server, seen.headers, seen.body)


def signed_again(server: Server, headers: Mapping[str, str], body: bytes) -> str:
    """The signature that a service would make of what came to it."""
    names = headers["Authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    request = AWSRequest("POST", f"{server.url}/stage/invocations", data=body)
    for name in names:
        if name != "host":
            request.headers[name] = headers[name]
    request.context["timestamp"] = headers["X-Amz-Date"]
    signer = SigV4Auth(Credentials("AKID", "secret", "token"), "execute-api", "eu-west-1")
    signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    return f"{headers['Authorization'].split('Signature=')[0]}Signature={signature}"


def test_an_address_is_https() -> None:
    with pytest.raises(ValueError, match="https"):
        InferenceClient.for_api("http://example.com", auth=None)
    InferenceClient.for_api("https://example.com", auth=None).close()


# --- what is not sent -----------------------------------------------------------------------------------


def test_a_payload_that_is_too_large_stays_here(server: Server) -> None:
    with pytest.raises(lib.PayloadTooLarge, match=r"11 bytes.*allowed: 10 bytes"):
        client(server, ClientSettings(max_payload_bytes=10)).predict(b"x" * 11, serializer=Raw())
    assert server.seen == []
    server.play(answer())
    client(server, ClientSettings(max_payload_bytes=10)).predict(b"x" * 10, serializer=Raw())


@pytest.mark.parametrize(
    "given",
    [
        {"inference_id": "a b"},
        {"inference_id": ""},
        {"inference_id": "x" * 65},
        {"unit": "a\r\nX-Evil: 1"},
        {"unit": "ü"},
        {"custom_attributes": "x" * 1025},
        {"target": Target(model="")},
        {"data": math.nan},
        {"data": object()},
    ],
)
def test_what_cannot_be_said_stays_here(server: Server, given: dict[str, object]) -> None:
    with pytest.raises(lib.BadRequest):
        client(server).predict(**{"data": 1, **given})  # type: ignore[call-overload]
    assert server.seen == []


def test_an_answer_in_another_format(server: Server) -> None:
    server.play(answer(body=b"<html>", Content_Type="text/html"))
    with pytest.raises(lib.BadAnswer, match="text/html"):
        client(server).predict(1)


# --- connections and threads ----------------------------------------------------------------------------


def test_connections_are_used_again(server: Server) -> None:
    server.play(answer(400), answer(body=b"1"))
    asking = client(server)
    with pytest.raises(lib.BadRequest):
        asking.predict(1)
    for _ in range(3):
        asking.predict(1)
    assert len({each.connection for each in server.seen}) == 1


def test_threads_share_a_client(server: Server) -> None:
    def echo(handler: object) -> None:
        answer(body=server_body(handler))(handler)  # type: ignore[arg-type]

    server.play(echo)
    with client(server) as asking, ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda n: asking.predict(n).value, range(100)))
    assert found == list(range(100))
    assert len({each.connection for each in server.seen}) <= 10


def server_body(handler: object) -> bytes:
    port = handler.client_address[1]  # type: ignore[attr-defined]
    return [each for each in handler.played.seen if each.connection == port][-1].body  # type: ignore[attr-defined]


# --- streams --------------------------------------------------------------------------------------------


def test_a_stream(server: Server) -> None:
    server.play(reset, chunked(b'{"a":1}\n{"b"', b":2}\r\n", b"3"))
    with client(server).stream([1], accept="application/jsonlines") as stream:
        assert list(stream.lines()) == [b'{"a":1}', b'{"b":2}', b"3"]
    assert server.seen[1].headers["Accept"] == "application/jsonlines"


@pytest.mark.parametrize("act", [chunked(b"abc", whole=False), half])
def test_a_stream_that_is_cut_off(server: Server, act: Act) -> None:
    server.play(act)
    stream = client(server).stream([1])
    got = iter(stream)
    assert next(got) in (b"abc", b'{"half":')
    with pytest.raises(lib.StreamInterrupted) as caught:
        next(got)
    assert caught.value.inference_id == stream.inference_id
    assert len(server.seen) == 1


def test_a_stream_that_is_given_up(server: Server) -> None:
    server.play(dripping, answer(body=b"1"))
    asking = client(server)
    with asking.stream([1]) as stream:
        assert next(iter(stream)) == b" "
    assert asking.predict(1).value == 1


# --- later results --------------------------------------------------------------------------------------

WAITING = answer(202, b'{"status": "waiting"}')


def test_a_result_that_comes_later(server: Server) -> None:
    accepted = answer(202, b'{"inference_id": "mine"}', X_Amzn_SageMaker_Inference_Id="mine")
    server.play(reset, accepted, WAITING, reset, answer(body=b"[1]", Content_Type="application/json"))
    pending = client(server).submit([1], inference_id="mine")
    assert pending.poll() is None
    assert pending.result(deadline=10).value == [1]
    assert [each.path for each in server.seen[2:]] == ["/results/mine"] * 3


def test_a_large_result_is_fetched_without_saying_who_asks(server: Server) -> None:
    server.play(answer(303, b"", Location=f"{server.url}/signed?x=1"), answer(body=b"[2]"))
    asking = InferenceClient.for_api(server.url, auth=BearerAuth(lambda: "secret"), settings=QUICK)
    found = asking.pending(lib.Ticket(inference_id="mine"), Raw()).result(deadline=10)
    assert found.value == b"[2]"
    assert [(each.path, each.headers["Authorization"]) for each in server.seen] == [
        ("/results/mine", "Bearer secret"),
        ("/signed?x=1", None),
    ]


def test_a_result_that_does_not_come(server: Server) -> None:
    server.play(WAITING)
    with pytest.raises(lib.DeadlineExceeded, match="may still come"):
        client(server).pending(lib.Ticket(inference_id="mine")).result(deadline=0.2)
    assert len(server.seen) > 2


@pytest.mark.parametrize(("status", "kind"), [(424, lib.ModelError), (404, lib.NotFound)])
def test_a_result_that_is_an_error(server: Server, status: int, kind: type[lib.InferenceError]) -> None:
    server.play(refusal(status, "X"))
    with pytest.raises(kind):
        client(server).pending(lib.Ticket(inference_id="mine")).result(deadline=10)


def test_the_wrong_kind_of_endpoint_is_told(server: Server) -> None:
    server.play(answer(202))
    with pytest.raises(lib.BadRequest, match=r"submit\(\)"):
        client(server).predict(1)
    server.play(answer(200))
    with pytest.raises(lib.BadRequest, match=r"predict\(\)"):
        client(server).submit(1)


def test_an_input_that_is_in_s3(server: Server) -> None:
    server.play(answer(202))
    client(server).submit(input_location="s3://bucket/in/1")
    assert server.seen[0].headers["X-Amzn-SageMaker-InputLocation"] == "s3://bucket/in/1"
    assert server.seen[0].body == b""


# --- rewards --------------------------------------------------------------------------------------------


def test_a_reward(server: Server) -> None:
    server.play(answer(503), answer(202, b'{"accepted": 1}'))
    client(server).reward("mine", 0.5, at=1700000000.0)
    assert server.seen[1].path == "/rewards"
    assert json.loads(server.seen[1].body) == {"inference_id": "mine", "value": 0.5, "at": 1700000000.0}


def test_a_reward_is_a_number(server: Server) -> None:
    with pytest.raises(lib.BadRequest):
        client(server).reward("mine", math.inf)
    assert server.seen == []
