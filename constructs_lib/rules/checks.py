"""Checks that many rules for templates share. What is absent, or known only to the deployment, passes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ..core.catalogue import Broken
from .template import Node


def whole(node: Node, span: tuple[int, int] | tuple[int, float], *, fix: str = "") -> Iterator[Broken]:
    """A whole number within `span`, both ends included."""
    low, high = span
    value = node.number
    if value is not None and (not float(value).is_integer() or not low <= value <= high):
        yield Broken(node.path, node.value, f"a whole number from {low:,} to {high:,}", fix)


def least(node: Node, low: float, *, above: bool = False, fix: str = "") -> Iterator[Broken]:
    """A number of at least `low`; with `above` more than it."""
    value = node.number
    if value is not None and (value < low or (above and value == low)):
        yield Broken(
            node.path, node.value, f"a number of {'more than' if above else 'at least'} {low:g}", fix
        )


def within(node: Node, low: float | None, high: float | None, whose: str) -> Iterator[Broken]:
    """A number within bounds that stand elsewhere, as far as they are known."""
    value = node.number
    if value is None or low is None or high is None or low <= value <= high:
        return
    yield Broken(node.path, node.value, f"{low:g}–{high:g}, {whose}")


def in_order(low: Node, high: Node) -> Iterator[Broken]:
    """A minimum that is not above its maximum."""
    if low.number is not None and high.number is not None and low.number > high.number:
        yield Broken(low.path, low.value, f"at most {_last(high)} ({high.number:g})")


def matching(node: Node, pattern: re.Pattern[str], allowed: str) -> Iterator[Broken]:
    """Text that matches `pattern` from end to end."""
    if node.text is not None and not pattern.fullmatch(node.text):
        yield Broken(node.path, node.text, allowed)


def at_most(node: Node, most: int, what: str, *, fix: str = "") -> Iterator[Broken]:
    """A list of at most `most` items."""
    count = len(node.items)
    if node.all_known and count > most:
        yield Broken(node.path, f"{count} {what}", f"at most {most}", fix)


def counted(node: Node, span: tuple[int, int], what: str) -> Iterator[Broken]:
    """A list of so many items, where there is one."""
    low, high = span
    count = len(node.items)
    if node.given and node.known and node.all_known and not low <= count <= high:
        yield Broken(node.path, f"{count} {what}", f"{low}–{high}")


def nothing(node: Node, why: str, *, fix: str = "") -> Iterator[Broken]:
    """Nothing at all, for a reason."""
    if node.known:
        yield Broken(node.path, _short(node.value), f"nothing: {why}", fix)


def exactly_one(nodes: Sequence[Node], *, required: bool = True) -> Iterator[Broken]:
    """One of several properties of the same parent; at most one where none is `required`."""
    given = [node for node in nodes if node.known]
    names = " and ".join(_last(node) for node in nodes)
    if len(given) > 1:
        yield Broken(given[1].path, _short(given[1].value), f"exactly one of {names}")
    elif required and all(node.absent for node in nodes):
        yield Broken(nodes[0].path, None, f"exactly one of {names}")


def _last(node: Node) -> str:
    return node.path.rpartition(".")[2]


def _short(value: object) -> object:
    """What stands in a message for a whole block."""
    return value if not isinstance(value, dict | list) else f"{len(value)} {_block(value)}"


def _block(value: dict[str, object] | list[object]) -> str:
    what = "property" if isinstance(value, dict) else "item"
    many = "properties" if isinstance(value, dict) else "items"
    return what if len(value) == 1 else many
