"""When Model Monitor runs a job, and of which time: the few cron expressions and durations that it takes.

A job begins up to 20 minutes after its time.
Source: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-schedule-expression.html
"""

from __future__ import annotations

import re

HOURLY = "cron(0 * ? * * *)"

_CRON = re.compile(r"cron\(0 (?P<start>\*|[01]?\d|2[0-3])(?:/(?P<step>0?[1-9]|1\d|2[0-4]))? \? \* \* \*\)")
_OFFSET = re.compile(r"-?P(?:(?P<days>\d{1,3})D|T(?P<hours>\d{1,4})H|T(?P<minutes>\d{1,6})M)")
_HOUR, _DAY = 3600, 86_400


def daily(hour: int) -> str:
    """Every day at `hour`, 0–23 UTC."""
    return f"cron(0 {hour} ? * * *)"


def every(hours: int, *, starting: int = 0) -> str:
    """Every `hours` (1–24) of a day from the hour `starting` (0–23 UTC) on."""
    return f"cron(0 {starting}/{hours} ? * * *)"


def period_seconds(schedule: str) -> int | None:
    """The time between two jobs; None for what Model Monitor does not take.

    After the last job of a day the next is the first of the next day, and then the time may be another.
    """
    match = _CRON.fullmatch(schedule)
    if match is None or (match["start"] == "*" and match["step"] is not None):
        return None
    if match["step"] is not None:
        return int(match["step"]) * _HOUR
    return _HOUR if match["start"] == "*" else _DAY


def offset(seconds: int) -> str:
    """`seconds` (whole minutes) before the time of the job, as the offset of a window: ``-PT2H``."""
    minutes = seconds // 60
    return f"-PT{minutes // 60}H" if minutes % 60 == 0 else f"-PT{minutes}M"


def offset_seconds(given: str) -> int | None:
    """How long before the time of the job; None for what is no offset of days, of hours or of minutes.

    Model Monitor subtracts offsets with a sign or without.
    """
    match = _OFFSET.fullmatch(given)
    if match is None:
        return None
    lengths = {"days": _DAY, "hours": _HOUR, "minutes": 60}
    return sum(int(match[unit]) * length for unit, length in lengths.items() if match[unit] is not None)
