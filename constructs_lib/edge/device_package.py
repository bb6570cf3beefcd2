"""The program of devices, packed as the Runtime component carries it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from ..core.code import LIBRARY, RuntimeArchive, packed, python_files

NAME = "program"
"""Of the archive, and so of the folder that Greengrass unpacks it to."""
_REQUIREMENTS = Path(__file__).parent / "requirements" / "device.txt"
_PROGRAM = "edge/runtime/device"


@cache
def device_package(wheels: str | None = None) -> RuntimeArchive:
    """The archive: modules laid out as the library is, ``requirements.txt``, and ``wheels/`` where there are any."""
    return packed(_members(wheels), NAME)


def lock_digest() -> str:
    """Of what the program stands on: devices make an environment anew only when it changes."""
    return hashlib.sha256(_REQUIREMENTS.read_bytes()).hexdigest()[:12]


def _members(wheels: str | None) -> Iterator[tuple[str, bytes]]:
    library = LIBRARY.name
    # Empty ones: the library's own know its public names and its version, which a device needs none of.
    for package in ("", "edge/", "edge/runtime/"):
        yield f"{library}/{package}__init__.py", b""
    yield from python_files(LIBRARY / _PROGRAM, f"{library}/{_PROGRAM}")
    yield "requirements.txt", _REQUIREMENTS.read_bytes()
    if wheels is not None:
        for each in sorted(Path(wheels).glob("*.whl")):
            yield f"wheels/{each.name}", each.read_bytes()
