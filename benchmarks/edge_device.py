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


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """Seconds that each time took, without the program and with it; and of a processor, on the average."""

    bare: Sequence[float]
    ours: Sequence[float]
    bare_cpu: float
    ours_cpu: float
    """Of the client and of the whole program, what it tells of its results included."""

    @property
    def ratio(self) -> float:
        """Of the medians."""
        return statistics.median(self.ours) / statistics.median(self.bare)

    @property
    def cpu_ratio(self) -> float:
        """Of the processor's time, which a machine that is busy otherwise changes less."""
        return self.ours_cpu / self.bare_cpu

    def __str__(self) -> str:
        """The times themselves."""
        bare, ours = (1000 * statistics.median(each) for each in (self.bare, self.ours))
        return (
            f"{bare:.3f} ms bare, {ours:.3f} ms of the program; "
            f"{1000 * self.bare_cpu:.3f} and {1000 * self.ours_cpu:.3f} ms of a processor"
        )


def in_turns(
    bare: Callable[[], object],
    ours: Callable[[], object],
    program_seconds: Callable[[], float],
    *,
    turn: int,
    turns: int,
) -> Sides:
    """Each so often one after the other, then the other side.

    :param program_seconds: of a processor that the program has taken by now.
    """
    taken: tuple[list[float], list[float]] = ([], [])
    own = [0.0, 0.0]
    before = program_seconds()
    for _ in range(turns):
        for side, act in enumerate((bare, ours)):
            began = time.process_time()
            for _ in range(turn):
                begun = time.perf_counter()
                act()
                taken[side].append(time.perf_counter() - begun)
            own[side] += time.process_time() - began
    count = turn * turns
    return Sides(
        bare=taken[0],
        ours=taken[1],
        bare_cpu=own[0] / count,
        ours_cpu=(own[1] + program_seconds() - before) / count,
    )


def processor_seconds(pid: int) -> float:
    """Of a processor, that a process has taken: its clock, as Linux numbers it (``man 3 clock_getcpuclockid``)."""
    return time.clock_gettime((~pid << 3) | 2)


def requests(kinds: Sequence[Kind] = KINDS, seconds: float = SECONDS) -> Iterator[Claim | str]:
    """Of each model: a request to the program over a run of the session."""
    for kind in kinds:
        model, record = kind.made(), kind.request.record()
        own = session(model)
        with served(model) as (path, pid):
            client = Client(path, record)
            for _ in range(20):
                client.ask()
            turn = max(1, min(50, round(TURN / ((kind.milliseconds or 0.2) / 1000))))
            found = in_turns(
                lambda own=own, record=record: own.run(None, {"X": record}),  # type: ignore[misc]
                client.ask,
                lambda pid=pid: processor_seconds(pid),  # type: ignore[misc]
                turn=turn,
                turns=max(1, round(seconds / TURN)),
            )
            client.close()
        yield f"  {kind.name}: {found}"
        aim = None if kind.milliseconds is None else OVERHEAD
        yield Claim(f"{kind.name}: a request, over session.run", found.ratio, aim)
        yield Claim("…in processor time, telling of results included", found.cpu_ratio, None)


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
