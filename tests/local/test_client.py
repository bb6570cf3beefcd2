"""The client of applications, through boto3, against endpoints that serve real models."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import boto3
import numpy
import pytest

from constructs_lib.access import client as lib
from constructs_lib.access.client import ClientSettings, Csv, CsvNumbers, InferenceClient, Npy, Raw
from constructs_lib.access.client.formats import JsonValue
from tools.embedded_aws import LocalAws

from .async_endpoint import Queue
from .hosting import BUCKET, PUPPET_CODE, SETOSA, VIRGINICA, Hosting, iris_archive

QUICK = ClientSettings(attempts=3, backoff=0.05, poll=0.05, max_poll=0.2)
TEXT = Raw("text/plain", "text/plain")

ARRAY_CODE = """
import io, json, numpy

def model_fn(model_dir):
    return 2

def input_fn(data, content_type):
    if content_type == "application/x-npy":
        return numpy.load(io.BytesIO(data), allow_pickle=False)
    return numpy.asarray(json.loads(data))

def predict_fn(data, model):
    return data * model

def output_fn(data, accept):
    if accept == "application/x-npy":
        out = io.BytesIO()
        numpy.save(out, data, allow_pickle=False)
        return out.getvalue(), accept
    return json.dumps(data.tolist()), "application/json"
