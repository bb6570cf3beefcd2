"""The code of the experiment manager as Lambda takes it: one archive, the same wherever it is packed."""

from __future__ import annotations

import atexit
import hashlib
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from ..core.rules import Broken, listed

_RUNTIME = Path(__file__).parent / "runtime"
PACKAGES = ("aws_lambda_powertools", "typing_extensions")
"""What is not in Lambda's own runtime, which brings boto3. Plain Python: it runs on any machine of Lambda's."""
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip knows

INSTALLED = listed(
    id="SM-ABTEST-001",
    summary="What the functions of an experiment stand on is installed where it is synthesized.",
    source="https://docs.aws.amazon.com/powertools/python/latest/",
)


@dataclass(frozen=True, slots=True)
class RuntimeArchive:
    """A zip with ``runtime/`` and the packages it needs."""

    path: str
    digest: str
    """SHA-256 of names and contents: the same, whatever zlib compressed it."""


@cache
def runtime_archive(packages: tuple[str, ...] = PACKAGES) -> RuntimeArchive:
    """The archive, made once a process.

    :param packages: that its functions stand on.
    :raises ConstraintError: SM-ABTEST-001.
    """
    folder = Path(tempfile.mkdtemp(prefix="constructs-lib-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    target = folder / "experiments.zip"
    digest = hashlib.sha256()
    with zipfile.ZipFile(target, "w") as archive:
        for name, path in sorted(_members(packages)):
            content = path.read_bytes()
            digest.update(f"{name}\0{hashlib.sha256(content).hexdigest()}\n".encode())
            member = zipfile.ZipInfo(name, _EPOCH)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = 0o644 << 16
            archive.writestr(member, content)
    return RuntimeArchive(str(target), digest.hexdigest())


def _members(packages: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    yield from _files(_RUNTIME)
    for package in packages:
        yield from _files(_installed(package))


def _files(place: Path) -> Iterator[tuple[str, Path]]:
    if place.is_file():
        yield place.name, place
    for path in place.rglob("*.py"):
        yield path.relative_to(place.parent).as_posix(), path


def _installed(package: str) -> Path:
    found = find_spec(package)
    if found is None or found.origin is None:
        fix = "pip install 'constructs-lib[experiments]'"
        raise INSTALLED.error("experiments", Broken("package", package, "installed", fix))
    origin = Path(found.origin)
    return origin.parent if origin.name == "__init__.py" else origin
