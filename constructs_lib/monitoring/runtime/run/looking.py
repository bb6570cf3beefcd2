"""Looks at windows: reads what was captured, compares it with the baseline, writes and tells what is found.

A result is written last, after CloudWatch and EventBridge were told: a look that is killed in between is done
again, and tells the same things twice, which alarms on maxima do not mind. A window with a result is done.
"""

from __future__ import annotations

import logging
from typing import Any

import boto3

from ....core.runtime.windows import Window, iso, seconds, window_at, windows_due
from ..kinds.registry import KINDS
from ..reading.source import Source
from .announce import announce
from .description import Description
from .files import CONSTRAINTS, RESULT, SINCE, STATISTICS, VIOLATIONS, Files, baseline_files
from .metrics import put
from .result import JUDGED, NO_BASELINE, Found, status_of, text_of

log = logging.getLogger()

MOST_LOOKS = 24
"""Windows that a look makes up for, where those before it failed."""
_DAY = 86_400


class LookError(Exception):
    """A window cannot be judged."""


class Looker:
    """The looks of one monitor."""

    def __init__(self, monitor: Description) -> None:
        """Look for `monitor`."""
        self._monitor = monitor
        self._files = Files(monitor.results)
        self._baseline = baseline_files(monitor)

    def all_due(self, at: float) -> list[dict[str, Any]]:
        """Look at all windows that are due at a time and not done, the oldest first; what was found."""
        monitor = self._monitor
        looks = int(max(2, min(MOST_LOOKS, _DAY // monitor.every)))
        due = windows_due(at, monitor.every, monitor.due_after, looks)
        done = [self._files.read(window.folder, RESULT) is not None for window in due]
        # What ended before the monitor was there, and before what it has looked at, is none of its windows.
        told = self._files.read(SINCE)
        since = at if told is None else seconds(told["since"])
        is_own = [is_done or window.end > since for window, is_done in zip(due, done, strict=True)]
        first = is_own.index(True) if True in is_own else len(due) - 1
        todo = [window for window, is_done in zip(due[first:], done[first:], strict=True) if not is_done]
        return [self._look(window, at, over=True) for window in todo]

    def once_more(self, within: float, now: float) -> dict[str, Any]:
        """Look at the window that a time lies in, whether it is done or not, or over or not."""
        window = window_at(within, self._monitor.every)
        return self._look(window, now, over=window.end + self._monitor.due_after <= now)

    def _look(self, window: Window, at: float, *, over: bool) -> dict[str, Any]:
        folder = window.folder if over else f"so-far/{window.folder}"
        found = self._found(window)
        result = _result(self._monitor, window, found)
        if found is not None:
            self._files.write(folder, STATISTICS, value=found.statistics)
            if result["status"] in JUDGED:
                self._files.write(folder, VIOLATIONS, value={"violations": list(found.violations)})
        if over:
            put(boto3.client("cloudwatch"), result, at)
            announce(boto3.client("events"), result)
        self._files.write(folder, RESULT, value=result)
        log.info("%s %s: %s", self._monitor.name, folder, result["text"])
        return result

    def _found(self, window: Window) -> Found | None:
        """None without a baseline."""
        if CONSTRAINTS not in self._baseline:
            return None
        source = Source.of(self._monitor, window)
        try:
            return KINDS[self._monitor.kind].look(self._monitor, self._baseline, source)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            # Somebody may have edited the baseline's files by hand: say which these are.
            place = self._monitor.baseline_place.uri()
            raise LookError(
                f"{window.folder} by the baseline in {place}: {type(error).__name__}: {error}"
            ) from error


def _result(monitor: Description, window: Window, found: Found | None) -> dict[str, Any]:
    status = NO_BASELINE if found is None else status_of(found, monitor.least)
    result: dict[str, Any] = {
        "monitor": monitor.name,
        "kind": monitor.kind,
        "endpoint": monitor.endpoint,
        "engine": "owned",
        "window": {"start": iso(window.start), "end": iso(window.end)},
        "baseline": f"{monitor.baseline_place.uri()}/",
        "status": status,
        "records": 0,
        "unread": 0,
        "violations": 0,
        "text": "there is no baseline yet",
    }
    if found is None:
        return result
    return {
        **result,
        "records": found.records,
        "unread": found.unread,
        "violations": len(found.violations) if status in JUDGED else 0,
        "values": dict(found.values),
        "features": {name: dict(told) for name, told in found.features.items()},
        "notes": dict(found.notes),
        "text": text_of(status, found, monitor.least),
    }
