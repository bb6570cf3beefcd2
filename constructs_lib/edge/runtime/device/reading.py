"""Values out of a JSON object, each checked; what is wrong is gathered, and said at once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, overload


class Reader:
    """Reads one object. A value that is wrong is noted and stands as its default, so that reading goes on."""

    def __init__(self, given: Mapping[str, Any], path: str = "", wrong: list[str] | None = None) -> None:
        self._given = given
        self._path = path
        self._known: set[str] = set()
        self.wrong: list[str] = [] if wrong is None else wrong
        """What is wrong, in this object and in those within it."""

    def refuse(self, key: str, given: object, allowed: str) -> None:
        """Note it, once."""
        told = f"{self._path}{key} is {given!r}, and may be {allowed}"
        if told not in self.wrong:
            self.wrong.append(told)

    def refuse_others(self) -> None:
        """Note the keys that nobody asked for: a misspelt one would be a setting that does nothing."""
        for key in self._given:
            if key not in self._known:
                self.wrong.append(
                    f"{self._path}{key} is not known; known are {', '.join(sorted(self._known))}"
                )

    def lacks(self, key: str) -> bool:
        """Whether it is not there, or null."""
        self._known.add(key)
        return self._given.get(key) is None

    def text(self, key: str, pattern: re.Pattern[str], allowed: str, *, empty: bool = False) -> str:
        """A string of `pattern`; "" if it may be empty and is."""
        if self.lacks(key) and empty:
            return ""
        given = self._given.get(key)
        if isinstance(given, str) and pattern.fullmatch(given):
            return given
        self.refuse(key, given, allowed)
        return ""

    def choice(self, key: str, allowed: Sequence[str], default: str | None) -> str:
        """One of a few."""
        if self.lacks(key) and default is not None:
            return default
        given = self._given.get(key)
        if isinstance(given, str) and given in allowed:
            return given
        self.refuse(key, given, " or ".join(allowed))
        return default or ""

    def path(self, key: str, default: str | None) -> Path:
        """An absolute path: a service has no folder of its own to start from."""
        given = default if self.lacks(key) else self._given[key]
        if isinstance(given, str) and given.startswith("/") and "\0" not in given and is_text(given):
            return Path(given)
        self.refuse(key, given, "an absolute path")
        return Path("/")

    def yes(self, key: str, default: bool) -> bool:
        """True or false."""
        given = default if self.lacks(key) else self._given[key]
        if not isinstance(given, bool):
            self.refuse(key, given, "true or false")
            return default
        return given

    def number(self, key: str, default: float, least: float, most: float) -> float:
        """A number within bounds, both included."""
        given = default if self.lacks(key) else self._given[key]
        if isinstance(given, bool) or not isinstance(given, (int, float)) or not least <= given <= most:
            self.refuse(key, given, f"a number from {least:g} to {most:g}")
            return default
        return float(given)

    @overload
    def whole(
        self, key: str, default: int, least: int, most: int, *, empty: Literal[False] = False
    ) -> int: ...

    @overload
    def whole(
        self, key: str, default: int | None, least: int, most: int, *, empty: bool = False
    ) -> int | None: ...

    def whole(
        self, key: str, default: int | None, least: int, most: int, *, empty: bool = False
    ) -> int | None:
        """A whole number within bounds, both included.

        :param empty: null stands for none, and not for the default.
        """
        if self.lacks(key):
            return None if empty and key in self._given else default
        given = self._given[key]
        # Whoever writes JSON may write 8 as 8.0.
        fits = not isinstance(given, bool) and isinstance(given, (int, float)) and given == given // 1
        if not fits or not least <= given <= most:
            self.refuse(key, given, f"a whole number from {least} to {most}")
            return default
        return int(given)

    def section(self, key: str, *, needed: bool = False) -> Reader:
        """An object within this one; an empty one where there is none."""
        if self.lacks(key) and not needed:
            return Reader({}, f"{self._path}{key}.", self.wrong)
        given = self._given.get(key)
        if not isinstance(given, dict):
            self.refuse(key, given, "an object")
            # What it lacks besides follows from that, and is not worth a word.
            return Reader({}, "", [])
        return Reader(given, f"{self._path}{key}.", self.wrong)


def is_text(given: str) -> bool:
    """Whether all of it are characters: JSON has escapes for halves of one, and npy has any number for one."""
    try:
        return given.isascii() or given.encode().decode() == given
    except UnicodeError:
        return False
