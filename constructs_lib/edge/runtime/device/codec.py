"""Requests to arrays, and answers to bytes: JSON, CSV and npy, as the containers of SageMaker take and give them."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import BadRequest
from .predictor import Array, Mapped, Output, Port
from .reading import is_text

JSON, CSV, NPY = "application/json", "text/csv", "application/x-npy"
TYPES = (JSON, CSV, NPY)
_BODIES = (
    '{"instances": [[…], …]}',
    '{"inputs": {"<name>": [[…], …], …}}',
)


def decode(body: bytes, content_type: str, ports: Sequence[Port]) -> dict[str, Array]:
    """The model's inputs, by name, each of its type and shape.

    :param content_type: as the header has it; empty: JSON.
    :raises BadRequest: 415 for another type, 400 for a body that does not fit the model.
    """
    kind, _ = _media(content_type or JSON)
    read = _READERS.get(kind)
    if read is None:
        raise BadRequest(415, f"Content-Type is {content_type}", TYPES)
    return read(body, ports)


def encode(outputs: Mapping[str, Output], accept: str) -> tuple[bytes, str]:
    """The answer, and its content type.

    :param accept: as the header has it; the first type that is known is given, JSON for none.
    :raises BadRequest: 415 if none is, or if the outputs cannot be given so.
    """
    for each in accept.split(",") if accept.strip() else [JSON]:
        kind, parameters = _media(each)
        if kind in (JSON, "*/*", "application/*"):
            return as_json({"outputs": {name: plain(value) for name, value in outputs.items()}}), JSON
        if kind in (CSV, "text/*"):
            return _to_csv(outputs), CSV
        if kind == NPY:
            return _to_npy(outputs, parameters.get("output")), NPY
    raise BadRequest(415, f"Accept is {accept}", TYPES)


def as_json(document: Mapping[str, Any]) -> bytes:
    """A document that `plain` values are in."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode(errors="backslashreplace")


def plain(value: Output) -> Any:
    """An output, or an input, as JSON has it; what is no finite number is null."""
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, Mapped):
        return [dict(zip(map(str, value.classes), row, strict=True)) for row in plain(value.scores)]
    if value.dtype.kind == "f" and not np.isfinite(value).all():
        gaps = value.astype(object)
        gaps[~np.isfinite(value)] = None
        return gaps.tolist()
    return value.tolist()


@lru_cache(maxsize=64)
def _media(header: str) -> tuple[str, dict[str, str]]:
    kind, *rest = header.split(";")
    parameters = (each.partition("=") for each in rest)
    return kind.strip().lower(), {name.strip().lower(): value.strip(' "') for name, _, value in parameters}


# --- in: JSON ---------------------------------------------------------------------------------------------


def _of_json(body: bytes, ports: Sequence[Port]) -> dict[str, Array]:
    try:
        given = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest(400, f"the body is no JSON: {error}", _BODIES) from error
    if not isinstance(given, dict) or ("instances" in given) == ("inputs" in given):
        raise BadRequest(400, "the body has neither instances nor inputs, or both", _BODIES)
    if "inputs" in given:
        return _by_name(given["inputs"], ports)
    instances = given["instances"]
    if not isinstance(instances, list) or not instances:
        raise BadRequest(400, "instances is no list, or an empty one", _BODIES)
    if len(ports) == 1 and not isinstance(instances[0], dict):
        return {ports[0].name: fitted(instances, ports[0])}
    if not all(isinstance(each, dict) for each in instances):
        names = ", ".join(port.name for port in ports)
        raise BadRequest(400, f"the model has the inputs {names}: each instance is an object of them")
    return _by_name({port.name: [each.get(port.name) for each in instances] for port in ports}, ports)


def _by_name(given: object, ports: Sequence[Port]) -> dict[str, Array]:
    names = [port.name for port in ports]
    if not isinstance(given, dict) or set(given) != set(names):
        told = ", ".join(map(str, given)) if isinstance(given, dict) else type(given).__name__
        raise BadRequest(400, f"inputs has {told or 'nothing'}", [f"the model's inputs: {', '.join(names)}"])
    return {port.name: fitted(given[port.name], port) for port in ports}


def fitted(given: object, port: Port) -> Array:
    """Nested lists, or an array, as an array for an input: cast where no value changes its meaning.

    :raises BadRequest: 400; values or shape do not fit.
    """
    try:
        raw: Array = np.asarray(given, dtype=object if port.dtype.kind == "O" else None)
    except (ValueError, OverflowError) as error:
        raise BadRequest(400, f"{port.name} is no regular array: {_first(error)}", [str(port)]) from error
    array = _cast(raw, port)
    # Without a shape, the model itself knows what fits.
    alike = len(array.shape) == len(port.shape) and all(
        wanted is None or wanted == size for wanted, size in zip(port.shape, array.shape, strict=True)
    )
    if port.shape and not alike:
        shape = "×".join(map(str, array.shape)) or "a single value"
        raise BadRequest(400, f"{port.name} has shape {shape}", [str(port)])
    return array


