"""Checks that many rules share: kinds, ranges, patterns. Tokens and ``None`` pass."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TypeVar

import aws_cdk as cdk

from .rules import Broken
from .tokens import is_token


def known(*values: object) -> bool:
    """Whether every value was given and is a plain one that can be compared now."""
    return all(value is not None and not is_token(value) for value in values)


def whole_number(name: str, value: object, low: int, high: int, *, fix: str = "") -> Iterator[Broken]:
    """A whole number within ``low``…``high``, both included."""
    if not known(value):
        return
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        yield Broken(name, value, f"a whole number from {low} to {high}", fix)


def bounds(
    low: tuple[str, object], high: tuple[str, object], most: int, *, least_high: int
) -> Iterator[Broken]:
    """A minimum of at least 0 and a maximum of at least `least_high`, each by its name; the minimum not above it."""
    (low_name, lowest), (high_name, highest) = low, high
    broken = [
        *whole_number(low_name, lowest, 0, most),
        *whole_number(high_name, highest, least_high, most),
    ]
    yield from broken
    if not broken and isinstance(lowest, int) and isinstance(highest, int) and lowest > highest:
        yield Broken(low_name, lowest, f"at most {high_name} ({highest})")


def within(name: str, value: object, low: float, high: float, whose: str, fix: str) -> Iterator[Broken]:
    """A number within bounds that are somebody's, in words: ``the scaling's bounds``."""
    if isinstance(value, int) and known(low, high) and not low <= value <= high:
        yield Broken(name, value, f"{low}–{high}, {whose}", fix)


LARGEST_NUMBER = 1e15
"""Beyond any quantity of AWS's, and still exact as a double, which is how numbers reach CloudFormation."""


def number(
    name: str, value: object, low: float, high: float = LARGEST_NUMBER, *, above: bool = False
) -> Iterator[Broken]:
    """A number of at least `low` (with `above`: more than it) and at most `high`."""
    if not known(value):
        return
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    # NaN fails every comparison, and so is refused.
    if not plain or not (low < value if above else low <= value) or not value <= high:  # type: ignore[operator]
        yield Broken(
            name, value, f"a number of {'more than' if above else 'at least'} {low:g} and at most {high:g}"
        )


def text(
    name: str, value: object, pattern: re.Pattern[str], allowed: str, *, fix: str = ""
) -> Iterator[Broken]:
    """A string that matches `pattern` from end to end."""
    if not known(value):
        return
    if not isinstance(value, str) or not pattern.fullmatch(value):
        yield Broken(name, value, allowed, fix)


KEY_PREFIX = re.compile(r"(?=.{1,400}$)[A-Za-z0-9!_.*'()-]+(/[A-Za-z0-9!_.*'()-]+)*")
"""A prefix of S3 keys, without slashes at its ends, of characters that are safe in all tools."""


def one_of(name: str, value: object, choices: Collection[object], *, fix: str = "") -> Iterator[Broken]:
    """One of `choices`."""
    if not known(value):
        return
    if isinstance(value, bool) or value not in choices:
        yield Broken(name, value, "one of " + ", ".join(str(choice) for choice in choices), fix)


def kind(name: str, value: object, *kinds: type, optional: bool = True, fix: str = "") -> Iterator[Broken]:
    """An instance of one of `kinds`. Tokens pass where a string is among them."""
    if value is None and optional:
        return
    if str in kinds and is_token(value):
        return
    if not isinstance(value, kinds):
        yield Broken(name, value, "a " + " or ".join(each.__name__ for each in kinds), fix)


Item = TypeVar("Item")


def items_of(name: str, value: object, each: type[Item], *, fix: str = "") -> Iterator[Broken]:
    """A list or tuple (a lone string is not one) of `each`."""
    if not isinstance(value, list | tuple):
        yield Broken(name, value, f"a list of {each.__name__}", fix)
        return
    for index, item in enumerate(value):
        yield from kind(f"{name}[{index}]", item, each, optional=False, fix=fix)


