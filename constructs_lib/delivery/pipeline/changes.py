"""What a deployment would change, read of what ``cdk diff`` prints."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

_STACK = re.compile(r"^Stack (?P<name>\S+)")
_RESOURCE = re.compile(
    r"^\[(?P<tag>[-+~])\] (?P<type>\w+(?:::\w+)+) (?P<where>.*?)"
    r"(?: (?P<impact>replace|may be replaced|destroy|orphan))?$"
)
_HEADINGS = {"Resources": True, "Parameters": False, "Outputs": False, "Conditions": False, "Mappings": False}

ROUTINE = frozenset(
    {
        # Made anew for every model, before the old ones go: so an endpoint can go back.
        *("AWS::SageMaker::Model", "AWS::SageMaker::EndpointConfig"),
        # Of one digest of what they allow or run; nothing rests in them.
        *("AWS::IAM::Policy", "AWS::Lambda::Version", "AWS::Lambda::Permission", "AWS::CDK::Metadata"),
    }
)
"""Types whose replacement or removal is how the library works, and takes nothing from anybody."""


class Kind(Enum):
    """What becomes of a resource."""

    ADDED = "added"
    CHANGED = "changed"
    REPLACED = "replaced"
    PERHAPS_REPLACED = "perhaps replaced"
    REMOVED = "removed"
    KEPT = "no longer managed, and kept"


_IMPACTS = {
    "replace": Kind.REPLACED,
    "may be replaced": Kind.PERHAPS_REPLACED,
    "destroy": Kind.REMOVED,
    "orphan": Kind.KEPT,
}
_TAGS = {"+": Kind.ADDED, "~": Kind.CHANGED, "-": Kind.REMOVED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One resource of one stack."""

    stack: str
    type: str
    where: str
    """Its path in the app and its logical id."""
    kind: Kind

    @property
    def takes_away(self) -> bool:
        """Whether something that others may rely on goes, or may."""
        going = self.kind in (Kind.REPLACED, Kind.PERHAPS_REPLACED, Kind.REMOVED)
        return going and self.type not in ROUTINE and not self.type.startswith("Custom::")


def changes(printed: str) -> list[Change]:
    """The changes of resources in what ``cdk diff`` printed, in its order."""
    return list(_read(printed.splitlines()))


def _read(lines: list[str]) -> Iterator[Change]:
    stack, among_resources = "?", False
    for line in lines:
        if (named := _STACK.match(line)) is not None:
            stack, among_resources = named["name"], False
        elif line.strip() in _HEADINGS:
            among_resources = _HEADINGS[line.strip()]
        elif among_resources and (found := _RESOURCE.match(line)) is not None:
            kind = _IMPACTS.get(found["impact"] or "", _TAGS[found["tag"]])
            yield Change(stack=stack, type=found["type"], where=found["where"], kind=kind)