def _cast(raw: Array, port: Port) -> Array:
    dtype, kind = port.dtype, raw.dtype.kind
    if raw.dtype == dtype and kind != "O":
        return raw
    if dtype.kind == "O":
        return _strings(raw, port)
    if kind == "O" and dtype.kind == "f":
        return _with_gaps(raw, port)
    if kind not in "biuf" or (kind == "f" and raw.size == 0 and dtype.kind != "f"):
        raise BadRequest(400, f"{port.name} has values that are no numbers", [str(port)])
    if dtype.kind == "f":
        return _float(raw, port)
    if dtype.kind == "b" or kind == "b":
        if dtype.kind != "b" and kind == "b":
            return raw.astype(dtype)
        if not ((raw == 0) | (raw == 1)).all():
            raise BadRequest(400, f"{port.name} has values that are neither true nor false", [str(port)])
        return raw.astype(dtype)
    return _whole(raw, port)


def _whole(raw: Array, port: Port) -> Array:
    bounds = np.iinfo(port.dtype)
    least, most = raw.min(initial=0), raw.max(initial=0)
    if raw.dtype.kind == "f":
        if not (np.isfinite(raw).all() and (raw == np.floor(raw)).all()):
            raise BadRequest(400, f"{port.name} has values that are no whole numbers", [str(port)])
        # Beyond 2^53 a float does not have each whole number: what it was is lost.
        fits = abs(least) <= 2**53 and abs(most) <= 2**53
    else:
        fits = True
    if not fits or int(least) < bounds.min or int(most) > bounds.max:
        raise BadRequest(400, f"{port.name} has values beyond {bounds.min}…{bounds.max}", [str(port)])
    return raw.astype(port.dtype)


def _with_gaps(raw: Array, port: Port) -> Array:
    """Numbers with nulls among them, which stand for what is not known."""
    if not all(each is None or isinstance(each, (int, float)) for each in raw.flat):
        raise BadRequest(
            400, f"{port.name} has values that are no numbers, or rows of several lengths", [str(port)]
        )
    return _float(raw, port)


def _float(raw: Array, port: Port) -> Array:
    try:
        with np.errstate(over="raise"):
            return raw.astype(port.dtype)
    except (ArithmeticError, TypeError, ValueError) as error:
        raise BadRequest(400, f"{port.name} has a number too large: {_first(error)}", [str(port)]) from error


def _strings(raw: Array, port: Port) -> Array:
    if not all(isinstance(each, str) for each in raw.flat):
        raise BadRequest(
            400, f"{port.name} has values that are no strings, or rows of several lengths", [str(port)]
        )
    if not all(map(is_text, raw.flat)):
        raise BadRequest(
            400, f"{port.name} has a string that is no text: half a character, or none", [str(port)]
        )
    return raw.astype(object)


# --- in: CSV ----------------------------------------------------------------------------------------------


