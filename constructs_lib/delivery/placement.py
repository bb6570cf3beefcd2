"""Which stack a deployment lives in, for good: what has been deployed never moves to another stack.

A deployment without a group has a stack of its own. Those of a group share numbered stacks; ``stacks.lock`` in the
environment's folder records which, one line a deployment, and is checked in. CloudFormation takes 500 resources and
a template of 1 MB a stack: new deployments go where both leave room, with some to spare for what is there to grow.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .checking import path_text, shown
from .folder import EnvironmentFolder, Manifest, default_name, shown_file
from .problems import COLLISION_RULE, LIMIT_RULE, LOCK_RULE, ManifestError, Mark, Problem

LOCK_FILE = "stacks.lock"
MOST_RESOURCES = 500
MOST_BYTES = 1_000_000
MOST_OUTPUTS = 200
"""Of a stack, as CloudFormation has it:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""
FULL = 0.8
"""A stack takes no new deployment beyond this share of a limit: what is in it may grow."""

_HEADER = (
    "# Which stack each deployment with a group lives in. Made by `python -m constructs_lib.delivery lock`.\n"
    "# Moving a line deletes a deployment and makes it anew.\n"
)
_LINE = re.compile(r"(?P<name>[a-z][a-z0-9-]*): (?P<stack>[a-z][a-z0-9-]*)")


@dataclass(frozen=True, slots=True)
class Weight:
    """What a deployment takes of a stack's limits."""

    resources: int = 0
    bytes: int = 0
    outputs: int = 0

    def __add__(self, other: Weight) -> Weight:
        return Weight(
            self.resources + other.resources, self.bytes + other.bytes, self.outputs + other.outputs
        )

    @property
    def share(self) -> float:
        """Of the limit that is nearest."""
        return max(self.resources / MOST_RESOURCES, self.bytes / MOST_BYTES, self.outputs / MOST_OUTPUTS)

    def __str__(self) -> str:
        return f"{self.resources} resources, {self.outputs} outputs, {self.bytes} bytes"


@dataclass(frozen=True, slots=True)
class Lock:
    """What is recorded: the stack of each deployment with a group, by the deployment's name."""

    stacks: Mapping[str, str]
    lines: Mapping[str, int]
    """Where in the file each stands."""

    def text(self) -> str:
        """As the file has it: sorted, so that two branches that add different deployments merge."""
        return _HEADER + "".join(f"{name}: {stack}\n" for name, stack in sorted(self.stacks.items()))


def lock_file(environment: EnvironmentFolder) -> Path:
    """The file of an environment."""
    return environment.folder / environment.name / LOCK_FILE


def read_lock(environment: EnvironmentFolder) -> Lock:
    """What is recorded; nothing where there is no file.

    :raises ManifestError: when the file is not what this module writes.
    """
    file = lock_file(environment)
    stacks: dict[str, str] = {}
    lines: dict[str, int] = {}
    problems = []
    try:
        text = file.read_text(encoding="utf-8") if file.is_file() else ""
    except (OSError, UnicodeDecodeError) as error:
        given = f"unreadable: {type(error).__name__}"
        raise ManifestError([_at(environment, 1, given, "a text in UTF-8")]) from error
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        found = _LINE.fullmatch(line)
        if found is None or found["name"] in stacks:
            given = shown(line) if found is None else f"{found['name']} again"
            problems.append(_at(environment, number, given, "<deployment>: <stack>, each deployment once"))
            continue
        stacks[found["name"]] = found["stack"]
        lines[found["name"]] = number
    if problems:
        raise ManifestError(problems)
    return Lock(stacks, lines)


def _at(environment: EnvironmentFolder, line: int, given: str, allowed: str, fix: str = "") -> Problem:
    mark = Mark(shown_file(environment.folder, lock_file(environment)), line)
    return Problem(mark=mark, path="", given=given, allowed=allowed, rule=LOCK_RULE, fix=fix)


def stack_names(environment: EnvironmentFolder) -> dict[str, str]:
    """The stack of each deployment, by the deployment's name.

    :raises ManifestError: where the lock does not say it, or names collide.
    """
    lock = read_lock(environment)
    problems = [*_unrecorded(environment, lock), *_stale(environment, lock)]
    names = {
        each.name: lock.stacks[each.name] if each.document.metadata.group else own_stack(environment, each)
        for each in environment.manifests
        if not each.document.metadata.group or each.name in lock.stacks
    }
    problems += _shared_names(environment, names)
    if problems:
        raise ManifestError(problems)
    return names


def own_stack(environment: EnvironmentFolder, manifest: Manifest) -> str:
    """The stack of a deployment without a group."""
    return default_name(environment.name, manifest.name)


def group_stack(environment: str, group: str, number: int) -> str:
    """One of the stacks of a group, counted from 1."""
    return f"{environment}-{group}-{number}"


