"""What a template says for sure: intrinsic functions worked out as far as the template itself knows.

What only the deployment knows (a parameter without a default, an import, an attribute) is `UNKNOWN`, and
rules let it pass, as they let tokens pass in a construct.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final


class Unknown:
    """Something that only the deployment knows."""

    def __repr__(self) -> str:
        return "<known at deployment>"


UNKNOWN: Final = Unknown()


@dataclass(frozen=True, slots=True)
class Reference(Unknown):
    """A `Ref` to, or an attribute of, another resource of the template: its value is unknown, its target is not."""

    logical_id: str
    attribute: str = ""

    def __str__(self) -> str:
        return f"\0{self.logical_id}\0"


@dataclass(frozen=True, slots=True)
class Mixed(Unknown):
    """Text of which parts are unknown. Within `text` a `Reference` stands as its logical id between null bytes."""

    text: str


_HOLE = "\0\0"
"""What stands in `Mixed.text` for what nothing is known of."""

ABSENT: Final = Reference("AWS::NoValue")

_DYNAMIC = re.compile(r"\{\{resolve:")
_PLACEHOLDER = re.compile(r"\$\{(!?)([^}]*)\}")


class Evaluation:
    """The values of one template."""

    def __init__(self, template: Mapping[str, object]) -> None:
        """Read parameters, mappings and conditions of `template`."""
        self._parameters = _section(template, "Parameters")
        self._mappings = _section(template, "Mappings")
        self._conditions = _section(template, "Conditions")
        self._deciding: set[str] = set()

    def value(self, given: object) -> object:
        """`given` with all that can be known worked out. `ABSENT` for what is left out."""
        if isinstance(given, str):
            return UNKNOWN if _DYNAMIC.search(given) else given
        if isinstance(given, list):
            return [each for each in map(self.value, given) if each is not ABSENT]
        if not isinstance(given, dict):
            return given
        if len(given) == 1:
            ((name, argument),) = given.items()
            if name == "Ref" or str(name).startswith("Fn::"):
                work = _FUNCTIONS.get(name)
                return UNKNOWN if work is None else work(self, argument)
        members = {name: self.value(each) for name, each in given.items()}
        return {name: each for name, each in members.items() if each is not ABSENT}

    def condition(self, name: object) -> bool | None:
        """Whether a condition holds, where the template itself decides."""
        if not isinstance(name, str) or name not in self._conditions or name in self._deciding:
            return None
        self._deciding.add(name)
        try:
            return self._truth(self._conditions[name])
        finally:
            self._deciding.discard(name)

    def _truth(self, given: object) -> bool | None:
        if not isinstance(given, dict) or len(given) != 1:
            return None
        ((name, argument),) = given.items()
        if name == "Condition":
            return self.condition(argument)
        if name == "Fn::Equals" and isinstance(argument, list) and len(argument) == 2:
            left, right = (self.value(each) for each in argument)
            return None if _open(left) or _open(right) else str(left) == str(right)
        if not isinstance(argument, list):
            return None
        truths = [self._truth(each) for each in argument]
        if name == "Fn::Not" and len(truths) == 1:
            return None if truths[0] is None else not truths[0]
        if name == "Fn::And":
            return False if False in truths else None if None in truths else True
        if name == "Fn::Or":
            return True if True in truths else None if None in truths else False
        return None

    def _ref(self, argument: object) -> object:
        if argument == "AWS::NoValue":
            return ABSENT
        if not isinstance(argument, str) or argument.startswith("AWS::"):
            return UNKNOWN
        if argument not in self._parameters:
            return Reference(argument)
        return _default(self._parameters[argument])

    def _get_att(self, argument: object) -> object:
        parts = argument.split(".", 1) if isinstance(argument, str) else argument
        if isinstance(parts, list) and len(parts) == 2 and all(isinstance(each, str) for each in parts):
            return Reference(*parts)
        return UNKNOWN

    def _if(self, argument: object) -> object:
        if not isinstance(argument, list) or len(argument) != 3:
            return UNKNOWN
        holds = self.condition(argument[0])
        yes, no = self.value(argument[1]), self.value(argument[2])
        if holds is not None:
            return yes if holds else no
        return yes if yes == no else UNKNOWN

    def _join(self, argument: object) -> object:
        if not isinstance(argument, list) or len(argument) != 2 or not isinstance(argument[0], str):
            return UNKNOWN
        items = self.value(argument[1])
        return UNKNOWN if not isinstance(items, list) else _text(argument[0].join(map(_shown, items)))

    def _sub(self, argument: object) -> object:
        template, given = (argument, {}) if isinstance(argument, str) else _pair(argument)
        if not isinstance(template, str) or not isinstance(given, dict):
            return UNKNOWN

        def filled(match: re.Match[str]) -> str:
            literal, name = match[1], match[2].strip()
            if literal:
                return f"${{{name}}}"
            if name in given:
                return _shown(self.value(given[name]))
            return _shown(self._get_att(name) if "." in name else self._ref(name))

        return _text(_PLACEHOLDER.sub(filled, template))

    def _find_in_map(self, argument: object) -> object:
        if not isinstance(argument, list) or len(argument) < 3:
            return UNKNOWN
        found: object = self._mappings
        for key in map(self.value, argument[:3]):
            if not isinstance(found, dict) or not isinstance(key, str | int) or str(key) not in found:
                return UNKNOWN
            found = found[str(key)]
        return found

    def _select(self, argument: object) -> object:
        index, items = (self.value(each) for each in _pair(argument))
        position = (
            int(index) if isinstance(index, int) or (isinstance(index, str) and index.isdigit()) else None
        )
        if position is None or not isinstance(items, list) or not 0 <= position < len(items):
            return UNKNOWN
        return items[position]

    def _split(self, argument: object) -> object:
        separator, text = (self.value(each) for each in _pair(argument))
        if not isinstance(separator, str) or not separator or not isinstance(text, str):
            return UNKNOWN
        return list(text.split(separator))


_FUNCTIONS: Mapping[str, Callable[[Evaluation, object], object]] = {
    "Ref": Evaluation._ref,
    "Fn::GetAtt": Evaluation._get_att,
    "Fn::If": Evaluation._if,
    "Fn::Join": Evaluation._join,
    "Fn::Sub": Evaluation._sub,
    "Fn::FindInMap": Evaluation._find_in_map,
    "Fn::Select": Evaluation._select,
    "Fn::Split": Evaluation._split,
}


def _section(template: Mapping[str, object], name: str) -> Mapping[str, object]:
    section = template.get(name)
    return section if isinstance(section, dict) else {}


def _pair(argument: object) -> Sequence[object]:
    return argument if isinstance(argument, list) and len(argument) == 2 else (UNKNOWN, UNKNOWN)


def _open(value: object) -> bool:
    return isinstance(value, Unknown | list | dict)


def _shown(value: object) -> str:
    if isinstance(value, Reference) and value is not ABSENT:
        return str(value)
    if isinstance(value, Mixed):
        return value.text
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else _HOLE


def _text(text: str) -> object:
    return Mixed(text) if "\0" in text else text


def _default(parameter: object) -> object:
    """The default of a parameter as its type gives it. What Parameter Store holds is not known here."""
    if not isinstance(parameter, dict) or "Default" not in parameter:
        return UNKNOWN
    type, default = str(parameter.get("Type", "String")), parameter["Default"]
    if type.startswith("AWS::SSM::"):
        return UNKNOWN
    if type == "CommaDelimitedList" or type.startswith("List<"):
        return [part.strip() for part in str(default).split(",")]
    return default
