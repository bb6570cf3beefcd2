"""From a transform job's output to a table, beside what the sample notebooks do: core time, memory, money.

Each way is a process of its own, ours and theirs in turns. What each does:

- Ours is what runs in AWS: the functions of a run, called with the events of the state machine: outline, inspect,
  reconcile, write, verify, commit, complete. Every input and output is counted, every record read by its columns
  twice, every put conditional and told of; a chunk after the other, as if there were one function.
- Theirs is `batch_notebook`: pandas, scores beside keys by position, `batch_writer` or `to_csv`; none of the above.

S3, DynamoDB, Glue and CloudWatch are `batch_aws`: boto3's clients check, serialize, sign and parse, and nothing is
sent. HTTP is not in it, and ours makes 25 requests where `batch_writer` makes one; so the fewest records are put once
more into a server on this machine, with HTTP and without TLS, and dollars are of that. Starting Python, importing and
making clients are in no time; they are in the memory. Ratios are of medians; in brackets those of single pairs of
runs, which tell the noise.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import batch_paper as paper
from .batch_files import make
from .claim import Claim

ROOT = Path(__file__).resolve().parents[1]
RECORDS = (10_000, 100_000, 1_000_000)
REPEATS = {10_000: 5, 100_000: 3}
"""Once for any other number."""
SINKS = {"dynamodb": "batch_writer", "table": "pandas and to_csv"}
"""And what they are compared with."""
AIMS = {"dynamodb": 2.0, "table": 1.5}
"""How much of a core more a record may take."""
FLAT = 1.2
"""How much more memory a hundred times the records may take."""
MOST_TRANSITIONS = 20
"""Of a run with a million records."""
PER_SECOND = (100, 1_000, 10_000)
"""Records that an instance scores: a parameter, for that is the model's."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Runs of both sides with the same records."""

    ours: Sequence[dict[str, Any]]
    theirs: Sequence[dict[str, Any]]

    def median(self, side: str, what: str) -> float:
        """Of a side: ``ours`` or ``theirs``."""
        return statistics.median(each[what] for each in getattr(self, side))

    def ratio(self, what: str) -> float:
        """Ours over theirs."""
        return self.median("ours", what) / self.median("theirs", what)

    def noise(self, what: str) -> str:
        """The least and the greatest ratio of runs that were done one after the other."""
        each = [one[what] / other[what] for one, other in zip(self.ours, self.theirs, strict=True)]
        return f"[{min(each):.2f}-{max(each):.2f}]" if len(each) > 1 else "[once]"

    def core(self, side: str) -> float:
        """Seconds a record."""
        return self.median(side, "cpu") / self.median(side, "records")


def batch(records: Sequence[int] = RECORDS, *, sinks: Sequence[str] = tuple(SINKS)) -> Iterator[Claim | str]:
    """Both sides with so many records each; then transitions and dollars of a million."""
    found: dict[tuple[str, int], Pair] = {}
    for count in records:
        with tempfile.TemporaryDirectory() as name:
            make(Path(name), count)
            for sink in sinks:
                pair = found[sink, count] = _in_turns(Path(name), sink, count)
                yield from _told(f"{count:,} records, {sink}", SINKS[sink], pair, AIMS[sink])
            if count == min(records) and "dynamodb" in sinks:
                with _server() as url:
                    pair = found["HTTP", count] = _in_turns(Path(name), "dynamodb", count, url)
                    yield from _told(f"{count:,} records, dynamodb with HTTP", SINKS["dynamodb"], pair, None)
    yield from _growth(found, records, sinks)
    yield from counted()
    for sink in sinks:
        pair = found[
            "HTTP" if sink == "dynamodb" else sink, min(records) if sink == "dynamodb" else max(records)
        ]
        yield from priced(sink, paper.Core(ours=pair.core("ours"), notebook=pair.core("theirs")))


# --- measured --------------------------------------------------------------------------------------------


def _in_turns(folder: Path, sink: str, count: int, url: str = "") -> Pair:
    sides: dict[str, list[dict[str, Any]]] = {"ours": [], "notebook": []}
    for _ in range(REPEATS.get(count, 1)):
        for side, runs in sides.items():
            runs.append(_run(folder, side, sink, url))
    return Pair(sides["ours"], sides["notebook"])


