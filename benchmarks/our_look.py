"""One look of our monitor of data at files that `captured_files` has made, in a process of its own.

``python -m benchmarks.our_look FOLDER`` prints what it took as JSON; `MONITOR_WORKERS` says how many processes read.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from constructs_lib.monitoring.runtime.drift.judge import judge
from constructs_lib.monitoring.runtime.drift.profile import Profile
from constructs_lib.monitoring.runtime.kinds import data_quality
from constructs_lib.monitoring.runtime.reading.source import WORKERS

from .captured_window import BASELINE, MONITOR, source


def main(folder: Path) -> dict[str, Any]:
    """What a look takes, and what it found."""
    files = json.loads((folder / BASELINE).read_text())
    read = source(folder)
    started, cpu = time.perf_counter(), _processor_time()
    found = data_quality.look(MONITOR, files, read)
    taken = {"seconds": time.perf_counter() - started, "cpu": _processor_time() - cpu}
    return {
        **taken,
        "memory": _peak_memory(),
        "records": found.records,
        "drifted": [name for name, told in found.features.items() if told["drifted"]],
        "judging": _seconds_to_judge(files, found.statistics),
    }


def _processor_time() -> float:
    """Seconds of a core, of this process and of those that have read for it."""
    others = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + others.ru_utime + others.ru_stime


def _peak_memory() -> float:
    """MiB at the highest. Of processes that have read, each is taken to have had as much as the greatest.

    `getrusage` would say of this process what the one that started it had, if that was more.
    """
    status = Path("/proc/self/status").read_text().splitlines()
    own = int(next(line for line in status if line.startswith("VmHWM:")).split()[1])
    workers = int(os.environ.get(WORKERS, "1"))
    others = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * workers if workers > 1 else 0
    return (own + others) / 1024


def _seconds_to_judge(files: dict[str, Any], statistics_of_window: dict[str, Any]) -> float:
    """The median time to judge a window, its statistics and the baseline's read from what is written of them."""
    taken = []
    for _ in range(5):
        started = time.perf_counter()
        before, now = map(Profile.of_statistics, (files["statistics.json"], statistics_of_window))
        judge(files["constraints.json"], before, now)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
