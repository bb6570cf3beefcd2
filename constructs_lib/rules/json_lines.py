"""JSON with the line of every value: what a finding points at."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from json import JSONDecodeError, decoder

Path = tuple[str | int, ...]
"""The keys and positions that lead from the top of a document to a value."""


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed document, and where its values stand."""

    value: object
    lines: dict[Path, int] = field(default_factory=dict)

    def line(self, path: Path) -> int:
        """The line, from 1, of the value at `path`, or of the nearest around it that is there."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return 1


_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?P<fraction>\.\d+)?(?P<exponent>[eE][-+]?\d+)?")
_WORDS = {"true": True, "false": False, "null": None}


def parsed(text: str) -> Document:
    """The document in `text`.

    :raises json.JSONDecodeError: naming the line and the column of what is no JSON.
    """
    reader = _Reader(text)
    value = reader.value(reader.after_space(0), ())
    end = reader.after_space(reader.end)
    if end != len(text):
        raise JSONDecodeError("Extra data", text, end)
    return Document(value, reader.lines)


class _Reader:
    """Reads from the left to the right, once, and counts lines as it goes."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines: dict[Path, int] = {}
        self.end = 0
        """Behind the value that was read last."""
        self._counted, self._line = 0, 1

    def after_space(self, at: int) -> int:
        match = _SPACE.match(self.text, at)
        return match.end() if match is not None else at

    def value(self, at: int, path: Path) -> object:
        self._note(at, path)
        first = self.text[at : at + 1]
        if first == "{":
            return dict(self._members(at, path))
        if first == "[":
            return list(self._items(at, path))
        if first == '"':
            return self._string(at)
        return self._word(at)

    def _note(self, at: int, path: Path) -> None:
        self._line += self.text.count("\n", self._counted, at)
        self._counted = at
        self.lines.setdefault(path, self._line)

    def _members(self, at: int, path: Path) -> Iterator[tuple[str, object]]:
        at = self.after_space(at + 1)
        while self.text[at : at + 1] != "}":
            if self.text[at : at + 1] != '"':
                raise JSONDecodeError("Expecting property name enclosed in double quotes", self.text, at)
            self._note(at, (*path, "\0"))
            line, key = self._line, self._string(at)
            del self.lines[(*path, "\0")]
            self.lines[(*path, key)] = line
            yield key, self.value(self.after_space(self._expected(":", self.end)), (*path, key))
            at = self._next("}", path)
        self.end = at + 1

    def _items(self, at: int, path: Path) -> Iterator[object]:
        at, index = self.after_space(at + 1), 0
        while self.text[at : at + 1] != "]":
            yield self.value(at, (*path, index))
            at, index = self._next("]", path), index + 1
        self.end = at + 1

    def _next(self, closing: str, path: Path) -> int:
        """The start of the next member or item, or the closing bracket."""
        at = self.after_space(self.end)
        if self.text[at : at + 1] == closing:
            return at
        at = self.after_space(self._expected(",", at))
        if self.text[at : at + 1] == closing:
            raise JSONDecodeError("Illegal trailing comma", self.text, at)
        return at

    def _expected(self, sign: str, at: int) -> int:
        at = self.after_space(at)
        if self.text[at : at + 1] != sign:
            raise JSONDecodeError(f"Expecting {sign!r}", self.text, at)
        return at + 1

    def _string(self, at: int) -> str:
        text, self.end = decoder.scanstring(self.text, at + 1, True)  # type: ignore[attr-defined]
        return str(text)

    def _word(self, at: int) -> object:
        for word, value in _WORDS.items():
            if self.text.startswith(word, at):
                self.end = at + len(word)
                return value
        match = _NUMBER.match(self.text, at)
        if match is None:
            raise JSONDecodeError("Expecting value", self.text, at)
        self.end = match.end()
        return float(match[0]) if match["fraction"] or match["exponent"] else int(match[0])
