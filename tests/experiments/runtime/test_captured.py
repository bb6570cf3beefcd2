"""Records of data capture: which belong together, and what of an answer is compared."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from constructs_lib.experiments.runtime.captured import (
    MOST_VALUES,
    Answer,
    Selection,
    UnparsableError,
    answer,
    captured,
)


def record(**metadata: Any) -> dict[str, Any]:
    return {
        "captureData": {
            "endpointInput": {"observedContentType": "text/csv", "data": "1,2", "encoding": "CSV"},
            "endpointOutput": {"observedContentType": "text/csv", "data": "a", "encoding": "CSV"},
        },
        "eventMetadata": {"eventId": "e1", "inferenceTime": "2026-11-22T14:00:01Z", **metadata},
        "eventVersion": "0",
    }


def key(of: dict[str, Any]) -> bytes:
    return captured(json.dumps(of).encode()).key


def test_a_record_tells_when_and_what() -> None:
    read = captured(json.dumps(record()).encode())
    assert read.at == 1795356001
    assert read.output["data"] == "a"


def test_the_inference_id_tells_who_belongs_together() -> None:
    assert key(record(inferenceId="i", eventId="e1")) == key(record(inferenceId="i", eventId="e2"))
    assert key(record(inferenceId="i")) != key(record(inferenceId="j"))


def test_without_one_the_request_does() -> None:
    one, same, other, typed = record(), record(eventId="e2"), record(), record()
    other["captureData"]["endpointInput"]["data"] = "1,3"
    typed["captureData"]["endpointInput"]["observedContentType"] = "text/plain"
    assert key(one) == key(same)
    assert len({key(one), key(other), key(typed)}) == 3
    # An id that looks like a request is none.
    assert key(record(inferenceId="1,2")) != key(one)


def test_and_without_a_request_the_event() -> None:
    one, same, other = record(), record(), record(eventId="e2")
    for each in (one, same, other):
        del each["captureData"]["endpointInput"]
    assert key(one) == key(same) != key(other)


NO_OUTPUT = record()
del NO_OUTPUT["captureData"]["endpointOutput"]


@pytest.mark.parametrize(
    "line",
    [
        *(b"", b"not json", b"[]", b"null", b"{}", b'{"eventMetadata": 1}', b"\xff", b"[" * 100_000),
        json.dumps(record(inferenceTime="yesterday")).encode(),
        json.dumps(record(inferenceTime=5)).encode(),
        json.dumps(NO_OUTPUT).encode(),
    ],
)
def test_what_is_no_record_says_so(line: bytes) -> None:
    with pytest.raises(UnparsableError):
        captured(line)


def of(data: str, type: str = "application/json", encoding: str = "JSON", **selection: str) -> Answer:
    output = {"observedContentType": type, "data": data, "encoding": encoding}
    return answer(output, Selection(**selection))


LABELLED = '{"version": 2, "labels": ["cat", "dog"], "scores": [[0.1, 0.9], [0.8, 0.2]]}'


@pytest.mark.parametrize(
    ("selection", "labels", "numbers"),
    [
        ({"label": "labels"}, ("cat", "dog"), ()),
        ({"label": "labels.1"}, ("dog",), ()),
        ({"number": "scores"}, (), (0.1, 0.9, 0.8, 0.2)),
        ({"number": "scores.0"}, (), (0.1, 0.9)),
        ({"label": "labels", "number": "scores.1.0"}, ("cat", "dog"), (0.8,)),
        # The class of a model may be a number.
        ({"label": "version"}, ("2",), ()),
        ({"number": "version"}, (), (2.0,)),
    ],
)
def test_paths_select_of_json(selection: dict[str, str], labels: tuple[str], numbers: tuple[float]) -> None:
    assert of(LABELLED, **selection) == Answer(labels=labels, numbers=numbers)


def test_a_key_applies_to_every_item_of_a_list() -> None:
    rows = '{"predictions": [{"label": "a", "score": 1}, {"label": "b", "score": "0.5"}]}'
    found = of(rows, label="predictions.label", number="predictions.score")
    assert found == Answer(labels=("a", "b"), numbers=(1.0, 0.5))


def test_without_paths_everything_is_compared_in_a_fixed_order() -> None:
    one, other = (
        '{"b": [1, true], "a": {"x": "y", "z": null}}',
        '{"a": {"z": null, "x": "y"}, "b": [1, true]}',
    )
    assert of(one) == of(other) == Answer(labels=("y", "null", "true"), numbers=(1.0,))
    assert of('{"a": "true"}') == of('{"a": true}')


def test_json_lines_are_a_list() -> None:
    found = of('{"label": "a"}\n{"label": "b"}\n', "application/jsonlines", label="label")
    assert found.labels == ("a", "b")


def test_csv_has_columns() -> None:
    rows = "cat, 0.9\ndog, 0.2\n"
    assert of(rows, "text/csv", "CSV") == Answer(labels=("cat", "dog"), numbers=(0.9, 0.2))
    assert of(rows, "text/csv; charset=utf-8", "CSV", label="0") == Answer(labels=("cat", "dog"))
    assert of(rows, "text/csv", "CSV", label="0", number="1").numbers == (0.9, 0.2)
    assert of("0\n2\n", "text/csv", "CSV", label="0") == Answer(labels=("0", "2"))


def test_base64_is_decoded_and_read_by_its_content_type() -> None:
    def encoded(text: str) -> str:
        return base64.b64encode(text.encode()).decode()

    assert of(encoded(LABELLED), "application/json", "BASE64", label="labels").labels == ("cat", "dog")
    assert of(encoded("cat"), "text/plain", "BASE64").labels == ("cat",)
    assert of(encoded("7"), "application/octet-stream", "BASE64").numbers == (7.0,)


@pytest.mark.parametrize(
    ("data", "type", "encoding", "selection"),
    [
        ("{", "application/json", "JSON", {}),
        ("[" * 100_000, "application/json", "JSON", {}),
        (LABELLED, "application/json", "JSON", {"label": "absent"}),
        (LABELLED, "application/json", "JSON", {"label": "labels.9"}),
        (LABELLED, "application/json", "JSON", {"label": "version.x"}),
        (LABELLED, "application/json", "JSON", {"number": "labels"}),
        ('{"score": true}', "application/json", "JSON", {"number": "score"}),
        ('{"score": NaN}', "application/json", "JSON", {"number": "score"}),
        ('{"score": 1e999}', "application/json", "JSON", {}),
        ("a,b", "text/csv", "CSV", {"label": "7"}),
        ("a,b", "text/csv", "CSV", {"label": "name"}),
        ("inf", "text/csv", "CSV", {}),
        ("!!", "text/csv", "BASE64", {}),
        (base64.b64encode(b"\xff\xfe").decode(), "image/png", "BASE64", {}),
    ],
)
def test_an_answer_without_what_is_asked_for_says_so(
    data: str, type: str, encoding: str, selection: dict[str, str]
) -> None:
    with pytest.raises(UnparsableError):
        of(data, type, encoding, **selection)


def test_a_record_whose_data_is_no_text_says_so() -> None:
    with pytest.raises(UnparsableError):
        answer({"observedContentType": "text/csv", "data": 5, "encoding": "CSV"}, Selection())


def test_long_answers_are_cut_alike() -> None:
    whole = json.dumps({"l": ["a"] * 3000, "n": [1] * 3000})
    for selection in ({}, {"label": "l", "number": "n"}):
        found = of(whole, **selection)
        assert (len(found.labels), len(found.numbers)) == (MOST_VALUES, MOST_VALUES)
