"""How fast a window is looked at, and in how much memory, beside Evidently on the same files.

Each look is a process of its own: ours with one process reading and with two, Evidently's data drift preset with its
default method and with PSI. What each side does:

- Ours reads the captured files as the monitor does, keeps statistics of all 30 features (moments, a quantile sketch,
  missing values, values out of range and of another type), describes them, compares each feature with the baseline
  by Kolmogorov–Smirnov, PSI, Jensen–Shannon and Wasserstein, and judges it by one of them. The baseline's statistics
  are there already.
- Evidently gets the captured requests by json and pandas, as its users do, a file at a time; then it compares each
  column with the reference by one distance: Wasserstein's by default for columns this long, or PSI.

Starting Python and importing is in no time; it is in the memory. A ratio of work is one of processor time, for the
machine may be shared; that of two processes to one is of the clock. `--evidently` names a Python that has
Evidently 0.7.23 and pandas below 3 installed, in an environment of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from constructs_lib.monitoring.runtime.reading.source import WORKERS

from .captured_files import make
from .captured_window import FEATURES
from .claim import Claim

ROOT = Path(__file__).resolve().parents[1]
FEW_VALUES, MANY_VALUES = 1_000_000, 100_000_000
VALUES = (FEW_VALUES, 10_000_000, MANY_VALUES)
REPEATS = 3
"""Of looks at `FEW_VALUES` at most; the others are looked at once."""
MOST_SECONDS = 600
"""Of a core, that Evidently may have; by the clock a shared machine would decide. So `MOST_GIB` of memory."""
MOST_GIB = 20.0
FLAT = 1.2
"""How much more memory a hundred times the values may take."""
OUT_OF_MEMORY = 3
"""The exit status of `evidently_look` that says so."""

Look = Callable[[Path], dict[str, Any] | str]
"""What a look took, or why there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """A look, by the medians of its runs."""

    values: int
    seconds: float
    cpu: float
    memory: float
    """MiB."""
    more: str
    """What else there is to tell."""

    def __str__(self) -> str:
        """Part of a line of the report."""
        records = self.values / FEATURES / self.cpu
        return (
            f"{self.seconds:8.1f} s, {self.cpu:8.1f} s of a core, {records:10,.0f} records/s, "
            f"{self.values / self.cpu / 1e6:5.2f} million values/s a core, {self.memory:8,.0f} MiB{self.more}"
        )


def ours(processes: int, folder: Path) -> dict[str, Any] | str:
    """A look of our monitor."""
    return _measured([sys.executable, "-m", "benchmarks.our_look", str(folder)], {WORKERS: str(processes)})


def evidently(python: str, method: str, gib: float, folder: Path) -> dict[str, Any] | str:
    """A look of Evidently. Libraries below it get one core too."""
    script = str(ROOT / "benchmarks" / "evidently_look.py")
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    told = _measured([python, script, str(folder), method, str(gib), str(MOST_SECONDS)], one)
    return f"{told}, of {gib:g} GiB" if told == "out of memory" else told


def _measured(command: Sequence[str], environment: Mapping[str, str]) -> dict[str, Any] | str:
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True
    )
    if done.returncode == -signal.SIGXCPU:
        return f"not done after {MOST_SECONDS} s of a core"
    if done.returncode == OUT_OF_MEMORY:
        return "out of memory"
    if done.returncode:
        return f"ended with {done.returncode}: {done.stderr.strip().rpartition(os.linesep)[2]}"
    return dict(json.loads(done.stdout.splitlines()[-1]))


