"""The runtime code of rooms as Lambda and containers take it: one archive, the same wherever it is packed."""

from __future__ import annotations

import atexit
import hashlib
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from aws_cdk import aws_lambda as lambda_

LIBRARY = Path(__file__).parent.parent
_SHARED = "core"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip knows


@dataclass(frozen=True, slots=True)
class RuntimeArchive:
    """A zip with the ``runtime/`` of rooms and the packages that it needs."""

    path: str
    digest: str
    """SHA-256 of names and contents: the same, whatever zlib compressed it."""

    @property
    def code(self) -> lambda_.Code:
        """As a function takes it."""
        return lambda_.Code.from_asset(self.path, asset_hash=self.digest)


@cache
def runtime_archive(*rooms: str, packages: tuple[str, ...] = ()) -> RuntimeArchive:
    """The archive with the runtime of `rooms` and what all rooms share, made once a process.

    It is laid out as the library is, so that modules of one room import those of another as they do here.

    :param packages: installed ones that it stands on.
    :raises ModuleNotFoundError: for a package that is not installed.
    """
    return packed(_members((_SHARED, *rooms), packages), "runtime")


def packed(members: Iterable[tuple[str, bytes]], name: str) -> RuntimeArchive:
    """``<name>.zip`` of `members`, each a name and its content: the same bytes in, the same digest out."""
    folder = Path(tempfile.mkdtemp(prefix="constructs-lib-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    target = folder / f"{name}.zip"
    digest = hashlib.sha256()
    with zipfile.ZipFile(target, "w") as archive:
        for each, content in sorted(members):
            digest.update(f"{each}\0{hashlib.sha256(content).hexdigest()}\n".encode())
            member = zipfile.ZipInfo(each, _EPOCH)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = 0o644 << 16
            archive.writestr(member, content)
    return RuntimeArchive(str(target), digest.hexdigest())


def _members(rooms: tuple[str, ...], packages: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    library = LIBRARY.name
    # Empty ones: the library's own `__init__` knows its version, which is no reason to deploy functions anew.
    yield f"{library}/__init__.py", b""
    for room in rooms:
        yield f"{library}/{room}/__init__.py", b""
        yield from python_files(LIBRARY / room / "runtime", f"{library}/{room}/runtime")
    for package in packages:
        origin = _installed(package)
        yield from python_files(origin, origin.name)


def python_files(place: Path, named: str) -> Iterator[tuple[str, bytes]]:
    """The modules below `place`, or the one it is, as members below `named`."""
    if place.is_file():
        yield named, place.read_bytes()
    for path in place.rglob("*.py"):
        yield f"{named}/{path.relative_to(place).as_posix()}", path.read_bytes()


def _installed(package: str) -> Path:
    found = find_spec(package)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"{package} is not installed", name=package)
    origin = Path(found.origin)
    return origin.parent if origin.name == "__init__.py" else origin
