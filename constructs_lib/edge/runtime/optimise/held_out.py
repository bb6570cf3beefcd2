"""The held-out set: records that the model has not seen, and what is right for each."""

from __future__ import annotations

import csv
import hashlib
import io
import math
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import BadHeldOut
from .options import Options

Array = npt.NDArray[Any]
X, Y = "X", "y"
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """Records with their labels."""

    inputs: Mapping[str, Array]
    """By the name of the model's input; ``X`` where there is but one, or where it comes from a CSV file."""
    labels: Array
    """Texts or numbers, as they were given."""
    features: tuple[str, ...] | None
    """The columns, where it comes from a CSV file."""
    digest: str
    """SHA-256 of the file."""

    @property
    def rows(self) -> int:
        """How many records."""
        return len(self.labels)


def read_held_out(path: Path, options: Options) -> HeldOut:
    """The set at `path`.

    :raises BadHeldOut: it cannot be read, or says nothing about a model.
    """
    content = path.read_bytes()
    if path.suffix == ".npz" or content.startswith(b"PK\x03\x04"):
        inputs, labels, features = *_of_npz(content, path.name), None
    else:
        inputs, labels, features = _of_csv(content, path.name, options)
    found = HeldOut(
        inputs=inputs, labels=labels, features=features, digest=hashlib.sha256(content).hexdigest()
    )
    _refuse_useless(found, options)
    return found


# --- CSV -----------------------------------------------------------------------------------------------------


def _of_csv(content: bytes, name: str, options: Options) -> tuple[dict[str, Array], Array, tuple[str, ...]]:
    try:
        rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadHeldOut(f"{name} is no CSV file in UTF-8 ({error})") from error
    rows = [row for row in rows if row]
    if not rows:
        raise BadHeldOut(f"{name} is empty")
    header, *records = rows
    label, features = _columns(header, options)
    for number, row in enumerate(records, start=1):
        if len(row) != len(header):
            raise BadHeldOut(f"record {number} has {len(row)} fields, and the header {len(header)}")
    values = [
        [_number(row[at], number, header[at], options) for at in features]
        for number, row in enumerate(records, start=1)
    ]
    shape = (len(records), len(features))
    inputs = {X: np.asarray(values, dtype=np.float64).reshape(shape)}
    labels = np.asarray([row[label] for row in records], dtype=np.str_)
    return inputs, labels, tuple(header[at] for at in features)


def _columns(header: Sequence[str], options: Options) -> tuple[int, list[int]]:
    """Where the label is, and where the features are."""
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise BadHeldOut(f"the header has more than one column {twice[0]!r}")
    missing = [name for name in (options.label, *options.ignore) if name not in header]
    if missing:
        raise BadHeldOut(f"there is no column {missing[0]!r}: the header has {_named(header)}")
    features = [at for at, name in enumerate(header) if name != options.label and name not in options.ignore]
    if not features:
        raise BadHeldOut("there is no column beside the label: the features are missing")
    return list(header).index(options.label), features


def _number(text: str, number: int, column: str, options: Options) -> float:
    if not text.strip() and options.allow_missing:
        return math.nan
    try:
        return float(text)
    except ValueError as error:
        fix = "ignore the column, or turn it into numbers as it was for training"
        told = f"{text[:40]!r} is no number" if text.strip() else "it is empty"
        raise BadHeldOut(f"record {number}, column {column!r}: {told}; {fix}") from error


# --- npz -----------------------------------------------------------------------------------------------------


def _of_npz(content: bytes, name: str) -> tuple[dict[str, Array], Array]:
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, KeyError) as error:
        raise BadHeldOut(f"{name} is no npz file of plain arrays ({error})") from error
    if Y not in arrays or len(arrays) < 2:
        wanted = f"{Y} with the labels, and {X} or one array for each input of the model, by its name"
        raise BadHeldOut(f"{name} has {_named(sorted(arrays))}, and not {wanted}")
    labels = arrays.pop(Y)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1 or labels.dtype.kind not in "biufU":
        raise BadHeldOut(
            f"{Y} is {labels.dtype} of shape {labels.shape}, and not one number or text a record"
        )
    for key, array in arrays.items():
        if array.dtype.kind not in "biufU" or array.ndim < 1 or len(array) != len(labels):
            raise BadHeldOut(
                f"{key} is {array.dtype} of shape {array.shape}, and not one record for each of {len(labels)} labels"
            )
    return arrays, labels


# --- what tells nothing --------------------------------------------------------------------------------------


def _refuse_useless(found: HeldOut, options: Options) -> None:
    if not found.rows:
        raise BadHeldOut("there is no record, so that nothing can be compared")
    for name, array in found.inputs.items():
        if array.dtype.kind == "f" and not options.allow_missing:
            _refuse_missing(name, array, found.features)
    if options.classifies:
        _refuse_missing_labels(found.labels)
        if len(np.unique(found.labels)) < 2:
            raise BadHeldOut(f"all {found.rows} labels are {_one(found.labels)!r}: no drop could be seen")


def _refuse_missing(name: str, array: Array, features: tuple[str, ...] | None) -> None:
    wrong = ~np.isfinite(array)
    if not wrong.any():
        return
    where = name
    if array.ndim == 2:
        columns = np.flatnonzero(wrong.any(axis=0))
        where = _named([str(at) if features is None else features[at] for at in columns])
    count = int(wrong.reshape(len(array), -1).any(axis=1).sum())
    fix = "mend them, or allow missing values if the model takes them"
    raise BadHeldOut(f"{count} records have NaN or infinity in {where}: {fix}")


def _refuse_missing_labels(labels: Array) -> None:
    missing = np.char.strip(labels) == "" if labels.dtype.kind == "U" else np.isnan(labels.astype(float))
    if missing.any():
        raise BadHeldOut(
            f"{int(missing.sum())} records have no label, the first of them record {_first(missing)}"
        )


def numbers(labels: Array) -> npt.NDArray[np.float64]:
    """Labels that are numbers, not classes.

    :raises BadHeldOut: they are none, or all the same.
    """
    try:
        found = labels.astype(np.float64)
    except ValueError as error:
        raise BadHeldOut(f"a label is no number ({error})") from error
    wrong = ~np.isfinite(found)
    if wrong.any():
        raise BadHeldOut(
            f"{int(wrong.sum())} labels are NaN or infinite, the first of record {_first(wrong)}"
        )
    if np.ptp(found) == 0:
        raise BadHeldOut(f"all {len(found)} labels are {found[0]:g}: no drop could be seen")
    return found


def _first(mask: Array) -> int:
    return int(np.flatnonzero(mask)[0]) + 1


def _one(labels: Array) -> str:
    return str(labels[0])


def _named(names: Sequence[str]) -> str:
    told = ", ".join(repr(str(name)) for name in names[:_MOST_NAMED])
    return f"{told} and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else told or "nothing"
