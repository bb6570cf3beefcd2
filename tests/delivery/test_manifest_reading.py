"""YAML with its places: what is read, what is refused, and where it stands."""

from __future__ import annotations

import pytest

from constructs_lib.delivery.problems import Mark
from constructs_lib.delivery.reading import MOST_VALUES, merged, read


def plain(text: str) -> object:
    node, problems = read(text, "f.yaml")
    assert problems == ()
    assert node is not None
    return node.plain()


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("yes", "yes"),
        ("off", "off"),
        ("2024-01-01", "2024-01-01"),
        ("12:30:45", "12:30:45"),
        ("true", True),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("017", 17),
        ("1_000", "1_000"),
        ("0x1F", "0x1F"),
        (".inf", ".inf"),
        ('"5"', "5"),
        ("'true'", "true"),
        ("1.2-1", "1.2-1"),
    ],
)
def test_scalars_are_those_of_yaml_1_2(written: str, value: object) -> None:
    read_value = plain(f"a: {written}\n")
    assert read_value == {"a": value}
    assert type(read_value["a"]) is type(value)  # type: ignore[index]


def test_anchors_and_merge_keys_work_and_what_a_map_says_itself_outranks_them() -> None:
    text = "a: &a {x: 1, y: 2}\nb:\n  <<: *a\n  y: 3\nc: {<<: [{x: 8, z: 9}, *a]}\n"
    assert plain(text) == {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}, "c": {"x": 8, "y": 2, "z": 9}}


def test_null_is_left_out_of_maps() -> None:
    assert plain("a: null\nb:\nc: ~\nd: 1\n") == {"d": 1}


@pytest.mark.parametrize(
    ("text", "line", "column", "given"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, 1, "the key 'a' again, first in line 1"),
        ("a:\n\tb: 1\n", 2, 1, "a tab"),
        ("a: !!python/object/apply:os.system [ls]\n", 1, 4, "the tag "),
        ("a: !secret x\n", 1, 4, "the tag !secret"),
        ("a: b: c\n", 1, 5, "mapping values are not allowed here"),
        ("", 1, 1, "an empty file"),
        ("a: 1\n---\nb: 2\n", 3, 1, "2 documents"),
        ("? [a]\n: 1\n", 1, 3, "a key that is no text"),
        ("a: {<<: 5}\n", 1, 9, "<<: with something else"),
        ("a: *nowhere\n", 1, 4, "found undefined alias 'nowhere'"),
        ("a: [" + "[" * 60 + "]" * 60 + "]\n", 1, 44, "deeply nested"),
        ("a: &a [*a]\n", 1, 7, "deeply nested"),
        ("a: " + "9" * 5000 + "\n", 1, 4, "a number of 5000 digits"),
        ("a: '${Token[AWS.AccountId.4]}'\n", 1, 4, "text with ${Token["),
        ("'x${Token[TOKEN.1]}': 1\n", 1, 1, "text with ${Token["),
    ],
)
def test_what_no_manifest_may_be_is_told_with_its_place(
    text: str, line: int, column: int, given: str
) -> None:
    node, problems = read(text, "f.yaml")
    assert node is None
    (problem,) = problems
    assert (problem.mark.line, problem.rule) == (line, "SM-DELIVERY-001")
    assert problem.given.startswith(given)
    if given != "deeply nested":
        assert problem.mark.column == column


def test_a_few_lines_of_anchors_that_stand_for_billions_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    (problem,) = read("\n".join(lines), "f.yaml")[1]
    assert str(MOST_VALUES) in problem.allowed


def test_every_problem_of_a_file_is_told_in_one_run() -> None:
    problems = read("a: 1\na: 2\nb: !x 1\nc: 1\nc: 2\n", "f.yaml")[1]
    assert [each.mark.line for each in problems] == [2, 3, 5]


def test_places_are_those_of_keys_and_values() -> None:
    node, _ = read("spec:\n  a: 5\n  list:\n    - x\n    - {y: 1}\n", "f.yaml")
    assert node is not None
    assert node.place(("spec", "a")) == Mark("f.yaml", 2, 3)
    assert node.value_place(("spec", "a")) == Mark("f.yaml", 2, 6)
    assert node.place(("spec", "list", 1, "y")) == Mark("f.yaml", 5, 8)
    assert node.place(("spec", "nothing")) == Mark("f.yaml", 1, 1)


def test_a_merge_keeps_the_place_of_what_each_file_says() -> None:
    base, _ = read("a: {x: 1, y: 2}\nb: [1, 2]\nc: 3\n", "base.yaml")
    over, _ = read("a: {y: 5, z: 6}\nb: [9]\nc: null\n", "over.yaml")
    assert base is not None
    assert over is not None
    both = merged(base, over)
    assert both.plain() == {"a": {"x": 1, "y": 5, "z": 6}, "b": [9]}
    assert both.place(("a", "x")).file == "base.yaml"
    assert both.place(("a", "y")).file == "over.yaml"