def _is_of_group(stack: str, environment: str, group: str) -> bool:
    prefix, _, number = stack.rpartition("-")
    return prefix == f"{environment}-{group}" and number.isdigit()


def _unrecorded(environment: EnvironmentFolder, lock: Lock) -> Iterable[Problem]:
    command = f"python -m constructs_lib.delivery lock --environment {environment.name}"
    for manifest in environment.manifests:
        group = manifest.document.metadata.group
        if group is None:
            continue
        mark = manifest.node.value_place(("metadata", "group"))
        stack = lock.stacks.get(manifest.name)
        if stack is None:
            given, allowed = f"{group!r}, and no stack recorded", f"a line in {LOCK_FILE}"
        elif not _is_of_group(stack, environment.name, group):
            given = f"{group!r}, while it lives in {stack}"
            allowed = (
                f"the group it was deployed with: another stack deletes {manifest.name} and makes it anew"
            )
            command = f"to do so: take its line out of {LOCK_FILE}, then {command}"
        else:
            continue
        yield Problem(
            mark=mark, path="metadata.group", given=given, allowed=allowed, rule=LOCK_RULE, fix=command
        )


def _stale(environment: EnvironmentFolder, lock: Lock) -> Iterable[Problem]:
    grouped = {each.name for each in environment.manifests if each.document.metadata.group}
    command = f"python -m constructs_lib.delivery lock --environment {environment.name}"
    for name, line in lock.lines.items():
        if name not in grouped:
            allowed = "deployments with a group that exist"
            yield _at(environment, line, f"{name}, which is none", allowed, command)


def _shared_names(environment: EnvironmentFolder, names: Mapping[str, str]) -> Iterable[Problem]:
    """A stack of a deployment's own that is also one of a group."""
    grouped = {names[each.name] for each in environment.manifests if each.name in names and _group(each)}
    for manifest in environment.manifests:
        if _group(manifest) is None and names.get(manifest.name) in grouped:
            path = ("metadata", "name")
            yield Problem(
                mark=manifest.node.value_place(path),
                path=path_text(path),
                given=f"{manifest.name!r}, whose stack would be one of a group",
                allowed="a name that is not <group>-<number>",
                rule=COLLISION_RULE,
            )


def _group(manifest: Manifest) -> str | None:
    return manifest.document.metadata.group


def placed(
    environment: EnvironmentFolder, weights: Mapping[str, Weight], recorded: Mapping[str, str]
) -> dict[str, str]:
    """The stack of each deployment with a group: those recorded where they are, others where there is room.

    :param weights: of each deployment with a group, by name.
    :raises ManifestError: when one deployment alone is more than a stack takes.
    """
    stays = {
        each.name: recorded[each.name]
        for each in environment.manifests
        if (group := _group(each)) is not None
        and each.name in recorded
        and _is_of_group(recorded[each.name], environment.name, group)
    }
    loads: dict[str, Weight] = {}
    for name, stack in stays.items():
        loads[stack] = loads.get(stack, Weight()) + weights[name]
    too_big = [
        too_much(each, environment.name, weights[each.name])
        for each in environment.manifests
        if _group(each) is not None and weights[each.name].share > 1
    ]
    if too_big:
        raise ManifestError(too_big)
    result = dict(stays)
    for manifest in environment.manifests:
        group = _group(manifest)
        if group is None or manifest.name in result:
            continue
        stack = _with_room(environment.name, group, loads, weights[manifest.name])
        loads[stack] = loads.get(stack, Weight()) + weights[manifest.name]
        result[manifest.name] = stack
    return result


def _with_room(environment: str, group: str, loads: Mapping[str, Weight], weight: Weight) -> str:
    number = 1
    while True:
        stack = group_stack(environment, group, number)
        if stack not in loads or (loads[stack] + weight).share <= FULL:
            return stack
        number += 1


def too_much(manifest: Manifest, environment: str, weight: Weight) -> Problem:
    """A deployment that no stack takes."""
    return Problem(
        mark=manifest.node.mark,
        path="",
        given=f"{weight} in {environment}-{manifest.name}",
        allowed=f"{MOST_RESOURCES} resources, {MOST_OUTPUTS} outputs, {MOST_BYTES} bytes of template a stack",
        rule=LIMIT_RULE,
        fix="several deployments in its place",
    )


def overfull(environment: EnvironmentFolder, stack: str, weight: Weight) -> Problem:
    """A stack whose deployments have outgrown it."""
    return Problem(
        mark=Mark(shown_file(environment.folder, environment.folder / environment.name)),
        path="",
        given=f"{weight} in the stack {stack}",
        allowed=f"{MOST_RESOURCES} resources, {MOST_OUTPUTS} outputs, {MOST_BYTES} bytes of template a stack",
        rule=LIMIT_RULE,
        fix="move a deployment on purpose: give it a name and group of its own beside the old one, then remove the old",
    )
