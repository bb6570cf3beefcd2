"""Each rule of data capture: the last value that passes, the first that does not, tokens, wrong types."""

from __future__ import annotations

from collections.abc import Callable

import aws_cdk as cdk
import pytest

from constructs_lib import DataCapture
from tests.support.refusals import (
    WRONG_OBJECTS,
    WRONG_SWITCHES,
    WRONG_TEXTS,
    WRONG_WHOLE_NUMBERS,
    Refusal,
    WrongType,
    as_parameters,
    refused,
    wrong_types,
)

ELEVEN = [f"application/x-{letter}" for letter in "abcdefghijk"]

REFUSALS = [
    Refusal(
        "SM-CAPTURE-001", lambda: DataCapture(sampling_percent=-1), "sampling_percent", -1, "from 0 to 100"
    ),
    Refusal("SM-CAPTURE-001", lambda: DataCapture(sampling_percent=101), "sampling_percent", 101, "0 to 100"),
    Refusal(
        "SM-CAPTURE-002",
        lambda: DataCapture(capture_input=False, capture_output=False),
        "capture_input",
        False,
        "input, output or both",
    ),
    Refusal(
        "SM-CAPTURE-003",
        lambda: DataCapture(csv_content_types=ELEVEN),
        "csv_content_types",
        "11 types",
        "at most 10",
    ),
    Refusal(
        "SM-CAPTURE-003",
        lambda: DataCapture(json_content_types=ELEVEN),
        "json_content_types",
        "11 types",
        "at most 10",
    ),
    Refusal(
        "SM-CAPTURE-003",
        lambda: DataCapture(csv_content_types=["csv"]),
        "csv_content_types",
        "csv",
        "media types such as text/csv",
    ),
    Refusal("SM-CAPTURE-004", lambda: DataCapture(prefix="/data"), "prefix", "/data", "no slash at the ends"),
    Refusal("SM-CAPTURE-004", lambda: DataCapture(prefix="data/"), "prefix", "data/", "no slash at the ends"),
    Refusal("SM-CAPTURE-004", lambda: DataCapture(prefix=""), "prefix", "", "a key prefix"),
    Refusal("SM-CAPTURE-004", lambda: DataCapture(prefix=None), "prefix", None, "a str"),
]


@pytest.mark.parametrize("refusal", as_parameters(REFUSALS))
def test_a_broken_rule_is_named_with_what_was_given_and_what_is_allowed(refusal: Refusal) -> None:
    refusal.check()


ACCEPTED: dict[str, Callable[[], DataCapture]] = {
    "nothing sampled": lambda: DataCapture(sampling_percent=0),
    "all sampled": lambda: DataCapture(sampling_percent=100),
    "a token for the percentage": lambda: DataCapture(sampling_percent=cdk.Token.as_number({"Ref": "P"})),
    "output alone": lambda: DataCapture(capture_input=False),
    "input alone": lambda: DataCapture(capture_output=False),
    "no content types": lambda: DataCapture(csv_content_types=(), json_content_types=()),
    "ten content types": lambda: DataCapture(csv_content_types=ELEVEN[:10]),
    "a deep prefix": lambda: DataCapture(prefix="captured/fraud/v1.2"),
    "a token for the prefix": lambda: DataCapture(prefix=cdk.Fn.ref("Prefix")),
}


@pytest.mark.parametrize("accepted", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_what_is_just_allowed_passes(accepted: Callable[[], DataCapture]) -> None:
    assert accepted() is not None


@pytest.mark.parametrize(
    "wrong",
    wrong_types(
        DataCapture,
        sampling_percent=(None, *WRONG_WHOLE_NUMBERS),
        capture_input=WRONG_SWITCHES,
        capture_output=WRONG_SWITCHES,
        prefix=WRONG_TEXTS,
        bucket=WRONG_OBJECTS,
        encryption_key=WRONG_OBJECTS,
        csv_content_types=("text/csv", None, 5, [5], [None], {"text/csv": 1}),
        json_content_types=("application/json", None, 5, [5], [None]),
    ),
)
def test_a_wrong_type_is_refused_for_its_property(wrong: WrongType) -> None:
    wrong.check()


def test_several_broken_rules_are_reported_together() -> None:
    error = refused(lambda: DataCapture(sampling_percent="all", prefix="/", csv_content_types="text/csv"))
    assert error.path == "DataCapture"
    assert error.rules == ("SM-CAPTURE-001", "SM-CAPTURE-003", "SM-CAPTURE-004")