def _of_csv(body: bytes, ports: Sequence[Port]) -> dict[str, Array]:
    """Rows of numbers without a header; the columns are the inputs', in their order."""
    widths = [_width(port) for port in ports]
    try:
        rows = [row for row in csv.reader(io.StringIO(body.decode("utf-8-sig"), newline="")) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadRequest(400, f"the body is no CSV: {_first(error)}") from error
    if not rows:
        raise BadRequest(400, "the body has no row")
    columns = len(rows[0])
    if len(ports) == 1 and widths[0] is None:
        widths = [columns]
    known = [width for width in widths if width is not None]
    if len(known) < len(widths):
        raise BadRequest(415, "the model's inputs are of no fixed width, which CSV needs", [JSON])
    expected = sum(known)
    wrong = next((at for at, row in enumerate(rows, start=1) if len(row) != expected), None)
    if wrong is not None:
        raise BadRequest(400, f"row {wrong} has {len(rows[wrong - 1])} columns", [f"{expected} columns"])
    made, start = {}, 0
    for port, width in zip(ports, known, strict=True):
        part = [row[start : start + width] for row in rows]
        made[port.name] = fitted(_shaped(_values(part, port), port), port)
        start += width
    return made


def _width(port: Port) -> int | None:
    sizes = port.shape[1:]
    return math.prod(size or 0 for size in sizes) if port.shape and None not in sizes else None


def _values(rows: list[list[str]], port: Port) -> Array:
    if port.dtype.kind == "O":
        return np.array(rows, dtype=object)
    try:
        if port.dtype.kind == "f":
            return np.array([[float(each or "nan") for each in row] for row in rows], dtype=np.float64)
        return np.array([[_number(each) for each in row] for row in rows])
    except (ValueError, OverflowError) as error:
        raise BadRequest(
            400, f"the body has a value for {port.name} that is no number: {_first(error)}"
        ) from error


def _number(given: str) -> int | float:
    try:
        return int(given)
    except ValueError:
        return float(given)


def _shaped(array: Array, port: Port) -> Array:
    if len(port.shape) in (0, 2) or None in port.shape[1:]:
        return array
    return array.reshape(len(array), *(size or 0 for size in port.shape[1:]))


# --- in: npy ----------------------------------------------------------------------------------------------


def _of_npy(body: bytes, ports: Sequence[Port]) -> dict[str, Array]:
    if len(ports) != 1:
        raise BadRequest(415, "the model has several inputs, and npy has one array", [JSON])
    array = _npy(body)
    if ports[0].dtype == object and array.dtype.kind == "U":
        array = array.astype(object)
    return {ports[0].name: fitted(array, ports[0])}


def _npy(body: bytes) -> Array:
    """The array in `body`, and not what its header would have allocated."""
    try:
        start = _npy_start(body)
        dtype, shape, in_columns = _npy_header(body[:start])
        rest = len(body) - start
        if math.prod(shape) * dtype.itemsize != rest:
            raise ValueError(f"its header tells of {shape} of {dtype}, and {rest} bytes follow")
        array: Array = np.frombuffer(body, dtype, offset=start)
        array = array.reshape(shape, order="F" if in_columns else "C")
    except (ValueError, TypeError, OverflowError, SyntaxError, RecursionError) as error:
        raise BadRequest(400, f"the body is no npy array: {_first(error)}") from error
    return array.astype(dtype.newbyteorder("="))


def _npy_start(body: bytes) -> int:
    """Where the numbers begin: behind magic, version, and a header of the length that is told there.

    Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
    """
    size = 2 if body[6:7] == b"\x01" else 4
    return 8 + size + int.from_bytes(body[8 : 8 + size], "little")


@lru_cache(maxsize=64)
def _npy_header(header: bytes) -> tuple[np.dtype[Any], tuple[int, ...], bool]:
    """What is told of the numbers. NumPy compiles it as Python, which takes longer than a small model: hence the cache.

    :raises ValueError: it is no header, or of numbers that are not taken.
    """
    file = io.BytesIO(header)
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, in_columns, dtype = read(file)
    if dtype.hasobject or dtype.fields is not None:
        raise ValueError(f"arrays of {dtype} are not taken")
    return dtype, shape, in_columns


# --- out --------------------------------------------------------------------------------------------------


def _to_csv(outputs: Mapping[str, Output]) -> bytes:
    """A row for each record, with the columns of each output in their order."""
    tables = [_table(name, value) for name, value in outputs.items()]
    if len({len(each) for each in tables}) != 1:
        raise BadRequest(415, "the outputs are of several lengths, which CSV cannot have", [JSON])
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(
        [cell for table in tables for cell in table[at]] for at in range(len(tables[0]))
    )
    return written.getvalue().encode()


def _table(name: str, value: Output) -> list[list[Any]]:
    if isinstance(value, list) or (not isinstance(value, Mapped) and not value.ndim):
        raise BadRequest(415, f"{name} has no row for each record, which CSV needs", [JSON])
    array = value.scores if isinstance(value, Mapped) else value
    rows: list[list[Any]] = array.reshape(len(array), -1).tolist() if len(array) else []
    return rows


def _to_npy(outputs: Mapping[str, Output], name: str | None) -> bytes:
    choices = [f"{NPY}; output={each}" for each in outputs]
    if name is None and len(outputs) == 1:
        name = next(iter(outputs))
    if name is None or name not in outputs:
        raise BadRequest(415, "npy has one array: name the output", choices)
    value = outputs[name]
    array: npt.NDArray[Any] | None = value.scores if isinstance(value, Mapped) else None
    if isinstance(value, np.ndarray):
        array = value.astype(np.str_) if value.dtype.kind == "O" else value
    if array is None:
        raise BadRequest(415, f"{name} is a sequence, which npy cannot have", [JSON])
    return _npy_of(array.dtype, array.shape) + array.tobytes()


@lru_cache(maxsize=64)
def _npy_of(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    """The header of an array that is written row by row."""
    written = io.BytesIO()
    told = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(written, told)
    return written.getvalue()


_READERS: Mapping[str, Callable[[bytes, Sequence[Port]], dict[str, Array]]] = {
    JSON: _of_json,
    CSV: _of_csv,
    NPY: _of_npy,
}


def _first(error: Exception) -> str:
    lines: Iterable[str] = str(error).splitlines()
    return next(iter(lines), type(error).__name__)[:200]
