"""Checks that the rules of this room share."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ..core.checks import known
from ..core.rules import Broken

_VARIABLE = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


def variables(
    name: str, given: object, *, most: int, longest_name: int, longest: int, fix: str = ""
) -> Iterator[Broken]:
    """An environment of at most `most` variables, with names that a job may have and values of at most `longest`."""
    if not isinstance(given, Mapping):
        return
    if len(given) > most:
        yield Broken(name, f"{len(given)} variables", f"at most {most}", fix)
    for variable, value in given.items():
        # One that ends with .$ would be a path to Step Functions.
        if isinstance(variable, str) and not (
            _VARIABLE.fullmatch(variable) and len(variable) <= longest_name
        ):
            yield Broken(name, variable, f"names of 1–{longest_name} letters, digits and underscores")
        if isinstance(value, str) and known(value) and len(value) > longest:
            yield Broken(f"{name}[{variable!r}]", value, f"at most {longest} characters")
