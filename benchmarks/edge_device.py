"""What the device's program costs over what one would do without it, on the same machine, the sides taking turns.

- Requests: a client on the program's Unix socket, with every result told of, over `session.run` in one's own process.
- The buffer: appends over appends to a plain file that is synced as often; its recovery after the writer was killed
  over reading the same bytes.
- Memory: the program with a model over a process that has imported ONNX Runtime and holds the same model.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from constructs_lib.edge.runtime.device.buffer import DiskBuffer

from .claim import Claim
from .edge_appends import Plain, written
from .edge_models import KINDS, Kind, Record, session
from .edge_program import Client, served

OVERHEAD = 1.10
"""The aim of requests."""
SECONDS = 6.0
"""That each side of a model has, about."""
TURN = 0.02
"""Seconds of a turn, about: short, so that what else the machine does meets both sides."""
RECORD = b'{"topic":"inference","body":%s}' % (b'"' + b"x" * 470 + b'"')
"""Of 500 bytes."""
APPENDS = {"batch": 20_000, "always": 300}
FEW, MANY = 1_000, 100_000
REPEATS = 5
LINEAR = 1.20
"""How much more a record may take to recover where there are a hundred times as many."""


@dataclass(frozen=True, slots=True)
class Sides:
    """Seconds of each time, without the program and with it."""

    bare: Sequence[float]
    ours: Sequence[float]

    @property
    def ratio(self) -> float:
        """Of the medians."""
        return statistics.median(self.ours) / statistics.median(self.bare)

    @property
    def quiet(self) -> float:
        """Of the times that a tenth is faster than: as it were if the machine did nothing else."""
        return _tenth(self.ours) / _tenth(self.bare)

    def __str__(self) -> str:
        """The times themselves."""
        bare, ours = (1000 * statistics.median(each) for each in (self.bare, self.ours))
        quiet, ours_quiet = (1000 * _tenth(each) for each in (self.bare, self.ours))
        return (
            f"{bare:.3f} ms bare, {ours:.3f} ms of the program; "
            f"a tenth in {quiet:.3f} and {ours_quiet:.3f} ms"
        )


def _tenth(times: Sequence[float]) -> float:
    return sorted(times)[len(times) // 10]


def in_turns(bare: Callable[[], object], ours: Callable[[], object], *, turn: int, turns: int) -> Sides:
    """Each so often one after the other, then the other side; the first of each turn is not counted."""
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(turns):
        for act, times in zip((bare, ours), taken, strict=True):
            act()
            for _ in range(turn):
                begun = time.perf_counter()
                act()
                times.append(time.perf_counter() - begun)
    return Sides(*taken)


def requests(kinds: Sequence[Kind] = KINDS, seconds: float = SECONDS) -> Iterator[Claim | str]:
    """Of each model: a request to the program over a run of the session."""
    for kind in kinds:
        model, record = kind.made(), kind.request.record()
        own = session(model)
        with served(model) as (path, _):
            client = Client(path, record)
            turn = max(1, min(50, round(TURN / ((kind.milliseconds or 0.2) / 1000))))
            found = in_turns(
                lambda own=own, record=record: own.run(None, {"X": record}),  # type: ignore[misc]
                client.ask,
                turn=turn,
                turns=max(1, round(seconds / TURN)),
            )
            client.close()
        yield f"  {kind.name}: {found}"
        aim = None if kind.milliseconds is None else OVERHEAD
        yield Claim(f"{kind.name}: a request, over session.run", found.ratio, aim)
        yield Claim("…where the machine did little else (the tenth)", found.quiet, None)


def appends() -> Iterator[Claim | str]:
    """Records a second, over a plain file that is synced as often."""
    for fsync, count in APPENDS.items():
        taken: dict[str, list[float]] = {"plain": [], "ours": []}
        for _ in range(REPEATS):
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                plain = Plain(folder / "plain", fsync=fsync)
                buffer = DiskBuffer(folder / "buffer", max_bytes=1 << 30, fsync=fsync)
                for side, append in (("plain", plain.append), ("ours", buffer.append)):
                    begun = time.perf_counter()
                    for _ in range(count):
                        append(RECORD)
                    taken[side].append(time.perf_counter() - begun)
                plain.close()
                buffer.close()
        plain_seconds, ours = (statistics.median(each) for each in taken.values())
        yield f"  fsync {fsync}: {count / ours:,.0f} records a second, {count / plain_seconds:,.0f} in a plain file"
        yield Claim(f"fsync {fsync}: an append, over one to a plain file", ours / plain_seconds, None)


def recovery(few: int = FEW, many: int = MANY) -> Iterator[Claim | str]:
    """To open a buffer whose writer was killed, over reading the same bytes; whether it grows with records alone."""
    a_record = {}
    for count in (few, many):
        opening, reading = [], []
        for _ in range(REPEATS):
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name) / "buffer"
                written(folder, count, RECORD)
                begun = time.perf_counter()
                for path in sorted(folder.iterdir()):
                    path.read_bytes()
                between = time.perf_counter()
                buffer = DiskBuffer(folder, max_bytes=1 << 30)
                opened = time.perf_counter()
                if buffer.records != count:
                    raise RuntimeError(f"{buffer.records} of {count} records were found")
                buffer.close()
                reading.append(between - begun)
                opening.append(opened - between)
        a_record[count] = statistics.median(opening) / count
        yield f"  {count:,} records: {1000 * statistics.median(opening):.1f} ms to open the buffer after a kill"
        ratio = statistics.median(opening) / statistics.median(reading)
        yield Claim(f"{count:,} records: to recover, over reading the bytes", ratio, None)
    yield Claim(f"a record's recovery, of {many:,} over of {few:,}", a_record[many] / a_record[few], LINEAR)


_HOLDS = """
import sys, numpy, onnxruntime
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
record = numpy.load(sys.argv[2])
for _ in range(100):
    session.run(None, {"X": record})
print("ready", flush=True)
sys.stdin.read()
"""


def memory(kinds: Sequence[Kind] = KINDS) -> Iterator[Claim | str]:
    """Resident, after a hundred requests."""
    for kind in kinds:
        model, record = kind.made(), kind.request.record()
        bare = _bare_mib(model, record)
        with served(model) as (path, pid):
            client = Client(path, record)
            for _ in range(100):
                client.ask()
            ours = resident_mib(pid)
            client.close()
        yield f"  {kind.name}: {ours:.0f} MiB, {bare:.0f} MiB of ONNX Runtime and the model alone"
        yield Claim(f"{kind.name}: resident memory, over ONNX Runtime's", ours / bare, None)


def _bare_mib(model: bytes, record: Record) -> float:
    with tempfile.TemporaryDirectory() as name:
        path, rows = Path(name) / "model.onnx", Path(name) / "record.npy"
        path.write_bytes(model)
        np.save(rows, record)
        command = [sys.executable, "-c", _HOLDS, str(path), str(rows)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            return resident_mib(process.pid)


def resident_mib(pid: int) -> float:
    """What a process has in memory."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def edge_device() -> Iterator[Claim | str]:
    """All of it."""
    yield from requests()
    yield from appends()
    yield from recovery()
    yield from memory()
