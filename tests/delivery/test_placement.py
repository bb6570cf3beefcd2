"""Which stack a deployment lives in: limits are held, and what is there never moves."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from constructs_lib.delivery.__main__ import main
from constructs_lib.delivery.folder import EnvironmentFolder, load
from constructs_lib.delivery.placement import (
    FULL,
    LOCK_FILE,
    MOST_RESOURCES,
    Lock,
    Weight,
    lock_file,
    placed,
    read_lock,
    stack_names,
)
from constructs_lib.delivery.planning import plan
from tests.support.manifests import grouped, problems, realtime, sole, write

SMALL = Weight(resources=23, bytes=30_000, outputs=2)


def folder_of(root: Path, names: list[str]) -> EnvironmentFolder:
    return load(write(root, **{f"dev__{name}": grouped(name) for name in names}), "dev")


def loads(stacks: dict[str, str], weights: dict[str, Weight]) -> dict[str, Weight]:
    found: dict[str, Weight] = {}
    for name, stack in stacks.items():
        found[stack] = found.get(stack, Weight()) + weights[name]
    return found


def test_300_deployments_stay_where_they_are_whatever_comes_and_goes(tmp_path: Path) -> None:
    rng = random.Random(8)  # noqa: S311 - chooses test data
    names = [f"d{number}" for number in range(300)]
    weights = {
        name: Weight(rng.randint(10, 90), rng.randint(9_000, 130_000), rng.randint(0, 4)) for name in names
    }
    environment = folder_of(tmp_path / "0", names)
    first = placed(environment, weights, {})
    assert set(first) == set(names)
    assert all(each.share <= FULL for each in loads(first, weights).values())
    assert len(set(first.values())) > 20

    recorded = first
    for change in range(1, 4):
        gone = set(rng.sample(sorted(recorded), 25))
        renamed = {name: f"{name}r" for name in rng.sample(sorted(set(recorded) - gone), 10)}
        come = [f"new{change}x{number}" for number in range(30)]
        kept = sorted(set(recorded) - gone - set(renamed))
        names = [*kept, *renamed.values(), *come]
        for name in names:
            weights.setdefault(name, weights.get(name.removesuffix("r"), SMALL))
        after = placed(folder_of(tmp_path / str(change), names), weights, recorded)
        assert {name: after[name] for name in kept} == {name: recorded[name] for name in kept}
        assert set(after) == set(names)
        assert all(each.share <= FULL for each in loads(after, weights).values())
        recorded = after


def test_room_that_was_left_is_used_again(tmp_path: Path) -> None:
    weights = dict.fromkeys(["a", "b", "c"], Weight(resources=200))
    assert placed(folder_of(tmp_path / "0", ["a", "b", "c"]), weights, {}) == {
        "a": "dev-many-1",
        "b": "dev-many-1",
        "c": "dev-many-2",
    }
    assert placed(folder_of(tmp_path / "1", ["c", "d"]), {**weights, "d": SMALL}, {"c": "dev-many-2"}) == {
        "c": "dev-many-2",
        "d": "dev-many-1",
    }


def test_what_has_grown_stays_until_the_stack_is_full(tmp_path: Path) -> None:
    weights = {"a": Weight(resources=300), "b": Weight(resources=190), "c": SMALL}
    recorded = {"a": "dev-many-1", "b": "dev-many-1"}
    after = placed(folder_of(tmp_path, ["a", "b", "c"]), weights, recorded)
    assert after == {**recorded, "c": "dev-many-2"}


def test_a_deployment_that_no_stack_takes_is_refused(tmp_path: Path) -> None:
    weights = {"a": Weight(resources=MOST_RESOURCES + 1)}
    problem = sole(lambda: placed(folder_of(tmp_path, ["a"]), weights, {}))
    rule = problem.rule
    assert rule == "SM-DELIVERY-009"
    assert problem.mark.file == "deployments/dev/a.yaml"
    assert "501 resources" in problem.given


def test_a_lock_is_sorted_and_read_back(tmp_path: Path) -> None:
    environment = folder_of(tmp_path, ["a", "b"])
    lock_file(environment).write_text(Lock({"b": "dev-many-2", "a": "dev-many-1"}, {}).text())
    assert lock_file(environment).read_text().splitlines()[-2:] == ["a: dev-many-1", "b: dev-many-2"]
    assert stack_names(environment) == {"a": "dev-many-1", "b": "dev-many-2"}


@pytest.mark.parametrize(
    ("lock", "file", "line", "given"),
    [
        ("", "a.yaml", 3, "'many', and no stack recorded"),
        ("a: dev-few-1\n", "a.yaml", 3, "'many', while it lives in dev-few-1"),
        ("a: dev-many-1\nb: dev-many-1\n", LOCK_FILE, 2, "b, which is none"),
        ("a: dev-many-1\na: dev-many-2\n", LOCK_FILE, 2, "a again"),
        ("<<<<<<< HEAD\na: dev-many-1\n", LOCK_FILE, 1, "'<<<<<<< HEAD'"),
    ],
)
def test_a_lock_that_does_not_fit_is_refused_with_its_line(
    tmp_path: Path, lock: str, file: str, line: int, given: str
) -> None:
    environment = folder_of(tmp_path, ["a"])
    lock_file(environment).write_text(lock)
    problem = sole(lambda: stack_names(environment))
    rule = problem.rule
    assert rule == "SM-DELIVERY-008"
    assert (problem.mark.file, problem.mark.line, problem.given) == (f"deployments/dev/{file}", line, given)


def test_a_lock_that_is_no_text_is_told(tmp_path: Path) -> None:
    environment = folder_of(tmp_path, ["a"])
    lock_file(environment).write_bytes(b"a: dev-many-1\n# \xe4\n")
    problem = sole(lambda: stack_names(environment))
    assert (problem.mark.file, problem.given) == (
        f"deployments/dev/{LOCK_FILE}",
        "unreadable: UnicodeDecodeError",
    )


def test_a_stack_of_a_groups_is_no_deployments_own(tmp_path: Path) -> None:
    folder = write(tmp_path, dev__a=grouped("a", "few"), **{"dev__few-1": realtime("few-1")})
    environment = load(folder, "dev")
    lock_file(environment).write_text("a: dev-few-1\n")
    problem = sole(lambda: stack_names(environment))
    rule = problem.rule
    assert rule == "SM-DELIVERY-005"
    assert problem.mark.file == "deployments/dev/few-1.yaml"


def test_the_command_records_new_deployments_and_forgets_those_that_are_gone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write(tmp_path, dev__a=grouped("a"), dev__b=grouped("b"), dev__own=realtime("own"))
    assert {each.rule for each in problems(lambda: plan(folder, "dev"))} == {"SM-DELIVERY-008"}
    assert main(["lock", "--folder", str(folder)]) == 0
    environment = load(folder, "dev")
    assert read_lock(environment).stacks == {"a": "dev-many-1", "b": "dev-many-1"}
    planned = {each.name: each.deployments for each in plan(folder, "dev").stacks}
    assert planned == {"dev-many-1": ("a", "b"), "dev-own": ("own",)}

    (folder / "dev" / "a.yaml").unlink()
    assert main(["lock", "--folder", str(folder)]) == 0
    assert read_lock(load(folder, "dev")).stacks == {"b": "dev-many-1"}
