"""Which devices may join a fleet."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import aws_dynamodb as dynamodb

from ..core.checks import items_of, kind
from ..core.roles import Permissions
from ..core.rules import Broken, Rules

SERIAL = re.compile(r"[a-zA-Z0-9:_-]{1,128}")
SERIAL_ALLOWED = "1-128 letters, digits, colons, underscores and hyphens"
_HOOKS = "https://docs.aws.amazon.com/iot/latest/developerguide/pre-provisioning-hook.html"
_MOST_LISTED = 100
"""The function that decides has 4 KB of environment."""
_LONGEST_LISTED = 2500


class EdgeDevices(ABC):
    """Which devices may join, by the serial number that each gives when it asks for its certificate.

    Whoever has the claim certificate can give any serial number: what is not known here is refused.
    """

    @staticmethod
    def matching(pattern: str) -> EdgeDevices:
        """Those whose serial number matches the whole of a regular expression, such as ``cam-[0-9]{6}``.

        :raises ConstraintError: SM-EDGE-012.
        """
        return _Matching(pattern=pattern)

    @staticmethod
    def listed(*serials: str) -> EdgeDevices:
        """These, at most 100 of together 2,500 characters.

        :raises ConstraintError: SM-EDGE-013.
        """
        return _Listed(serials=serials)

    @staticmethod
    def registered(table: dynamodb.ITable) -> EdgeDevices:
        """Those with an item in a table whose partition key is ``serial``, a string: whoever makes devices writes it.

        :raises ConstraintError: SM-EDGE-014.
        """
        return _Registered(table=table)

    @abstractmethod
    def bind(self, permissions: Permissions) -> Mapping[str, object]:
        """Let the function that decides look, and tell it where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Matching(EdgeDevices):
    pattern: str

    def __post_init__(self) -> None:
        _matching_rules.enforce(self, path="EdgeDevices.matching")

    def bind(self, permissions: Permissions) -> Mapping[str, object]:
        return {"kind": "matching", "pattern": self.pattern}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed(EdgeDevices):
    serials: Sequence[str]

    def __post_init__(self) -> None:
        _listed_rules.enforce(self, path="EdgeDevices.listed")

    def bind(self, permissions: Permissions) -> Mapping[str, object]:
        return {"kind": "listed", "serials": list(self.serials)}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Registered(EdgeDevices):
    table: dynamodb.ITable

    def __post_init__(self) -> None:
        _registered_rules.enforce(self, path="EdgeDevices.registered")

    def bind(self, permissions: Permissions) -> Mapping[str, object]:
        permissions.allow("dynamodb:GetItem", on=self.table.table_arn)
        permissions.allow_key(self.table.encryption_key, "kms:Decrypt")
        return {"kind": "registered", "table": self.table.table_name}


_matching_rules = Rules[_Matching]()
_listed_rules = Rules[_Listed]()
_registered_rules = Rules[_Registered]()


@_matching_rules.rule("SM-EDGE-012", source=_HOOKS)
def pattern_is_one(devices: _Matching) -> Iterator[Broken]:
    """The pattern of serial numbers is a regular expression that does not let everything in."""
    given = devices.pattern
    yield from kind("pattern", given, str, optional=False)
    if not isinstance(given, str):
        return
    allowed = "a regular expression of 1-200 characters"
    if not 1 <= len(given) <= 200:
        yield Broken("pattern", given, allowed)
        return
    try:
        found = re.compile(given)
    except (re.error, OverflowError, RecursionError) as error:
        yield Broken("pattern", given, allowed, str(error))
        return
    if found.fullmatch("") or (found.fullmatch("a") and found.fullmatch("Z9:_-" * 25)):
        fix = "name what all serial numbers share; whoever has the claim certificate can make up the rest"
        yield Broken("pattern", given, "one that does not match any serial number whatever", fix)


@_listed_rules.rule("SM-EDGE-013", source=_HOOKS)
def serials_are_things(devices: _Listed) -> Iterator[Broken]:
    """Listed serial numbers may be names of things, differ, and fit the function's environment."""
    given = devices.serials
    yield from items_of("serials", given, str)
    if not given or len(given) > _MOST_LISTED or sum(len(each) + 4 for each in given) > _LONGEST_LISTED:
        fix = "EdgeDevices.registered(table) has no limit"
        allowed = f"1-{_MOST_LISTED} serial numbers of together at most {_LONGEST_LISTED} characters"
        yield Broken("serials", f"{len(given)} of them", allowed, fix)
    for index, each in enumerate(given):
        if not SERIAL.fullmatch(each):
            yield Broken(f"serials[{index}]", each, SERIAL_ALLOWED)
        elif each in given[:index]:
            yield Broken(f"serials[{index}]", each, "each serial number once")


@_registered_rules.rule("SM-EDGE-014", source=_HOOKS)
def table_is_one(devices: _Registered) -> Iterator[Broken]:
    """Registered devices are in a DynamoDB table."""
    if not hasattr(devices.table, "table_arn"):
        yield Broken("table", devices.table, "a DynamoDB table with the partition key serial")
