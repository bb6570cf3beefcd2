"""The metrics of a look: one namespace, one set of dimensions."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from .result import JUDGED, UNREADABLE

NAMESPACE = "ConstructsLib/Monitoring"
_MOST_A_CALL = 500
_LONGEST_NAME = 255
_LARGEST = 2.0**360
"""CloudWatch refuses larger values, and with one of them all of the call."""


def values_of(result: Mapping[str, Any]) -> dict[str, float]:
    """The metrics of a result by name.

    ``Violations`` only where the window was judged: a look at too few records says neither yes nor no.
    """
    judged = result["status"] in JUDGED
    features = result.get("features", {}).values()
    distances = [feature.get("distance") for feature in features if not feature.get("ignored")]
    told = {
        **result.get("values", {}),
        "Heartbeat": None if result["status"] == UNREADABLE else 1,
        "Records": result["records"],
        "Unread": result["unread"],
        "Skipped": 0 if judged else 1,
        "Violations": result["violations"] if judged else None,
        "LargestDistance": max(_numbers(distances), default=None) if judged else None,
    }
    return {name: number for name, value in told.items() for number in _numbers([value])}


def _numbers(values: Iterable[Any]) -> Iterator[float]:
    """Those that CloudWatch takes."""
    for value in values:
        if isinstance(value, int | float) and abs(value) <= _LARGEST:
            yield float(value)


def metric_name(name: str) -> str:
    """The name as CloudWatch takes it: 1–255 printable characters of ASCII. Other characters are told by their number.

    ``DPL.sex.ü`` is ``DPL.sex.\\xfc``: two names stay two.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
    """
    plain = "".join(
        each if each.isprintable() else f"\\x{ord(each):02x}"
        for each in name.encode("ascii", "backslashreplace").decode()
    )
    if len(plain) <= _LONGEST_NAME:
        return plain
    return f"{plain[: _LONGEST_NAME - 9]}-{zlib.crc32(plain.encode()):08x}"


def put(cloudwatch: Any, result: Mapping[str, Any], at: float) -> None:
    """Tell CloudWatch, as of the time `at` of the look: the window itself may be over for days."""
    _put(cloudwatch, result["endpoint"], result["monitor"], values_of(result), at)


def put_heartbeat(cloudwatch: Any, endpoint: str, monitor: str, at: float) -> None:
    """A sign of life before the first look."""
    _put(cloudwatch, endpoint, monitor, {"Heartbeat": 1.0}, at)


def _put(cloudwatch: Any, endpoint: str, monitor: str, values: Mapping[str, float], at: float) -> None:
    dimensions = [{"Name": "Endpoint", "Value": endpoint}, {"Name": "Monitor", "Value": monitor}]
    when = datetime.fromtimestamp(at, UTC)
    data = [
        {"MetricName": metric_name(name), "Dimensions": dimensions, "Timestamp": when, "Value": value}
        for name, value in values.items()
    ]
    for batch in _batches(data):
        cloudwatch.put_metric_data(Namespace=NAMESPACE, MetricData=batch)


def _batches(data: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(data), _MOST_A_CALL):
        yield data[start : start + _MOST_A_CALL]
