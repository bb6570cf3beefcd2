"""What a transform job has read and written, as many records as asked for; the same every time."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

from .batch_aws import BUCKET, etag

PREFIX, RUN = "runs", "0123456789abcdef0123456789abcdef"
INPUTS = "in"
NOTEBOOK = "notebook"
"""The output of a job that writes nothing but scores."""
COLUMNS = [
    {"name": "customer", "type": "string", "role": "key", "path": None},
    {"name": "churn", "type": "double", "role": "prediction", "path": None},
]
FEWEST_FILES = 4
RECORDS_A_FILE = 100_000


def make(folder: Path, records: int) -> None:
    """Inputs of about 100 bytes a record; of each an output with key and score, and one with the score alone."""
    root = folder / BUCKET
    output = root / PREFIX / RUN / "output" / "1"
    for place in (root / INPUTS, output, root / NOTEBOOK):
        place.mkdir(parents=True)
    files = max(FEWEST_FILES, -(-records // RECORDS_A_FILE))
    objects = []
    for number in range(files):
        first, last = records * number // files, records * (number + 1) // files
        name = f"{number:05}.csv"
        given = root / INPUTS / name
        with (
            given.open("w") as read,
            (output / f"{name}.out").open("w") as joined,
            (root / NOTEBOOK / f"{name}.out").open("w") as alone,
        ):
            for customer, features, score in _records(first, last):
                read.write(f"{customer},{features}\n")
                joined.write(f"{customer},{score}\n")
                alone.write(f"{score}\n")
        size = given.stat().st_size
        objects.append([f"{INPUTS}/{name}", size, etag(size).strip('"')])
    plan = {"run": RUN, "bucket": BUCKET, "objects": objects}
    (root / PREFIX / RUN / "plan.json").write_text(json.dumps(plan))


def tidy(folder: Path) -> None:
    """Leave only what `make` made: a run that is complete already would not be completed again."""
    run = folder / BUCKET / PREFIX / RUN
    for each in run.iterdir():
        if each.is_dir() and each.name != "output":
            shutil.rmtree(each)
        elif each.is_file() and each.name != "plan.json":
            each.unlink()
    for name in ("tables", "predictions"):
        shutil.rmtree(folder / BUCKET / name, ignore_errors=True)


def _records(first: int, last: int) -> Iterator[tuple[str, str, str]]:
    """Customer, features and score; scores as XGBoost's container writes them."""
    draw = random.Random(first)  # noqa: S311
    for number in range(first, last):
        features = ",".join(f"{draw.gauss(100, 15):.4f}" for _ in range(10))
        yield f"c{number:09}", features, f"{draw.random():.17g}"
