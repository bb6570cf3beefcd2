"""Whether an answer is as expected: every way to be so, and every way not to be, told in words."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib import SmokeExpectation
from constructs_lib.delivery.runtime import expectation
from constructs_lib.delivery.runtime.expectation import Answer, NoSuchPlaceError, at, findings, same
from constructs_lib.delivery.smoke_props import PATH

BODY = {
    "labels": ["benign", "malignant"],
    "scores": [0.25, 1e-9],
    "meta": {"a key": None, "ok": True, "n": 3},
}


def answered(body: object = BODY, **more: Any) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(**{"status": 200, "body": raw, "content_type": "application/json; charset=utf-8", **more})


def problems(answer: Answer, **expect: Any) -> list[str]:
    """What is found, of an expectation as the template carries it."""
    return [each.problem for each in findings(answer, json.loads(SmokeExpectation(**expect).told()))]


RIGHT: list[dict[str, Any]] = [
    {},
    {"contains": '"benign"'},
    {"content_type": "application/json"},
    {"content_type": "Application/JSON"},
    {"json": {"$.labels[0]": "benign", "$.labels[1]": "malignant"}},
    {"json": {"$.scores[0]": 0.25, "$.scores[1]": 1e-9, "$.meta.n": 3.0}},
    {"json": {"$.scores[0]": 0.2500001}},
    {"json": {"$.scores[0]": 0.26}, "tolerance": 0.1},
    {"json": {'$.meta["a key"]': None, "$.meta.ok": True}},
]


@pytest.mark.parametrize("expect", RIGHT, ids=str)
def test_as_expected(expect: dict[str, Any]) -> None:
    assert problems(answered(), **expect) == []


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"status": 400}, "status 200 where 400 was expected"),
    ({"contains": "setosa"}, "'setosa' is not in the answer: '{\"labels\""),
    ({"content_type": "text/csv"}, "content type 'application/json; charset=utf-8' where 'text/csv'"),
    ({"json": {"$.labels[0]": "malignant"}}, '$.labels[0] is "benign" where "malignant" was expected'),
    ({"json": {"$.labels[2]": "x"}}, "$.labels[2]: $.labels has no 2"),
    ({"json": {"$.label": "x"}}, "$.label: $ has no 'label'"),
    ({"json": {"$.labels.x": "x"}}, "$.labels.x: $.labels is no object"),
    ({"json": {"$[0]": "x"}}, "$[0]: $ is no list"),
    ({"json": {"$.scores[0]": 0.26}}, "$.scores[0] is 0.25 where 0.26 was expected"),
    ({"json": {"$.scores[1]": 0}}, "$.scores[1] is 1e-09 where 0 was expected"),
    ({"json": {"$.meta.ok": 1}}, "$.meta.ok is true where 1 was expected"),
    ({"json": {"$.meta.n": True}}, "$.meta.n is 3 where true was expected"),
    ({"json": {"$.meta.n": "3"}}, '$.meta.n is 3 where "3" was expected'),
    ({"json": {"$.labels": "benign"}}, '$.labels is ["benign", "malignant"] where'),
    ({"json": {'$.meta["a key"]': ""}}, '$.meta["a key"] is null where "" was expected'),
]


@pytest.mark.parametrize(("expect", "told"), WRONG, ids=lambda each: str(each)[:60])
def test_not_as_expected_is_told_in_words(expect: dict[str, Any], told: str) -> None:
    (problem,) = problems(answered(), **expect)
    assert told in problem


def test_everything_wrong_is_told_at_once() -> None:
    found = problems(answered(), contains="x y", content_type="text/csv", json={"$.labels[0]": "?", "$.b": 1})
    assert len(found) == 4


@pytest.mark.parametrize("body", [b"", b"benign", b"{", b"\xff\xfe"])
def test_what_is_no_json_says_so(body: bytes) -> None:
    (problem,) = problems(answered(body), json={"$.a": 1})
    assert problem.startswith("the answer is no JSON")


def test_of_an_error_only_the_status_is_told_with_what_the_model_says() -> None:
    found = problems(answered(b"no such column", status=500), json={"$.a": 1}, contains="x")
    assert found == ["status 500 where 200 was expected: 'no such column'"]
    assert problems(answered(b"no such column", status=400), status=400, contains="column") == []


def test_late_is_only_slow_and_told_of_right_answers_alone() -> None:
    import aws_cdk as cdk

    expected = json.loads(SmokeExpectation(contains="benign", max_latency=cdk.Duration.millis(250)).told())
    assert findings(answered(seconds=0.25), expected) == []
    assert findings(answered(seconds=None), expected) == []
    (late,) = findings(answered(seconds=0.3), expected)
    assert late.only_slow
    assert late.problem == "the answer took 0.300 s where at most 0.25 s was expected"
    (wrong,) = findings(answered(b"x", seconds=9), expected)
    assert not wrong.only_slow


def test_a_long_answer_is_cut_in_the_message() -> None:
    (problem,) = problems(answered(b"x" * 10_000), contains="benign")
    assert len(problem) < 400


def test_rules_and_function_read_the_same_paths() -> None:
    assert expectation.PATH.pattern == PATH.pattern


LETTERS = st.characters(codec="utf-8", exclude_characters='"\\', exclude_categories=("C",))
KEYS = st.text(LETTERS, min_size=1, max_size=9)
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


def places(document: object, path: str = "$") -> list[tuple[str, object]]:
    """Every scalar of a document, with its path."""
    if isinstance(document, dict):
        plain = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
        steps = [
            (f".{key}" if plain.fullmatch(key) else f'["{key}"]', each) for key, each in document.items()
        ]
        return [found for step, each in steps for found in places(each, path + step)]
    if isinstance(document, list):
        return [found for index, each in enumerate(document) for found in places(each, f"{path}[{index}]")]
    return [(path, document)]


@given(DOCUMENTS)
def test_every_place_of_any_document_is_found_and_is_what_it_is(document: object) -> None:
    for path, value in places(document):
        assert PATH.fullmatch(path), path
        assert at(document, path) is value
        assert same(at(document, path), value, 0.0)


@given(DOCUMENTS, st.from_regex(PATH, fullmatch=True))
def test_any_path_finds_something_or_says_where_it_ends(document: object, path: str) -> None:
    try:
        at(document, path)
    except NoSuchPlaceError as missing:
        where, _, what = str(missing).partition(" ")
        said = where.startswith("$") and what.startswith(("is no ", "has no "))
    else:
        said = True
    assert said