"""


@pytest.fixture
def session(aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> boto3.Session:
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
    return aws.session()


def served(hosting: Hosting, model: str) -> str:
    return hosting.endpoint(hosting.config({"VariantName": "main", "ModelName": model}))


def ask(name: str, session: boto3.Session, settings: ClientSettings = QUICK) -> InferenceClient[JsonValue]:
    return InferenceClient.for_endpoint(name, session=session, settings=settings)


@pytest.fixture
def puppet(hosting: Hosting, session: boto3.Session) -> InferenceClient[bytes]:
    return ask(served(hosting, hosting.model()), session).speaking(TEXT, TEXT)


def test_csv_of_a_real_model(hosting: Hosting, session: boto3.Session) -> None:
    client = ask(served(hosting, hosting.model(data=iris_archive())), session).speaking(Csv(), CsvNumbers())
    found = client.predict([SETOSA.split(","), VIRGINICA.split(",")], inference_id="mine")
    assert (found.value, found.variant, found.inference_id) == ([[0.0], [2.0]], "main", "mine")
    with pytest.raises(lib.ModelError):
        client.predict(["not", "a", "flower"])


def test_json_and_arrays(hosting: Hosting, session: boto3.Session) -> None:
    client = ask(served(hosting, hosting.model(ARRAY_CODE)), session)
    assert client.predict([[1, 2]]).value == [[2, 4]]
    array = numpy.arange(6, dtype="float32").reshape(2, 3)
    read = client.predict(array, serializer=Npy(), deserializer=Npy()).value
    assert (read.dtype, read.tolist()) == (array.dtype, (array * 2).tolist())


def test_the_name_may_be_in_a_parameter(hosting: Hosting, session: boto3.Session) -> None:
    hosting.aws.client("ssm").put_parameter(
        Name="/client/endpoint", Value=served(hosting, hosting.model(NAME="named")), Type="String"
    )
    client = InferenceClient.for_parameter("/client/endpoint", session=session, settings=QUICK)
    assert client.predict("", serializer=TEXT, deserializer=TEXT).value == b"named"
    lost = InferenceClient.for_parameter("/client/lost", session=session, settings=QUICK)
    with pytest.raises(lib.BadRequest):
        lost.predict(1)


def test_what_the_request_says_reaches_the_model(puppet: InferenceClient[bytes]) -> None:
    found = puppet.predict(
        "headers", deserializer=lib.Json(), inference_id="mine", custom_attributes="trace=7"
    )
    assert isinstance(found.value, dict)
    assert found.value["X-Amzn-Sagemaker-Inference-Id"] == "mine"
    assert found.value["X-Amzn-Sagemaker-Custom-Attributes"] == "trace=7"
    assert found.custom_attributes == "from-the-model"


@pytest.mark.parametrize(
    ("told", "status", "said"), [("raise", 500, "told to raise"), ("refuse", 415, "cannot read")]
)
def test_a_model_error_is_typed_and_asked_once(
    puppet: InferenceClient[bytes], told: str, status: int, said: str
) -> None:
    with pytest.raises(lib.ModelError) as caught:
        puppet.predict(told, inference_id="mine")
    error = caught.value
    assert (error.status, error.original_status, error.inference_id) == (424, status, "mine")
    assert said in (error.original_message or "")
    assert (error.log_stream or "").startswith("arn:aws:logs:")


def test_errors_that_are_the_callers(
    hosting: Hosting, session: boto3.Session, puppet: InferenceClient[bytes]
) -> None:
    with pytest.raises(lib.NotFound):
        ask("nowhere", session).predict(1)
    with pytest.raises(lib.BadRequest):
        puppet.predict("", target=lib.Target(variant="none"))
    with pytest.raises(lib.PayloadTooLarge):
        puppet.predict(b"x" * (lib.REAL_TIME_BYTES + 1))
    for call in (lambda: puppet.predict("", unit="u"), lambda: puppet.reward("mine", 1)):
        with pytest.raises(lib.BadRequest, match="InferenceApi"):
            call()


def test_the_deadline_ends_a_call(puppet: InferenceClient[bytes]) -> None:
    deadline = lib.Deadline.after(0.4)
    with pytest.raises(lib.DeadlineExceeded):
        puppet.predict("sleep 1.5", deadline=deadline)
    assert deadline.remaining() == 0


def test_threads_share_a_client(puppet: InferenceClient[bytes]) -> None:
    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(lambda n: puppet.predict(f"echo {n}", deadline=30).value, range(30)))
    assert found == [str(n).encode() for n in range(30)]


# --- asynchronous ---------------------------------------------------------------------------------------


def test_a_result_that_comes_later(hosting: Hosting, session: boto3.Session) -> None:
    queue = Queue(hosting, hosting.model(data=iris_archive()))
    client = InferenceClient.for_endpoint(
        queue.name, session=session, settings=QUICK, async_input=f"s3://{BUCKET}/in/"
    ).speaking(Csv(), CsvNumbers())
    pending = client.submit([SETOSA.split(",")], inference_id="mine-7")
    assert pending.inference_id == "mine-7"
    put = hosting.aws.client("s3").get_object(Bucket=BUCKET, Key="in/mine-7")
    assert (put["Body"].read(), put["ContentType"]) == (f"{SETOSA}\n".encode(), "text/csv")
    assert pending.result(deadline=20).value == [[0.0]]
    elsewhere = client.pending(pending.ticket, Raw()).poll()
    assert elsewhere is not None
    assert elsewhere.value == b"0"


def test_a_later_result_that_is_an_error_or_late(hosting: Hosting, session: boto3.Session) -> None:
    queue = Queue(hosting, hosting.model(PUPPET_CODE))
    client = ask(queue.name, session).speaking(TEXT, TEXT)
    with pytest.raises(lib.ModelError, match="told to raise") as caught:
        client.submit("raise", inference_id="mine").result(deadline=20)
    assert caught.value.inference_id == "mine"
    slow = client.submit("sleep 1")
    with pytest.raises(lib.DeadlineExceeded, match="may still come"):
        slow.result(deadline=0.2)
    assert slow.result(deadline=20).value == b"puppet"


def test_an_input_that_is_in_s3_already_and_one_that_is_too_large(
    hosting: Hosting, session: boto3.Session
) -> None:
    queue = Queue(hosting)
    client = ask(queue.name, session).speaking(TEXT, TEXT)
    assert client.submit(input_location=queue.upload("echo there")).result(deadline=20).value == b"there"
    with pytest.raises(lib.PayloadTooLarge, match="128000 bytes"):
        client.submit("x" * 128_001)


def test_an_answer_is_read_as_it_comes(puppet: InferenceClient[bytes]) -> None:
    said = "a line\n" * 5000
    with puppet.stream(f"echo {said}") as answer:
        lines = list(answer.lines())

    assert lines == [b"a line"] * 5000
    assert answer.variant == "main"
