"""YAML that keeps its places: every value knows the file, line and column it was written at.

Values are what YAML 1.2 makes of them: ``yes`` and ``2024-01-01`` are text, only ``true`` and ``false`` are
switches. Nothing but maps, lists, text, numbers and switches can be made, whatever tags a file has.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

import yaml

from .problems import YAML_RULE, Mark, Problem

Scalar: TypeAlias = str | int | float | bool | None
Plain: TypeAlias = "Scalar | list[Plain] | dict[str, Plain]"
Path: TypeAlias = tuple[str | int, ...]

MOST_VALUES = 50_000
"""So many values a document may have, anchors written out: a few lines of anchors can stand for billions."""
MOST_DEPTH = 40
LARGEST_FILE = 1_000_000
"""Bytes of a manifest."""
MOST_DIGITS = 30
"""Of a number: no limit of AWS needs more, and Python refuses to read thousands."""

_HINT = "two spaces for each level, `key: value`, quotes around text with `: ` or ` #`"


@dataclass(frozen=True, slots=True)
class Node:
    """A value and where it stands."""

    mark: Mark
    value: Scalar | list[Node] | dict[str, Node]
    written: str = ""
    """A scalar as the file has it."""
    keys: dict[str, Mark] = field(default_factory=dict)
    """Of a map: where each key stands."""

    def plain(self) -> Plain:
        """The value without its places; what is null is left out of maps."""
        if isinstance(self.value, dict):
            given = {key: each for key, each in self.value.items() if each.value is not None}
            return {key: each.plain() for key, each in given.items()}
        if isinstance(self.value, list):
            return [each.plain() for each in self.value]
        return self.value

    def place(self, path: Path) -> Mark:
        """Where `path` stands: its key, or that of the nearest map around it that exists."""
        node, mark = self, self.mark
        for step in path:
            found = node.child(step)
            if found is None:
                return mark
            mark = node.keys[step] if isinstance(step, str) and step in node.keys else found.mark
            node = found
        return mark

    def value_place(self, path: Path) -> Mark:
        """Where the value at `path` stands, or what is nearest to it."""
        node = self.at(path)
        return node.mark if node is not None and not isinstance(node.value, dict) else self.place(path)

    def at(self, path: Path) -> Node | None:
        """The value at `path`."""
        node: Node | None = self
        for step in path:
            node = node.child(step) if node is not None else None
        return node

    def child(self, step: str | int) -> Node | None:
        """The value of a key, or the item of a list."""
        if isinstance(self.value, dict) and isinstance(step, str):
            return self.value.get(step)
        if isinstance(self.value, list) and isinstance(step, int) and step < len(self.value):
            return self.value[step]
        return None


def merged(base: Node, over: Node) -> Node:
    """`over` laid upon `base`: maps are merged, lists and scalars replaced; null takes away."""
    if not isinstance(base.value, dict) or not isinstance(over.value, dict):
        return over
    value = dict(base.value)
    for key, each in over.value.items():
        value[key] = merged(value[key], each) if key in value else each
    return Node(mark=over.mark, value=value, keys={**base.keys, **over.keys})


class _UnreadableError(Exception):
    """Reading stops here."""

    def __init__(self, mark: Mark, path: str, given: str, allowed: str, fix: str = "") -> None:
        self.problem = Problem(mark=mark, path=path, given=given, allowed=allowed, rule=YAML_RULE, fix=fix)
        super().__init__(given)


def read(text: str, file: str) -> tuple[Node | None, tuple[Problem, ...]]:
    """The one document in `text`, or what is wrong with it; `file` is its name in problems."""
    if len(text.encode()) > LARGEST_FILE:
        given = f"{len(text.encode())} bytes"
        return None, (_problem(Mark(file), given, f"at most {LARGEST_FILE} bytes"),)
    try:
        composed = [each for each in yaml.compose_all(text, Loader=yaml.SafeLoader) if each is not None]
    except yaml.YAMLError as error:
        return None, (_syntax(error, file),)
    except RecursionError:
        return None, (_problem(Mark(file), "deeply nested", f"at most {MOST_DEPTH} levels"),)
    if not composed:
        return None, (_problem(Mark(file), "an empty file", "one document"),)
    if len(composed) > 1:
        mark = _mark(file, composed[1])
        return None, (_problem(mark, f"{len(composed)} documents", "one document a file"),)
    reader = _Reader(file)
    try:
        node = reader.node(composed[0], "", 0)
    except _UnreadableError as stopped:
        return None, (*reader.problems, stopped.problem)
    return (None if reader.problems else node), tuple(reader.problems)


def _problem(mark: Mark, given: str, allowed: str, fix: str = "") -> Problem:
    return Problem(mark=mark, path="", given=given, allowed=allowed, rule=YAML_RULE, fix=fix)


def _mark(file: str, node: yaml.Node) -> Mark:
    return Mark(file, node.start_mark.line + 1, node.start_mark.column + 1)


def _syntax(error: yaml.YAMLError, file: str) -> Problem:
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return _problem(Mark(file), _first_line(error), "YAML text")
    mark = Mark(file, error.problem_mark.line + 1, error.problem_mark.column + 1)
    said = ", ".join(each for each in (error.context, error.problem) if each)
    if "'\\t'" in said:
        return _problem(mark, "a tab", "spaces for indentation", "two spaces for each level")
    return _problem(mark, said, "YAML", _HINT)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


class _Reader:
    """Turns PyYAML's nodes into ours."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self._count = 0

    def node(self, node: yaml.Node, path: str, depth: int) -> Node:
        self._count += 1
        mark = _mark(self.file, node)
        if self._count > MOST_VALUES:
            raise _UnreadableError(
                mark, path, "anchors that stand for too much", f"at most {MOST_VALUES} values"
            )
        if depth > MOST_DEPTH:
            raise _UnreadableError(mark, path.split("[")[0], "deeply nested", f"at most {MOST_DEPTH} levels")
        if node.tag not in _TAGS:
            self._add(mark, path, f"the tag {node.tag}", "values without tags")
        if isinstance(node, yaml.MappingNode):
            value, keys = self._map(node, path, depth)
            return Node(mark=mark, value=value, keys=keys)
        if isinstance(node, yaml.SequenceNode):
            items = [self.node(each, f"{path}[{index}]", depth + 1) for index, each in enumerate(node.value)]
            return Node(mark=mark, value=items)
        self._refuse_scalar(node, mark, path)
        return Node(mark=mark, value=_value(node), written=str(node.value))

    def _refuse_scalar(self, node: yaml.Node, mark: Mark, path: str) -> None:
        written = str(node.value)
        if _TOKEN in written:
            self._add(mark, path, f"text with {_TOKEN}", "text that is no placeholder of the CDK")
        if _is_plain(node) and _LONG_NUMBER.fullmatch(written):
            self._add(mark, path, f"a number of {len(written)} digits", f"at most {MOST_DIGITS} digits")

    def _map(self, node: yaml.MappingNode, path: str, depth: int) -> tuple[dict[str, Node], dict[str, Mark]]:
        own: dict[str, Node] = {}
        keys: dict[str, Mark] = {}
        shared: list[Node] = []
        for key_node, value_node in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                shared += self._shared(value_node, path, depth)
                continue
            key = self._key(key_node, path)
            if key is None:
                continue
            below = f"{path}.{key}" if path else key
            if key in own:
                mark = _mark(self.file, key_node)
                given = f"the key {key!r} again, first in line {keys[key].line}"
                self._add(mark, below, given, "each key once")
                continue
            keys[key] = _mark(self.file, key_node)
            own[key] = self.node(value_node, below, depth + 1)
        for each in shared:
            # As YAML has it: what the map says itself outranks what it merges, the earlier the later.
            assert isinstance(each.value, dict)  # noqa: S101 - _shared lets in nothing else
            own = {**each.value, **own}
            keys = {**each.keys, **keys}
        return own, keys

    def _shared(self, node: yaml.Node, path: str, depth: int) -> Iterator[Node]:
        parts = node.value if isinstance(node, yaml.SequenceNode) else [node]
        for part in parts:
            if isinstance(part, yaml.MappingNode):
                yield self.node(part, path, depth + 1)
            else:
                self._add(
                    _mark(self.file, part), path, "<<: with something else", "<<: *a-map-with-an-anchor"
                )

    def _key(self, node: yaml.Node, path: str) -> str | None:
        if isinstance(node, yaml.ScalarNode):
            self._refuse_scalar(node, _mark(self.file, node), path)
            return str(node.value)
        self._add(_mark(self.file, node), path, "a key that is no text", "keys of text")
        return None

    def _add(self, mark: Mark, path: str, given: str, allowed: str) -> None:
        self.problems.append(Problem(mark=mark, path=path, given=given, allowed=allowed, rule=YAML_RULE))


