"""The checks that rules share: what each yields, and what it lets pass."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import aws_cdk as cdk
import pytest

from constructs_lib.core import checks
from constructs_lib.core.rules import Broken

A_TOKEN = cdk.Token.as_number({"Ref": "Number"})
A_TEXT_TOKEN = cdk.Fn.ref("Text")
LETTERS = re.compile("[a-z]+")


def only(broken: Iterable[Broken]) -> Broken:
    (one,) = broken
    return one


def none(broken: Iterable[Broken]) -> bool:
    return list(broken) == []


@pytest.mark.parametrize("value", [1, 5, 10, None, pytest.param(A_TOKEN, id="token")])
def test_a_whole_number_passes_within_its_bounds(value: object) -> None:
    assert none(checks.whole_number("count", value, 1, 10))


@pytest.mark.parametrize("value", [0, 11, 5.0, "5", True, float("nan"), [5]])
def test_a_whole_number_is_refused_outside(value: object) -> None:
    broken = only(checks.whole_number("count", value, 1, 10, fix="count=5"))
    assert (broken.property, broken.given, broken.fix) == ("count", value, "count=5")
    assert broken.allowed == "a whole number from 1 to 10"


@pytest.mark.parametrize("value", [0, 0.0, 100, None, pytest.param(A_TOKEN, id="token")])
def test_a_number_passes_at_its_bounds(value: object) -> None:
    assert none(checks.number("rate", value, 0, 100))


@pytest.mark.parametrize("value", [-0.1, 100.1, float("inf"), float("nan"), True, "1"])
def test_a_number_is_refused_outside(value: object) -> None:
    assert only(checks.number("rate", value, 0, 100)).allowed == "a number of at least 0 and at most 100"


def test_a_number_above_a_bound_is_not_the_bound() -> None:
    assert (
        only(checks.number("rate", 0, 0, above=True)).allowed == "a number of more than 0 and at most 1e+15"
    )
    assert none(checks.number("rate", 1e-9, 0, above=True))


@pytest.mark.parametrize("value", ["abc", None, pytest.param(A_TEXT_TOKEN, id="token")])
def test_a_text_passes_that_matches_from_end_to_end(value: object) -> None:
    assert none(checks.text("name", value, LETTERS, "letters"))


@pytest.mark.parametrize("value", ["", "abc1", "1abc", "abc\n", 5])
def test_a_text_is_refused_that_does_not(value: object) -> None:
    assert only(checks.text("name", value, LETTERS, "letters")) == Broken("name", value, "letters", "")


def test_one_of_the_choices_passes_and_others_do_not() -> None:
    assert none(checks.one_of("interval", 10, (10, 30)))
    assert only(checks.one_of("interval", 20, (10, 30))).allowed == "one of 10, 30"
    assert only(checks.one_of("interval", True, (1, 0))).given is True


def test_a_kind_passes_and_a_token_where_text_is_wanted() -> None:
    assert none(checks.kind("key", "text", str))
    assert none(checks.kind("key", A_TEXT_TOKEN, str))
    assert none(checks.kind("key", None, str))
    assert only(checks.kind("key", None, str, optional=False)).allowed == "a str"
    assert only(checks.kind("key", 5, str, bytes)).allowed == "a str or bytes"
    assert only(checks.kind("count", A_TEXT_TOKEN, int)).property == "count"


def test_items_are_checked_one_by_one() -> None:
    assert none(checks.items_of("names", ["a", "b"], str))
    assert none(checks.items_of("names", (), str))
    assert [each.property for each in checks.items_of("names", ["a", 5, None], str)] == [
        "names[1]",
        "names[2]",
    ]


@pytest.mark.parametrize("value", ["text", 5, None, {"a": 1}, {"a"}])
def test_what_is_no_list_is_refused(value: object) -> None:
    assert only(checks.items_of("names", value, str)).allowed == "a list of str"


@pytest.mark.parametrize(
    "value", [cdk.Duration.seconds(60), cdk.Duration.minutes(60), None, cdk.Duration.seconds(A_TOKEN)]
)
def test_a_duration_passes_at_its_bounds(value: object) -> None:
    assert none(checks.duration("wait", value, 60, 3600))


@pytest.mark.parametrize(
    ("value", "given"),
    [
        (cdk.Duration.seconds(59), "59 seconds"),
        (cdk.Duration.seconds(3601), "1 hour 1 second"),
        (cdk.Duration.millis(60_500), "1 minute 500 millis"),
        (60, 60),
        ("PT1M", "PT1M"),
    ],
)
def test_a_duration_is_refused_outside(value: object, given: object) -> None:
    broken = only(checks.duration("wait", value, 60, 3600))
    assert (broken.given, broken.allowed) == (given, "a Duration of whole seconds from 1 minute to 1 hour")


@pytest.mark.parametrize(
    "value", [cdk.Size.gibibytes(1), cdk.Size.mebibytes(1024), cdk.Size.gibibytes(A_TOKEN), None]
)
def test_a_size_passes_in_whole_gibibytes(value: object) -> None:
    assert none(checks.size("volume", value, 1, 512))


@pytest.mark.parametrize(
    ("value", "given"),
    [(cdk.Size.mebibytes(1025), "1.00098 GiB"), (cdk.Size.tebibytes(1), "1024 GiB"), (50, 50)],
)
def test_a_size_is_refused_otherwise(value: object, given: object) -> None:
    broken = only(checks.size("volume", value, 1, 512))
    assert (broken.given, broken.allowed) == (given, "a Size of whole GiB from 1 to 512")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "1 minute"),
        (90, "90 seconds"),
        (600, "10 minutes"),
        (3600, "1 hour"),
        (28_800, "8 hours"),
        (86_400, "1 day"),
        (172_800, "2 days"),
    ],
)
def test_seconds_are_told_in_the_largest_unit_that_divides_them(seconds: int, words: str) -> None:
    assert checks.in_words(seconds) == words


@pytest.mark.parametrize("value", ["", "gone", "a\0b", "x" * 5000, None, 5, b"tests"])
def test_what_is_no_path_is_neither_folder_nor_file(value: object) -> None:
    assert not checks.folder(value)
    assert not checks.file(value)


def test_folders_and_files_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert checks.folder(str(tmp_path))
    assert not checks.file(str(tmp_path))
    assert checks.file(str(tmp_path), "file")
    assert not checks.folder(str(tmp_path / "file"))
    assert not checks.file(str(tmp_path), "")
