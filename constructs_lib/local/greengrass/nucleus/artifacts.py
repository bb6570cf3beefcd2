"""The artefacts of components: fetched once for each version, checked, unpacked."""

from __future__ import annotations

import base64
import hashlib
import shutil
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .recipe import Package

_RIGHTS = {"NONE": 0o600, "OWNER": 0o640, "ALL": 0o644}
_EXECUTE = {"NONE": 0, "OWNER": 0o110, "ALL": 0o111}
Fetch = Callable[[str, Path], None]


class ArtifactError(Exception):
    """An artefact cannot be had, or is not what its recipe says."""


class ArtifactStore:
    """The folders of a nucleus: what components have, and where they work."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def artifacts(self, name: str, version: str) -> Path:
        """{artifacts:path}."""
        return self.root / "packages" / "artifacts" / name / version

    def unarchived(self, name: str, version: str) -> Path:
        """{artifacts:decompressedPath}."""
        return self.root / "packages" / "artifacts-unarchived" / name / version

    def work(self, name: str) -> Path:
        """{work:path}, which is there."""
        folder = self.root / "work" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def prepare(self, package: Package, fetch: Fetch) -> None:
        """Have the artefacts of a version; what is there already, whole, is not fetched again."""
        folder = self.artifacts(package.name, package.version)
        folder.mkdir(parents=True, exist_ok=True)
        self.unarchived(package.name, package.version).mkdir(parents=True, exist_ok=True)
        for artifact in package.artifacts:
            self._prepare_one(package, artifact, folder, fetch)

    def _prepare_one(self, package: Package, artifact: Mapping[str, Any], folder: Path, fetch: Fetch) -> None:
        path = folder / artifact["Uri"].rpartition("/")[2]
        wanted = artifact.get("Digest")
        if not path.exists() or (wanted and _digest(path) != wanted):
            unfinished = path.with_name(path.name + ".part")
            fetch(artifact["Uri"], unfinished)
            if wanted and _digest(unfinished) != wanted:
                unfinished.unlink()
                raise ArtifactError(
                    f"Integrity check for downloaded artifact failed. Probably due to file corruption: "
                    f"{artifact['Uri']}"
                )
            unfinished.replace(path)
        permission = {str(k).lower(): v for k, v in (artifact.get("Permission") or {}).items()}
        rights = _RIGHTS[permission.get("read", "OWNER")] | _EXECUTE[permission.get("execute", "NONE")]
        path.chmod(rights)
        if artifact.get("Unarchive") == "ZIP":
            self._unarchive(path, self.unarchived(package.name, package.version) / path.stem)

    def _unarchive(self, archive: Path, folder: Path) -> None:
        """Unpack a ZIP, once: a component may be running out of it. One that leads out of its folder is refused."""
        if folder.exists():
            return
        unfinished = folder.with_name(folder.name + ".part")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        try:
            with zipfile.ZipFile(archive) as packed:
                for member in packed.infolist():
                    _extract(packed, member, unfinished)
            unfinished.rename(folder)
        except zipfile.BadZipFile as error:
            raise ArtifactError(f"{archive.name} cannot be unpacked: {error}") from None

    def prune(self, kept: Mapping[str, set[str]]) -> None:
        """Remove the artefacts of versions that are not kept."""
        for folder in (self.root / "packages").glob("artifacts*/*/*"):
            if folder.name not in kept.get(folder.parent.name, set()):
                shutil.rmtree(folder, ignore_errors=True)


def _extract(packed: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path) -> None:
    target = (folder / member.filename).resolve()
    if not target.is_relative_to(folder.resolve()):
        raise ArtifactError(f"The archive has a file outside of itself: {member.filename}")
    packed.extract(member, folder)
    # ZipFile forgets the rights of files.
    mode = member.external_attr >> 16 & 0o777
    if mode and not member.is_dir():
        target.chmod(mode | 0o400)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return base64.b64encode(hashlib.file_digest(file, "sha256").digest()).decode()