def _run(folder: Path, side: str, sink: str, url: str) -> dict[str, Any]:
    # One core each: what pandas has below it would take both.
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    if url:
        environment |= {"AWS_ENDPOINT_URL_DYNAMODB": url, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.batch_run", str(folder), side, sink],
        cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return dict(json.loads(done.stdout.splitlines()[-1]))


@contextmanager
def _server() -> Iterator[str]:
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.batch_server"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
    finally:
        server.terminate()
        server.communicate()


def _told(what: str, theirs: str, pair: Pair, aim: float | None) -> Iterator[Claim | str]:
    for name, side in (("ours", "ours"), (theirs, "theirs")):
        core = pair.core(side)
        yield (
            f"  {what}, {name:<17} {1 / core:10,.0f} records/s a core, {core * 1e6:6.1f} us a record, "
            f"{pair.median(side, 'memory'):6,.0f} MiB"
        )
    yield Claim(f"{what}: core {pair.noise('cpu')}, over {theirs}", pair.ratio("cpu"), aim)
    yield Claim(f"{what}: peak memory {pair.noise('memory')}", pair.ratio("memory"), None)


def _growth(
    found: dict[tuple[str, int], Pair], records: Sequence[int], sinks: Sequence[str]
) -> Iterator[Claim | str]:
    least, most = min(records), max(records)
    if least == most:
        return
    for sink in sinks:
        for name, side, aim in (("ours", "ours", FLAT), (SINKS[sink], "theirs", None)):
            ratio = found[sink, most].median(side, "memory") / found[sink, least].median(side, "memory")
            yield Claim(f"{sink}: memory, {most:,} over {least:,}, {name}", ratio, aim)


# --- on paper --------------------------------------------------------------------------------------------


def counted() -> Iterator[Claim | str]:
    """Transitions, along the definition."""
    yield "  transitions of a run: states that are entered, and children that maps start"
    for sinks in ((), ("dynamodb",), ("table",), ("dynamodb", "table")):
        machine = paper.machine(*sinks)
        told = []
        for records in RECORDS:
            calls = paper.children(records, *sinks)
            entered = paper.transitions(machine, dict.fromkeys(calls, 0))
            told.append(f"{entered} + {sum(calls.values())} children of {records:,} records")
        yield f"    {' and '.join(sinks) or 'no sink'}: {', '.join(told)}"
    for sink in SINKS:
        whole = paper.transitions(paper.machine(sink), paper.children(paper.MILLION, sink))
        what = f"{whole} transitions of a million records, {sink}, over {MOST_TRANSITIONS}"
        yield Claim(what, whole / MOST_TRANSITIONS, 1.0)
    theirs = paper.transitions(paper.RECORD_BY_RECORD, {"Each": paper.MILLION})
    yield f"    an inline map with a putItem a record: {theirs:,}, ${theirs * paper.TRANSITION:,.2f}"


def priced(sink: str, core: paper.Core) -> Iterator[str]:
    """Dollars of a million predictions, with the transform's instance and without it."""
    yield f"  dollars of a million predictions, {sink}: list prices of us-east-1 from memory, 2025"
    sides = {
        "ours": (paper.dollars(sink, core), False),
        "notebook": (paper.dollars_of_notebook(sink, core), True),
    }
    for name, (parts, waits) in sides.items():
        whole = sum(parts.values())
        yield f"    {name:<8} {whole:.4f}: " + ", ".join(
            f"{part} {price:.5f}" for part, price in parts.items()
        )
        with_instance = (
            f"{whole + paper.dollars_of_transform(speed, notebook=waits):.3f} at {speed:,} records/s"
            for speed in PER_SECOND
        )
        yield f"             with the transform's instance: {', '.join(with_instance)}"


def main() -> None:
    """Print line by line; the exit status does not depend on aims."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.batch",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--records", nargs="+", type=float, default=list(RECORDS), help="default: 1e4 1e5 1e6"
    )
    parser.add_argument("--sinks", nargs="+", choices=list(SINKS), default=list(SINKS))
    asked = parser.parse_args()
    for line in batch([int(each) for each in asked.records], sinks=asked.sinks):
        print(line, flush=True)


if __name__ == "__main__":
    main()
