"""What a clinic exports, as the model takes it: rows of CSV, of JSON Lines below a header. Bad rows are dropped.

It runs in a container, which sees nothing but this file.
"""

import csv
import json
import os
import sys
from pathlib import Path

SOURCE, TARGET, MESSAGE = (Path(os.environ[name]) for name in ("SOURCE", "TARGET", "MESSAGE"))


def row(line):
    """The fields of a patient; None for a line that is none."""
    try:
        patient = json.loads(line)
        return [patient["patient"], *map(float, patient["measured"])]
    except (ValueError, TypeError, KeyError):
        return None


def rows(path):
    """All patients of an export."""
    header, *lines = path.read_text("utf-8").splitlines()
    version = json.loads(header).get("export")
    if version != 2:
        MESSAGE.write_text(
            f"{path.name} is an export of version {version}, and this reads version 2", "utf-8"
        )
        sys.exit(1)
    return [found for found in map(row, lines) if found is not None]


for file in sorted(SOURCE.rglob("*.jsonl")):
    kept = rows(file)
    if kept:
        target = (TARGET / file.relative_to(SOURCE)).with_suffix(".csv")
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("w", encoding="utf-8", newline="") as opened:
            csv.writer(opened, lineterminator="\n").writerows(kept)