def monitoring(
    values: Sequence[int] = VALUES[:2],
    *,
    python: str | None = None,
    gib: float = MOST_GIB,
    files: Path | None = None,
) -> Iterator[Claim | str]:
    """Looks at so many values each, ours first, and Evidently's where there is a Python for it.

    Args:
        values: of each round; in whole records.
        python: that has Evidently.
        gib: of memory for it.
        files: a folder where those made before are found, and those made now are left. By default they go.
    """
    looks: dict[str, Look] = {
        f"ours, {count} process{'es' if count > 1 else ''}": lambda folder, count=count: ours(count, folder)
        for count in (1, 2)
    }
    if python is not None:
        for method in ("default", "psi"):
            looks[f"Evidently, {method}"] = lambda folder, method=method: evidently(
                python, method, gib, folder
            )
    memory: dict[int, float] = {}
    for count in values:
        with _captured(count, files) as folder:
            took = {}
            for look, found in _in_turns(looks, folder, count):
                yield f"  {count:,} values, {look:<19} {found}"
                if isinstance(found, Took):
                    took[look] = found
        yield from _ratios(count, took)
        memory[count] = took["ours, 1 process"].memory
    least, most = min(memory), max(memory)
    if least < most:
        what = f"our memory, {most:,} values over {least:,}"
        yield Claim(what, memory[most] / memory[least], FLAT)


@contextmanager
def _captured(count: int, files: Path | None) -> Iterator[Path]:
    if files is None:
        with tempfile.TemporaryDirectory() as name:
            make(Path(name), count)
            yield Path(name)
        return
    folder = files / str(count)
    if not folder.exists():
        files.mkdir(parents=True, exist_ok=True)
        # Under another name at first: what was broken off is not taken for whole.
        with tempfile.TemporaryDirectory(dir=files) as name:
            make(Path(name) / "made", count)
            (Path(name) / "made").rename(folder)
    yield folder


def _in_turns(looks: Mapping[str, Look], folder: Path, count: int) -> Iterator[tuple[str, Took | str]]:
    runs: dict[str, list[dict[str, Any] | str]] = {name: [] for name in looks}
    times = REPEATS if count <= FEW_VALUES else 1
    for time in range(times):
        for name, look in looks.items():
            runs[name].append(look(folder))
            if time == times - 1:
                done = [each for each in runs[name] if isinstance(each, dict)]
                yield name, _took(done) if len(done) == times else str(runs[name][-1])


def _took(runs: Sequence[Mapping[str, Any]]) -> Took:
    median = {
        name: statistics.median(each[name] for each in runs)
        for name, value in runs[0].items()
        if not isinstance(value, list)
    }
    parts = {"reading": "to read", "judging": "to judge"}
    more = [f"{median[name]:.2f} s {what}" for name, what in parts.items() if name in median]
    return Took(
        values=runs[0]["records"] * FEATURES,
        seconds=median["seconds"],
        cpu=median["cpu"],
        memory=median["memory"],
        more="".join(f", {each}" for each in [*more, f"drifted: {', '.join(runs[0]['drifted'])}"]),
    )


def _ratios(count: int, took: Mapping[str, Took]) -> Iterator[Claim]:
    alone, together = took["ours, 1 process"], took["ours, 2 processes"]
    yield Claim(f"{count:,} values: two processes over one, clock", together.seconds / alone.seconds, None)
    for name, theirs in took.items():
        if name.startswith("Evidently"):
            yield Claim(f"{count:,} values: processor time, ours over {name}", alone.cpu / theirs.cpu, None)
            yield Claim(
                f"{count:,} values: peak memory, ours over {name}", alone.memory / theirs.memory, None
            )


def main() -> None:
    """Print line by line; the exit status does not depend on aims."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.monitoring",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--values", nargs="+", type=float, default=list(VALUES), help="default: 1e6 1e7 1e8")
    parser.add_argument("--evidently", metavar="PYTHON", help="of the environment that has Evidently")
    parser.add_argument(
        "--gib", type=float, default=MOST_GIB, help="memory for Evidently (default: %(default)g)"
    )
    parser.add_argument(
        "--files", type=Path, help="a folder to keep the captured files in, for the next time"
    )
    asked = parser.parse_args()
    values = [int(each) for each in asked.values]
    for line in monitoring(values, python=asked.evidently, gib=asked.gib, files=asked.files):
        print(line, flush=True)


if __name__ == "__main__":
    main()
