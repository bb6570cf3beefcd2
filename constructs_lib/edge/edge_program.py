"""How the program on a device runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aws_cdk as cdk

from ..core.checks import folder, settled, size, text, whole_number
from ..core.rules import Broken, Rules

_RECIPES = "https://docs.aws.amazon.com/greengrass/v2/developerguide/component-recipe-reference.html"
_SOCKET = re.compile(r"/[^'\"`$\\{}\x00-\x20]{1,100}")
_PYTHON = re.compile(r"[\w./+-]{1,200}")
_SMALLEST, _LARGEST = 64, 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeProgram:
    """How the program on a device runs: where it answers, and how much it may take.

    :raises ConstraintError: SM-EDGE-010, SM-EDGE-011.
    """

    http_port: int | None = None
    """1024–65535, on 127.0.0.1. Default: the Unix socket alone."""
    socket: str | None = None
    """Absolute path of at most 101 characters, of the Unix socket. Default: ``run/inference.sock`` below the state."""
    memory: cdk.Size | None = None
    """64 MiB – 64 GiB that the program may take; a model that needs more is rejected. Default: 512 MiB."""
    threads: int = 1
    """1–64 that a request computes with."""
    max_concurrent: int = 8
    """1–256 requests at once; more are told to come again (429)."""
    python: str = "python3"
    """The interpreter on the device, 3.11 or newer."""
    wheels: str | None = None
    """A folder of wheels for the device's platform, for devices without a way to a package index. Default: pip fetches
    what the lock names, by hash."""

    def __post_init__(self) -> None:
        """Check."""
        program_rules.enforce(self, path="EdgeProgram")

    @property
    def memory_mb(self) -> int:
        """With its default applied."""
        return 512 if self.memory is None else int(self.memory.to_mebibytes())

    def told(self) -> dict[str, Any]:
        """As the program's configuration has it."""
        return {
            "socket": self.socket,
            "http_port": self.http_port,
            "memory_mb": self.memory_mb,
            "threads": self.threads,
            "max_concurrent": self.max_concurrent,
        }


program_rules = Rules[EdgeProgram]()


@program_rules.rule("SM-EDGE-010", source=_RECIPES)
def program_fits_a_device(program: EdgeProgram) -> Iterator[Broken]:
    """Port, socket, memory, threads and interpreter are ones that a Linux device has."""
    yield from whole_number("http_port", program.http_port, 1024, 65_535)
    yield from text("socket", program.socket, _SOCKET, "an absolute path of at most 101 plain characters")
    yield from settled("memory", program.memory, "the recipe of the program is made of it")
    yield from size("memory", program.memory, _SMALLEST, _LARGEST, unit="MiB")
    yield from whole_number("threads", program.threads, 1, 64)
    yield from whole_number("max_concurrent", program.max_concurrent, 1, 256)
    yield from text("python", program.python, _PYTHON, "a name or path of an interpreter", fix='"python3.11"')


@program_rules.rule("SM-EDGE-011", source=_RECIPES)
def wheels_are_there(program: EdgeProgram) -> Iterator[Broken]:
    """A folder of wheels exists where synthesis runs, and has wheels."""
    given = program.wheels
    if given is not None and not (folder(given) and any(Path(given).glob("*.whl"))):
        fix = (
            "pip download --require-hashes --no-deps -d wheels -r constructs_lib/edge/requirements/device.txt"
        )
        yield Broken("wheels", given, "a folder with files named *.whl", fix)
