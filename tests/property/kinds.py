"""What a property may be given, said again and apart from the library: the oracle for wrong input.

An oracle says yes to all that might be right; what it says no to is wrong beyond doubt and must be refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import aws_cdk as cdk

Accepts = Callable[[Any], bool]


def whole(low: int, high: int) -> Accepts:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def number(low: float = -math.inf, high: float = math.inf, *, above: bool = False) -> Accepts:
    def accepts(value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if isinstance(value, int) and abs(value) > 2**1023:
            return False
        return math.isfinite(value) and (low < value if above else low <= value) and value <= high

    return accepts


def text(pattern: str) -> Accepts:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


def flag(value: Any) -> bool:
    return isinstance(value, bool)


def duration(low: int, high: int) -> Accepts:
    def accepts(value: Any) -> bool:
        return (
            isinstance(value, cdk.Duration)
            and low * 1000 <= value.to_milliseconds() <= high * 1000
            and (value.to_milliseconds() % 1000 == 0)
        )

    return accepts


def millis(low: int, high: int) -> Accepts:
    return lambda value: isinstance(value, cdk.Duration) and low <= value.to_milliseconds() <= high


def size(low: int, high: int) -> Accepts:
    kibi = 1024 * 1024
    return lambda value: isinstance(value, cdk.Size) and low * kibi <= value.to_kibibytes() <= high * kibi


def mebibytes(low: int) -> Accepts:
    return lambda value: (
        isinstance(value, cdk.Size)
        and value.to_kibibytes() >= low * 1024
        and value.to_kibibytes() % 1024 == 0
    )


def one_of(*choices: Any) -> Accepts:
    return lambda value: any(value is choice for choice in choices)


def like(attribute: str) -> Accepts:
    """Anything that has what the library needs of it."""
    return lambda value: hasattr(value, attribute)


def a(*types: type) -> Accepts:
    return lambda value: isinstance(value, types)


def listed(each: Accepts, low: int, high: int) -> Accepts:
    return lambda value: (
        isinstance(value, list | tuple) and low <= len(value) <= high and all(each(item) for item in value)
    )


def mapping(each: Accepts) -> Accepts:
    return lambda value: (
        isinstance(value, Mapping)
        and all(isinstance(name, str) and each(item) for name, item in value.items())
    )


def optional(accepts: Accepts) -> Accepts:
    return lambda value: value is None or accepts(value)


def nothing(value: Any) -> bool:
    """For what excludes something else that is given."""
    return value is None