def duration(name: str, value: object, low: int, high: int) -> Iterator[Broken]:
    """A `Duration` of whole seconds within ``low``…``high`` seconds, both included."""
    if value is None or (isinstance(value, cdk.Duration) and is_token(value)):
        return
    bounds = f"a Duration of whole seconds from {in_words(low)} to {in_words(high)}"
    if not isinstance(value, cdk.Duration):
        yield Broken(name, value, bounds, "aws_cdk.Duration.seconds(…), .minutes(…)")
        return
    seconds = value.to_milliseconds() / 1000
    if not seconds.is_integer() or not low <= seconds <= high:
        yield Broken(name, value.to_human_string(), bounds)


LONGEST_ANSWER_SECONDS = 60
"""As long as SageMaker waits for a model: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html"""


def latency(name: str, value: object) -> Iterator[Broken]:
    """A `Duration` of 1 millisecond to the longest that an answer may take."""
    if value is None or (isinstance(value, cdk.Duration) and is_token(value)):
        return
    allowed = f"a Duration from 1 millisecond to {in_words(LONGEST_ANSWER_SECONDS)}"
    if not isinstance(value, cdk.Duration):
        yield Broken(name, value, allowed, "aws_cdk.Duration.millis(…), .seconds(…)")
    elif not 1 <= value.to_milliseconds() <= 1000 * LONGEST_ANSWER_SECONDS:
        yield Broken(name, value.to_human_string(), allowed)


_UNITS = {"MiB": ("mebibytes", 1024), "GiB": ("gibibytes", 1024 * 1024)}


def size(name: str, value: object, low: int, high: int, *, unit: str = "GiB") -> Iterator[Broken]:
    """A `Size` of whole GiB (or MiB, as `unit` says) within ``low``…``high``, both included."""
    if value is None or (isinstance(value, cdk.Size) and is_token(value)):
        return
    factory, kibibytes = _UNITS[unit]
    bounds = f"a Size of whole {unit} from {low} to {high}"
    if not isinstance(value, cdk.Size):
        yield Broken(name, value, bounds, f"aws_cdk.Size.{factory}(…)")
        return
    number = value.to_kibibytes(rounding=cdk.SizeRoundingBehavior.NONE) / kibibytes
    if not number.is_integer() or not low <= number <= high:
        yield Broken(name, f"{number:g} {unit}", bounds)


def settled(name: str, value: object, why: str = "") -> Iterator[Broken]:
    """A value that is known at synthesis, since something is worked out from it there: tokens do not pass."""
    if is_token(value):
        yield Broken(name, value, f"a value that is known at synthesis{': ' if why else ''}{why}")


def seconds(given: cdk.Duration | None, default: int) -> int:
    """The whole seconds of a `Duration`, rounded down: also of one that a rule has yet to refuse in words."""
    return default if given is None else int(given.to_milliseconds() // 1000)


MOST_TOPICS = 5
"""Of an alarm: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html"""


def standard_topics(name: str, value: object) -> Iterator[Broken]:
    """At most 5 topics, none of them FIFO."""
    if not isinstance(value, list | tuple):
        return
    if len(value) > MOST_TOPICS:
        yield Broken(
            name, f"{len(value)} topics", f"at most {MOST_TOPICS}", "one topic with more subscribers"
        )
    for index, topic in enumerate(value):
        if getattr(topic, "fifo", False) is True:
            yield Broken(f"{name}[{index}]", "a FIFO topic", "a standard topic")


def in_words(seconds: int) -> str:
    """A number of seconds in the largest unit that divides it: 600 → ``10 minutes``."""
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= length and seconds % length == 0:
            count = seconds // length
            return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
    return "1 second" if seconds == 1 else f"{seconds} seconds"


def folder(value: object) -> bool:
    """Whether `value` is the path of a folder. What no path can be is none, not an OSError."""
    return isinstance(value, str) and value != "" and _looked_at(lambda: Path(value).is_dir())


def file(*parts: object) -> bool:
    """Whether `parts` together are the path of a regular file."""
    given = [part for part in parts if isinstance(part, str) and part != ""]
    return len(given) == len(parts) and _looked_at(lambda: Path(*given).is_file())


def _looked_at(look: Callable[[], bool]) -> bool:
    try:
        return look()
    except (OSError, ValueError):  # too long a name; a null byte
        return False
