"""The monitor asks the model: in its format, and with whatever it answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.response import StreamingBody

from constructs_lib.core.runtime.windows import iso
from constructs_lib.monitoring.runtime.kinds.asking import body_of
from constructs_lib.monitoring.runtime.reading.captured import OWN
from constructs_lib.monitoring.runtime.run.looking import Looker, LookError
from constructs_lib.monitoring.runtime.run.preparing import prepare
from tests.support.fake_aws import Params, Refused
from tests.support.monitored import ENDPOINT, START, FakeMonitored, described, spec

DUE = START + 3600 + 900
OPTIONS = {
    "prediction": {"label": None, "probability": "scores"},
    "requests": "csv",
    "threshold": 0.9,
    "sample": 5,
    "background": 3,
    "permutations": 1,
    "rows_a_call": 7,
}
ROWS: list[list[object]] = [[number, number % 7, number % 3] for number in range(150)]


class Model(FakeMonitored):
    """An endpoint that answers as it is told to."""

    body: bytes | None = None
    refused: Refused | None = None

    def _InvokeEndpoint(self, params: Params) -> Params:  # noqa: N802
        self.asked.append(params)
        if self.refused is not None:
            raise self.refused
        rows = self.rows_of(params)
        scores = [row[0] * 3 + (row[1] or 0) for row in rows]
        body = json.dumps({"scores": scores}).encode() if self.body is None else self.body
        return {"Body": StreamingBody(BytesIO(body), len(body)), "ContentType": "application/json"}

    @staticmethod
    def rows_of(params: Params) -> list[Any]:
        text = params["Body"].decode()
        if params["ContentType"] == "text/csv":
            return [[float(cell or 0) for cell in line.split(",")] for line in text.split()]
        told = json.loads(text)
        return [row["features"] if isinstance(row, dict) else row for row in told["instances"]]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Model]:
    train = "a,b,c\n" + "\n".join(",".join(map(str, row)) for row in ROWS)
    fake = Model(objects={"train.csv": train.encode()})
    monkeypatch.setattr(boto3, "client", fake.client)
    yield fake


def monitored(**options: Any) -> Any:
    monitor = described("attribution", options={**OPTIONS, **options})
    prepare(monitor, spec(), START)
    return monitor


def look(monitor: Any) -> Params:
    return Looker(monitor).once_more(START, DUE)


@pytest.mark.parametrize("path", ["instances", "instances.*.features"])
def test_it_asks_as_callers_do(aws: Model, path: str) -> None:
    """What a path takes out of captured requests it puts into requests."""
    monitor = monitored(requests="json_rows", path=path)
    asked = aws.asked[0]["Body"].decode()
    assert len(aws.rows_of(aws.asked[0])) == 7
    side = {"observedContentType": "application/json", "data": asked, "encoding": "JSON"}
    lines = [
        {
            "captureData": {"endpointInput": side},
            "eventMetadata": {"eventId": f"{number}", "inferenceTime": iso(START + 60)},
        }
        for number in range(20)
    ]
    aws.objects[f"capture/{ENDPOINT}/AllTraffic/2026/11/28/10/a.jsonl"] = "\n".join(
        map(json.dumps, lines)
    ).encode()
    result = look(monitor)
    assert (result["records"], result["unread"]) == (140, 0)
    assert result["values"]["ndcg"] > 0.9


@pytest.mark.parametrize(
    ("requests", "path", "body"),
    [
        ("csv", None, "1,,x\n2,b,\n"),
        ("json_rows", None, [[1, None, "x"], [2, "b", None]]),
        ("json_rows", "instances", {"instances": [[1, None, "x"], [2, "b", None]]}),
        ("json_rows", "a.b", {"a": {"b": [[1, None, "x"], [2, "b", None]]}}),
        (
            "json_rows",
            "instances.*.features",
            {"instances": [{"features": [1, None, "x"]}, {"features": [2, "b", None]}]},
        ),
        ("json_objects", None, [{"p": 1, "q": None, "r": "x"}, {"p": 2, "q": "b", "r": None}]),
        ("json_objects", "rows", {"rows": [{"p": 1, "q": None, "r": "x"}, {"p": 2, "q": "b", "r": None}]}),
    ],
)
@pytest.mark.parametrize("missing", ["", " ", None, float("nan")])
def test_a_request_has_its_format(requests: str, path: str | None, body: Any, missing: Any) -> None:
    if requests == "csv" and missing not in ("", None):
        missing = None
    rows = [["1", missing, "x"], [2, "b", missing]]
    told = body_of(rows, ["p", "q", "r"], requests, path).decode()
    assert (told if requests == "csv" else json.loads(told)) == body


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"null",
        b"[]",
        b'{"scores": 0.5}',
        b'{"scores": ["a", "b", "c"]}',
        b'{"scores": [null, 1, 2]}',
        b'{"scores": [NaN, 1, 2]}',
        b'{"scores": [true, 1, 2]}',
        b'{"label": [1, 2, 3]}',
    ],
)
def test_a_model_that_answers_nonsense_fails_the_look(aws: Model, body: bytes) -> None:
    """So that the alarm on silence goes off; no verdict is made of it."""
    monitor = monitored()
    aws.capture(ROWS)
    aws.body = body
    with pytest.raises(LookError, match="2026/11/28/1000 by the baseline in s3://captured"):
        look(monitor)
    assert aws.values("Violations") == []


@pytest.mark.parametrize("code", ["ThrottlingException", "ModelNotReadyException", "ValidationError"])
def test_what_sagemaker_refuses_is_raised(aws: Model, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    monitor = monitored()
    aws.capture(ROWS)
    aws.refused = Refused(code, "not now")
    with pytest.raises(ClientError, match="not now"):
        look(monitor)


def test_without_an_endpoint_there_is_no_baseline(aws: Model) -> None:
    aws.refused = Refused("ValidationError", "Endpoint fraud of account 111122223333 not found.")
    with pytest.raises(ClientError, match=r"Endpoint fraud .* not found"):
        monitored()
    assert not [key for key in aws.objects if key.endswith("constraints.json")]


def test_too_few_requests_ask_nothing(aws: Model) -> None:
    monitor = monitored()
    aws.asked.clear()
    aws.capture(ROWS[:99])
    assert look(monitor)["status"] == "too_few"
    assert aws.asked == []


def test_too_few_rows_make_no_baseline(aws: Model) -> None:
    aws.objects["train.csv"] = b"a,b,c\n1,2,3\n"
    with pytest.raises(ValueError, match="1 rows: it takes more than the 3 of the background"):
        monitored()


def test_a_column_that_begins_late_is_missing_before(aws: Model) -> None:
    lines = [{"a": number, "b": 1} | ({"c": 2} if number > 2500 else {}) for number in range(2600)]
    aws.objects["train.csv"] = b""
    aws.objects["train.jsonl"] = "\n".join(map(json.dumps, lines)).encode()
    monitor = described("attribution", options=OPTIONS)
    given = spec()
    prepare(monitor, {**given, "data": {**given["data"], "key": "train.jsonl"}}, START)
    made = aws.json(f"{monitor.baseline_place.prefix}/constraints.json")
    (explained,) = made["explanations"]["kernel_shap"].values()
    assert set(explained["global_shap_values"]) == {"a", "b", "c"}


def test_ids_have_a_length_that_sagemaker_takes(aws: Model) -> None:
    monitor = described("attribution", name="M" * 40, options={**OPTIONS, "rows_a_call": 1, "sample": 100})
    prepare(monitor, spec(), START)
    ids = [each["InferenceId"] for each in aws.asked]
    assert len(set(ids)) == len(ids) > 100
    assert all(id.startswith(OWN) and len(id) <= 64 for id in ids)
