"""Outputs of a transform job are found for their inputs, or the run fails: never is one taken for another's."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from constructs_lib.batch.runtime.pairing import MissingOutput, paired

segments = st.sampled_from(["a", "b", "day=1", "x.csv", "y.csv", "x.csv.out"])
keys = st.lists(segments, min_size=1, max_size=4).map("/".join)
unique_keys = st.lists(keys, min_size=1, max_size=8, unique=True)


def name_of(key: str) -> str:
    return key.rsplit("/", 1)[-1]


def without(key: str, folders: int) -> str:
    return "/".join(key.split("/")[folders:])


@given(unique_keys, st.integers(0, 3))
@settings(deadline=None)
def test_outputs_without_the_same_leading_folders_are_found_whatever_the_names(
    given_: list[str], folders: int
) -> None:
    inputs = [f"one/two/three/{key}" for key in given_]
    outputs = {key: f"{without(key, folders)}.out" for key in inputs}
    assert paired(inputs, sorted(outputs.values())) == outputs


@given(st.lists(keys, min_size=1, max_size=8, unique_by=name_of))
@settings(deadline=None)
def test_outputs_without_any_folder_are_found_where_names_are_unique(inputs: list[str]) -> None:
    outputs = {key: f"{name_of(key)}.out" for key in inputs}
    assert paired(inputs, sorted(outputs.values())) == outputs


@given(unique_keys, st.lists(keys.map("{}.out".format), max_size=8, unique=True))
@example(["a/x.csv", "b/x.csv"], ["x.csv.out", "b/x.csv.out"])
@settings(deadline=None)
def test_whatever_lies_there_it_is_one_to_one_or_an_error(inputs: list[str], outputs: list[str]) -> None:
    try:
        found = paired(inputs, outputs)
    except MissingOutput:
        return
    assert sorted(found) == sorted(inputs)
    assert sorted(found.values()) == sorted(outputs)
    for key, output in found.items():
        assert name_of(output) == f"{name_of(key)}.out"


@given(unique_keys, st.data())
@settings(deadline=None)
def test_one_output_less_or_more_is_an_error(inputs: list[str], data: st.DataObject) -> None:
    outputs = [f"{key}.out" for key in inputs]
    dropped = data.draw(st.sampled_from(outputs))
    with pytest.raises(MissingOutput):
        paired(inputs, [each for each in outputs if each != dropped])
    with pytest.raises(MissingOutput, match="surplus"):
        paired(inputs, [*outputs, "surplus.csv.out"])


def test_the_documented_example_is_understood() -> None:
    found = paired(["input-name-prefix/dataset01/data.csv"], ["input-name-prefix/data.csv.out"])
    assert found == {"input-name-prefix/dataset01/data.csv": "input-name-prefix/data.csv.out"}


def test_the_same_name_in_two_folders_is_told_by_the_folder() -> None:
    inputs = ["in/de/part-0.csv", "in/fr/part-0.csv", "in/part-0.csv"]
    found = paired(inputs, ["de/part-0.csv.out", "fr/part-0.csv.out", "part-0.csv.out"])
    assert found == {key: f"{key.removeprefix('in/')}.out" for key in inputs}


def test_an_output_that_could_be_of_two_inputs_is_of_none() -> None:
    with pytest.raises(MissingOutput) as raised:
        paired(["in/de/part-0.csv", "in/fr/part-0.csv"], ["part-0.csv.out"])
    assert str(raised.value) == (
        "2 of 2 input objects have no output: in/de/part-0.csv, in/fr/part-0.csv; "
        "1 of 1 outputs belong to no one input: part-0.csv.out"
    )


def test_two_outputs_that_could_be_of_one_input_are_of_none() -> None:
    with pytest.raises(MissingOutput) as raised:
        paired(["in/x.csv"], ["de/x.csv.out", "fr/x.csv.out"])
    assert str(raised.value) == (
        "1 of 1 input objects have no output: in/x.csv; "
        "2 of 2 outputs belong to no one input: de/x.csv.out, fr/x.csv.out"
    )


def test_what_is_no_output_at_all_is_too_much() -> None:
    with pytest.raises(MissingOutput, match=r"^1 of 2 outputs belong to no one input: a.csv$"):
        paired(["a.csv"], ["a.csv.out", "a.csv"])


def test_an_error_names_five() -> None:
    inputs = [f"in/{number:05}.csv" for number in range(20_000)]
    with pytest.raises(MissingOutput) as raised:
        paired(inputs, [])
    assert str(raised.value) == (
        "20,000 of 20,000 input objects have no output: in/00000.csv, in/00001.csv, in/00002.csv, "
        "in/00003.csv, in/00004.csv and 19,995 more"
    )


def test_a_hundred_thousand_of_one_name_are_paired() -> None:
    inputs = [f"in/day={number % 31}/part={number}/data.csv" for number in range(100_000)]
    assert len(paired(inputs, [f"{key}.out".removeprefix("in/") for key in inputs])) == 100_000
    with pytest.raises(MissingOutput, match="1 of 100,000 input"):
        paired(inputs, [f"{key}.out" for key in inputs[1:]])
