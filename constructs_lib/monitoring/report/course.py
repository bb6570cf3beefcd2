"""The course of time: what the windows before this one have found, as far as their results tell."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any, cast, get_args

from ...pages.formats import thinned
from .findings import Course, Kind, Past, Status
from .place import WINDOW, Folder, Place, ReportError, json_of, windows
from .told import mapping, moment, number, text

MOST_DAYS = 92
MOST_WINDOWS = 400
"""More than a picture can show; of more, every so many is read."""
_AT_ONCE = 8


def course_of(place: Place, days: int, kind: Kind, limits: Mapping[str, tuple[float, bool]]) -> Course:
    """The windows of so many days, up to that at `place`.

    :param limits: of metrics, the threshold and whether it must not be risen above; features bring their own.
    :raises ReportError: the folder does not tell which window it is.
    """
    path = place.path.absolute().as_posix() if isinstance(place, Folder) else place.text
    named = WINDOW.search(path)
    try:
        last = None if named is None else date(*(int(part) for part in named.groups()[:3]))
    except ValueError:
        last = None
    if named is None or last is None:
        raise ReportError(
            f"--days needs a folder that lies where the monitor has written it, …/yyyy/mm/dd/hhmm: not {place.text}"
        )
    prefix = place.above(4)
    among = [f"{last - timedelta(days=before):%Y/%m/%d}" for before in reversed(range(days))]
    own = "/".join(path.rstrip("/").split("/")[-4:])
    known = [each for each in windows(prefix, among) if each <= own]
    chosen = thinned(known, MOST_WINDOWS)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        past = pool.map(lambda path: _past(prefix.within(path), kind, limits), chosen)
        read = [each for each in past if each is not None]
    return Course(
        days=days,
        windows=tuple(sorted(read, key=lambda each: each.at)),
        limits=limits,
        left_out=len(known) - len(read),
    )


def _past(place: Place, kind: Kind, limits: Mapping[str, tuple[float, bool]]) -> Past | None:
    """A window; None: its result is not there, or nothing that can be read."""
    try:
        result = json_of(place, "result.json")
    except ReportError:
        return None
    if result is None:
        return None
    window, status = mapping(result.get("window")), text(result.get("status"))
    at = moment(window.get("end")) or moment(window.get("start"))
    if at is None or status not in get_args(Status):
        return None
    if kind == "data_quality":
        features = {name: mapping(each) for name, each in mapping(result.get("features")).items()}
        values = _numbers({name: each.get("distance") for name, each in features.items()})
        beyond = {name for name, each in features.items() if each.get("drifted") is True}
    else:
        values = _numbers(mapping(result.get("values")))
        beyond = {name for name, value in values.items() if _is_beyond(value, limits.get(name))}
    return Past(at=at, status=cast(Status, status), values=values, beyond=frozenset(beyond))


def _numbers(given: Mapping[str, Any]) -> dict[str, float]:
    pairs = {name: number(value) for name, value in given.items()}
    return {name: value for name, value in pairs.items() if value is not None}


def _is_beyond(value: float, limit: tuple[float, bool] | None) -> bool:
    if limit is None:
        return False
    threshold, rises = limit
    return value > threshold if rises else value < threshold
