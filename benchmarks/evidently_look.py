"""Evidently's data drift preset on files that `captured_files` has made, in a process of its own.

``PYTHON evidently_look.py FOLDER default|psi GIB SECONDS`` prints what it took as JSON. It runs in an environment that
has Evidently and pandas, and nothing of ours. More than so many GiB, and seconds of a core, it is not given.
"""

from __future__ import annotations

import io
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset

OUT_OF_MEMORY = 3
"""The exit status that says so."""


def main(folder: Path, method: str) -> dict[str, Any]:
    """Read the files, compare each column with the reference, and say what it took."""
    started, cpu = time.perf_counter(), time.process_time()
    reference = pd.read_csv(folder / "reference.csv")
    current = _captured(folder, list(reference.columns))
    reading = time.process_time() - cpu
    definition = DataDefinition(numerical_columns=list(reference.columns))
    preset = DataDriftPreset() if method == "default" else DataDriftPreset(num_method=method)
    snapshot = Report([preset]).run(
        Dataset.from_pandas(current, definition), Dataset.from_pandas(reference, definition)
    )
    found = snapshot.dict()["metrics"]
    return {
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time() - cpu,
        "reading": reading,
        "memory": _peak_memory(),
        "records": len(current),
        "drifted": _drifted(found),
    }


def _peak_memory() -> float:
    """MiB at the highest; `getrusage` would say what the process that started this one had, if that was more."""
    status = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in status if line.startswith("VmHWM:")).split()[1]) / 1024


def _captured(folder: Path, columns: list[str]) -> pd.DataFrame:
    """The requests: a file at a time, so that texts of one file only are held."""
    return pd.concat(
        [_requests(path, columns) for path in sorted((folder / "captured").iterdir())], ignore_index=True
    )


def _requests(path: Path, columns: list[str]) -> pd.DataFrame:
    with path.open("rb") as file:
        texts = [json.loads(line)["captureData"]["endpointInput"]["data"] for line in file]
    return pd.read_csv(io.StringIO("\n".join(texts)), header=None, names=columns)


def _drifted(metrics: list[dict[str, Any]]) -> list[str]:
    """The columns whose distance is beyond Evidently's threshold, 0.1 for Wasserstein's distance and for PSI."""
    of_columns = [each for each in metrics if "column" in each["config"]]
    return [
        each["config"]["column"]
        for each in of_columns
        if float(each["value"]) >= float(each["config"]["threshold"])
    ]


if __name__ == "__main__":
    for kind, limit in (
        (resource.RLIMIT_DATA, int(float(sys.argv[3]) * 1024**3)),
        (resource.RLIMIT_CPU, int(sys.argv[4])),
    ):
        resource.setrlimit(kind, (limit, limit + 1))
    try:
        print(json.dumps(main(Path(sys.argv[1]), sys.argv[2])))
    except MemoryError:
        sys.exit(OUT_OF_MEMORY)
