"""Substitution templates in the members of rule actions: `${…}`.

Source: https://docs.aws.amazon.com/iot/latest/developerguide/iot-substitution-templates.html and
.../iot-sql-functions.html (`parse_time`, whose patterns are Joda's).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

_TEMPLATE = re.compile(r"\$\{(?P<expression>[^{}]+)\}")
_PARSE_TIME = re.compile(
    r"parse_time\(\s*[\"'](?P<pattern>[^\"']+)[\"']\s*,\s*(?P<time>.+?)\s*(?:,\s*[\"'](?P<zone>[^\"']+)[\"']\s*)?\)"
)
_JODA = re.compile(r"yyyy|MM|dd|HH|mm|ss|SSS")
_STRFTIME = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}
Value = Callable[[str], Any]


def filled(text: str, value: Value) -> str:
    """The text with its templates replaced; what is undefined becomes "undefined", as AWS writes it."""
    return _TEMPLATE.sub(lambda match: _text(match["expression"].strip(), value), text)


def _text(expression: str, value: Value) -> str:
    match = _PARSE_TIME.fullmatch(expression)
    if match is None:
        found = value(expression)
        return "undefined" if found is None else str(found)
    moment = value(match["time"])
    if not isinstance(moment, int | float):
        return "undefined"
    zone = ZoneInfo(match["zone"]) if match["zone"] else UTC
    return _formatted(datetime.fromtimestamp(moment / 1000, zone), match["pattern"])


def _formatted(moment: datetime, pattern: str) -> str:
    def part(match: re.Match[str]) -> str:
        if match[0] == "SSS":
            return f"{moment.microsecond // 1000:03d}"
        return moment.strftime(_STRFTIME[match[0]])

    return _JODA.sub(part, pattern)
