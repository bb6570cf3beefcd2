"""The models on the device, what is offered, and what is served: all of it on the disk, each file replaced at once.

``models/<version>/`` has a model as it was handed over, and ``manifest.json``. ``offered.json`` is written by whoever
hands over; ``state.json`` and ``loading.json`` by the program.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .errors import BadModel
from .files import read_json, sync_folder, write_json

MODEL = "model.onnx"
METADATA = "metadata.json"
GOLDEN = "golden.npz"
MANIFEST = "manifest.json"
INCOMING = ".incoming-"
"""How the names of folders begin that a handover is still unpacking to."""
KILLED = "it killed the program while it was loaded"
"""How the reason begins for which such a model is rejected."""
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}")
_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """The model that was handed over last."""

    version: str
    at: int
    """Milliseconds since 1970, by the device's clock, which nothing relies on."""
    id: str
    """Another one for each offer, also of the same version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What the program has decided."""

    serving: str | None = None
    previous: str | None = None
    rejected: Mapping[str, str] = field(default_factory=dict)
    """Reasons by version."""
    offer: str | None = None
    """The id of the newest offer that it knows."""
    wanted: str | None = None
    """The version that the shadow asked for last."""
    leads: str = "offer"
    """``offer`` or ``wanted``: which of the two came later, and so is to be served."""
    since: int = 0
    """When `serving` began, in milliseconds since 1970."""


def version_fits(version: str) -> bool:
    """Whether it can be the name of a model's folder."""
    return _VERSION.fullmatch(version) is not None


class ModelStore:
    """The folder ``models/``. One program and any number of handovers may have it open."""

    def __init__(self, root: Path) -> None:
        """:param root: of the whole state; it is made if it is not there."""
        self.path = root / "models"
        self.path.mkdir(parents=True, exist_ok=True)

    def folder(self, version: str) -> Path:
        """Where a model lies, or would."""
        return self.path / version

    def versions(self) -> list[str]:
        """Those that are here."""
        return sorted(each.name for each in self.path.iterdir() if each.is_dir() and version_fits(each.name))

    def has(self, version: str) -> bool:
        """Whether it is here."""
        return version_fits(version) and self.folder(version).is_dir()

    def require_whole(self, version: str) -> None:
        """Check a model's files against what was handed over: storage of devices wears out.

        :raises BadModel: a file is not what it was.
        """
        told = read_json(self.folder(version) / MANIFEST)
        if told is None or not isinstance(told.get("files"), dict):
            raise BadModel(f"its {MANIFEST} is missing or damaged: hand the model over again")
        for name, digest in told["files"].items():
            path = self.folder(version) / name
            try:
                fits = digest_of(path) == digest
            except OSError as error:
                raise BadModel(f"{name} cannot be read ({error}): hand the model over again") from error
            if not fits:
                raise BadModel(f"{name} is damaged on the disk: hand the model over again")

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Alone among those that put models here, or take them away."""
        with (self.path / ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    # --- what is offered ------------------------------------------------------------------------------

    def offered(self) -> Offer | None:
        """The newest offer."""
        found = self._kept("offered.json")
        version, at = found.get("version"), found.get("at")
        if not isinstance(version, str) or not version_fits(version) or not isinstance(at, int):
            return None
        return Offer(version=version, at=at, id=str(found.get("id", at)))

    def offer(self, version: str, id: str) -> None:
        """Offer a model that is here."""
        made = Offer(version=version, at=time.time_ns() // 1_000_000, id=id)
        write_json(self.path / "offered.json", asdict(made))

    # --- what is decided ------------------------------------------------------------------------------

    def state(self) -> State:
        """What was decided last."""
        found = self._kept("state.json")
        rejected = found.get("rejected")
        return State(
            serving=_text(found.get("serving")),
            previous=_text(found.get("previous")),
            rejected={str(k): str(v) for k, v in rejected.items()} if isinstance(rejected, dict) else {},
            offer=_text(found.get("offer")),
            wanted=_text(found.get("wanted")),
            leads="wanted" if found.get("leads") == "wanted" else "offer",
            since=found["since"] if isinstance(found.get("since"), int) else 0,
        )

    def save(self, state: State) -> None:
        """Decide."""
        write_json(self.path / "state.json", {**asdict(state), "rejected": dict(state.rejected)})

    # --- what is being loaded -------------------------------------------------------------------------

    def begin_loading(self, version: str) -> None:
        """Leave a mark that a death of the program leaves behind."""
        before = self._mark()
        again = before.get("version") == version
        tries = int(before.get("tries", 0)) + 1 if again else 1
        write_json(self.path / "loading.json", {"version": version, "tries": tries, "boot": _boot()})

    def end_loading(self) -> None:
        """Take the mark away."""
        with contextlib.suppress(FileNotFoundError):
            (self.path / "loading.json").unlink()
            sync_folder(self.path)

    def died_loading(self) -> str | None:
        """The model that the program died of, if it did.

        Where the machine itself has started since, its power was cut perhaps: that is held against a model the second
        time only.
        """
        found = self._mark()
        version = _text(found.get("version"))
        if version is None or (found.get("boot") != _boot() and int(found.get("tries", 1)) < 2):
            return None
        return version

    def _mark(self) -> dict[str, Any]:
        return self._kept("loading.json")

    def _kept(self, name: str) -> dict[str, Any]:
        """What was kept in a file; nothing where it cannot be had: a model is served all the same."""
        with contextlib.suppress(OSError):
            return read_json(self.path / name) or {}
        return {}

    # --- what is let go -------------------------------------------------------------------------------

    def prune(self, keep: set[str | None]) -> None:
        """Remove the models that nobody needs; what is offered stays, and what is just being unpacked."""
        with self.locked():
            newest = self.offered()
            kept = {*keep, newest.version if newest else None}
            for each in self.path.iterdir():
                if each.is_dir() and each.name not in kept and not each.name.startswith(INCOMING):
                    remove(each)


def remove(folder: Path) -> None:
    """Take a folder away; if that is cut off, what is left has no name of a model."""
    beside = folder
    if version_fits(folder.name):
        beside = folder.with_name(f".gone-{folder.name}")
        shutil.rmtree(beside, ignore_errors=True)
        folder.rename(beside)
    shutil.rmtree(beside, ignore_errors=True)


def digest_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _text(given: object) -> str | None:
    return given if isinstance(given, str) else None


def _boot() -> str:
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return ""