_TAGS = {
    f"tag:yaml.org,2002:{each}"
    for each in ("map", "seq", "str", "int", "float", "bool", "null", "timestamp", "value")
}

_TOKEN = "${Token["  # noqa: S105 - how the CDK marks what it fills in at synthesis
_LONG_NUMBER = re.compile(rf"[-+]?[0-9]{{{MOST_DIGITS + 1},}}")

_CORE: tuple[tuple[re.Pattern[str], Callable[[str], Scalar]], ...] = (
    (re.compile(r"null|Null|NULL|~|"), lambda _: None),
    (re.compile(r"true|True|TRUE"), lambda _: True),
    (re.compile(r"false|False|FALSE"), lambda _: False),
    (re.compile(rf"[-+]?[0-9]{{1,{MOST_DIGITS}}}"), int),
    (re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"), float),
)
"""The scalars of YAML 1.2 (its core schema, https://yaml.org/spec/1.2.2/#103-core-schema) that manifests need."""


def _core(written: str) -> Scalar:
    for pattern, make in _CORE:
        if pattern.fullmatch(written):
            return make(written)
    return written


def _is_plain(node: yaml.Node) -> bool:
    return getattr(node, "style", None) is None


def _value(node: yaml.Node) -> Scalar:
    # Quoted text is text, whatever it looks like.
    return _core(str(node.value)) if _is_plain(node) else str(node.value)
