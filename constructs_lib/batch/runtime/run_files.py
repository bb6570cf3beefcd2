"""A run: what its state machine knows of it, how the transform is set up, and where its files lie.

All of them lie in one folder, ``<prefix>/<run>/``::

    plan.json                          what start found and decided
    planned.manifest                   what the pre-processing job reads, if there is one
    gathered.json, input.manifest      what the transform job reads, for us and for SageMaker
    prepared/<attempt>/                the output of the pre-processing job
    output/<attempt>/                  the output of the transform job
    finished/<attempt>/                the output of the post-processing job
    chunks/inspect.json, <sink>.json   lists of chunks; chunks/pairs.json says which output is whose
    counts/<n>.json                    what the inspection of a chunk found
    written/<sink>/<n>.json            what a sink took of a chunk
    problems/<step>-<n>.json           what is definitely wrong
    report.json, then _SUCCESS         the result, and that all is well
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from ...core.runtime.store import Item, S3Store, read, read_json
from .plan import folder_of, key_in

GATHERED = "gathered.json"
MANIFEST = "input.manifest"
PLANNED = "planned.manifest"
PAIRS = "chunks/pairs.json"
PROBLEMS = "problems/"
INSPECT = "inspect"
"""The name of the list of chunks to inspect; others are called as their sinks."""
PREPARED, OUTPUT, FINISHED = "prepared", "output", "finished"
"""Folders of the attempts of jobs."""


def list_key(name: str) -> str:
    """A list of groups of chunks: a JSON array, as a Distributed Map reads it."""
    return f"chunks/{name}.json"


def counts_key(n: int) -> str:
    """What the inspection of chunk `n` found."""
    return f"counts/{n:06}.json"


def written_key(sink: str, n: int) -> str:
    """What a sink took of its chunk `n`."""
    return f"written/{sink}/{n:06}.json"


def problem_key(step: str, n: int) -> str:
    """What is wrong with what a step had in hand."""
    return f"{PROBLEMS}{step}-{n:06}.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the transform is set up: the event's ``batch``."""

    transform: str
    """Its name: the dimension of its metrics."""
    bucket: str
    """Where the folders of runs lie."""
    prefix: str
    input_bucket: str
    format: str
    """Of what the model gives: ``csv``, ``jsonl`` or ``other``."""
    lines: bool
    """Whether each line is a record and makes a line of output."""
    gzip: bool
    """Whether what the transform job reads is compressed. Its output never is."""
    columns: tuple[Mapping[str, Any], ...] = ()
    sinks: tuple[Mapping[str, Any], ...] = ()
    """Each with its ``name`` and ``chunk_bytes``."""
    prepares: bool = False
    """Whether a processing job makes what the transform job reads."""
    finishes: bool = False
    """Whether a processing job makes of the output what the sinks read."""
    finish_keeps_count: bool = False
    """Whether that job leaves as many records as it finds."""
    instance_count: int = 1

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Settings:
        """Read them; TypeError where one is missing. What others need and this does not is left out."""
        known: dict[str, Any] = {each.name: given[each.name] for each in fields(cls) if each.name in given}
        for name in ("columns", "sinks"):
            known[name] = tuple(known.get(name, ()))
        return cls(**known)

    @property
    def facing_sinks(self) -> str:
        """What the sinks read: ``out`` or ``finished``."""
        return "finished" if self.finishes else "out"

    @property
    def counted(self) -> list[str]:
        """The kinds of files whose records are counted: ``in``, ``out``, ``finished``."""
        read = self.facing_sinks if self.columns or self.sinks else ""
        kept = self.finishes and self.finish_keeps_count
        wanted = {
            "in": self.lines,
            "out": self.lines or kept or read == "out",
            "finished": kept or read == "finished",
        }
        return [what for what, is_wanted in wanted.items() if is_wanted]


@dataclass(frozen=True)
class Run:
    """A run as a step of it sees it."""

    state: Mapping[str, Any]
    """The state machine's ``$``: the execution's input, and the results so far."""
    settings: Settings
    client: Any
    """S3's."""

    @classmethod
    def of(cls, event: Mapping[str, Any], client: Any) -> Run:
        """Read the event of a function."""
        return cls(event["run"], Settings.from_json(event["batch"]), client)

    @property
    def name(self) -> str:
        """The execution's name, and the folder's."""
        return str(self.state["run"])

    @cached_property
    def store(self) -> S3Store:
        """The run's folder."""
        return folder_of(self.client, self.settings.bucket, self.settings.prefix, self.name)

    def key(self, inside: str) -> str:
        """The whole key in the bucket of what lies in the folder."""
        return key_in(self.settings.prefix, self.name, inside)

    def attempt(self, job: str) -> int:
        """Which attempt of a job (``prepare``, ``transform``, ``finish``) was the last one; from 1."""
        return int(self.state[job]["attempt"])

    def read(self, key: str) -> dict[str, Any]:
        """A file of the run as a JSON object; FileNotFoundError where it is not there."""
        found = read_json(self.store, key)
        if found is None:
            raise FileNotFoundError(self.store.uri(key))
        return found

    def read_list(self, name: str) -> list[dict[str, Any]]:
        """The chunks of a list, whatever their groups; FileNotFoundError where it is not there."""
        body = read(self.store, list_key(name))
        if body is None:
            raise FileNotFoundError(self.store.uri(list_key(name)))
        groups: list[dict[str, list[dict[str, Any]]]] = json.loads(body)
        return [chunk for group in groups for chunk in group["chunks"]]

    def made(self, folder: str, job: str) -> Iterator[Item]:
        """What the last attempt of a job has written, in the order of the keys, which are the folder's.

        Markers are left out, as they are among inputs: names that begin with ``_`` or ``.``.
        """
        inside = f"{folder}/{self.attempt(job)}/"
        for item in self.store.items(inside):
            if not item.key.rsplit("/", 1)[-1].startswith(("_", ".")):
                yield item
