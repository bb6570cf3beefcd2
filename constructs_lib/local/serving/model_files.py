"""The models that an instance of a multi-model endpoint has on its disk."""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from .artifact import ArtifactError, unpack

Fetch = Callable[[str], bytes]


@dataclass(frozen=True, slots=True)
class _Files:
    folder: Path
    size: int


class ModelFiles:
    """Unpacked models by name, up to a size; the least recently used ones make room.

    A model that is here is not fetched again, whatever has happened to the object it came from:
    AWS asks for a new name instead of new content.
    """

    def __init__(self, folder: Path, fetch: Fetch, max_bytes: int) -> None:
        self._folder = folder
        self._fetch = fetch
        self._max_bytes = max_bytes
        self._numbers = itertools.count(1)
        self._models: OrderedDict[str, _Files] = OrderedDict()

    def __contains__(self, name: str) -> bool:
        return name in self._models

    async def folder(self, name: str, *, in_use: Collection[str]) -> Path:
        """The folder of a model, fetched when it is not here; those in use stay. ArtifactError for no archive."""
        if name not in self._models:
            self._models[name] = await asyncio.to_thread(self._unpacked, self._fetch(name))
        self._models.move_to_end(name)
        await self._make_room({name, *in_use})
        return self._models[name].folder

    def _unpacked(self, archive: bytes) -> _Files:
        # A number, for the name is part of a key in S3: it says nothing about a path here.
        folder = self._folder / str(next(self._numbers)) / "model"
        folder.mkdir(parents=True)
        try:
            unpack(archive, folder, max_bytes=self._max_bytes)
        except ArtifactError:
            shutil.rmtree(folder.parent, ignore_errors=True)
            raise
        return _Files(folder, _size_of(folder))

    async def _make_room(self, kept: Collection[str]) -> None:
        for name in [each for each in self._models if each not in kept]:
            if sum(files.size for files in self._models.values()) <= self._max_bytes:
                return
            await self.remove(name)

    async def remove(self, name: str) -> None:
        """Forget a model; one that is not here is not missed."""
        files = self._models.pop(name, None)
        if files is not None:
            await asyncio.to_thread(shutil.rmtree, files.folder.parent, ignore_errors=True)


def _size_of(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*"))
