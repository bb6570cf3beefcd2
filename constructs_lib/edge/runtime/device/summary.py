"""What a device counts, and tells each minute: few numbers, of every inference, whatever the share of results sent."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

MOST_BUCKETS = 100
"""Of latencies in a summary; CloudWatch takes 150 values with their counts at once."""
_WIDTH = math.log(1.1)
_FASTEST_MS, _SLOWEST_MS = 0.001, 3_600_000.0


@dataclass(slots=True)
class _Window:
    inferences: int = 0
    errors: int = 0
    fallbacks: int = 0
    swaps: int = 0
    rejected_models: int = 0
    latency: dict[int, int] = field(default_factory=dict)


class Counts:
    """Counts of inferences since they were last taken. Safe to use from several threads, and cheap."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin to count; `clock` measures how long it was (the time of day may jump)."""
        self._clock = clock
        self._since = clock()
        self._lock = threading.Lock()
        self._window = _Window()

    def inference(self, *, latency_ms: float, ok: bool) -> None:
        """One was answered. The latency of those that failed is not counted: it would make a model look fast."""
        bucket = _bucket(latency_ms)
        with self._lock:
            self._window.inferences += 1
            if ok:
                self._window.latency[bucket] = self._window.latency.get(bucket, 0) + 1
            else:
                self._window.errors += 1

    def fallback(self) -> None:
        """The last good model serves instead of the one that was wanted."""
        with self._lock:
            self._window.fallbacks += 1

    def swap(self) -> None:
        """Another model serves."""
        with self._lock:
            self._window.swaps += 1

    def rejected_model(self) -> None:
        """A model was found not fit to serve."""
        with self._lock:
            self._window.rejected_models += 1

    def take(self, now: float) -> dict[str, Any]:
        """The numbers of a summary document, which begin anew; `now` is the time in seconds since 1970."""
        ended = self._clock()
        with self._lock:
            window, self._window = self._window, _Window()
            seconds, self._since = ended - self._since, ended
        values, counts = _histogram(window.latency)
        return {
            "at": int(now * 1000),
            "window_seconds": round(seconds, 3),
            "inferences": window.inferences,
            "errors": window.errors,
            "fallbacks": window.fallbacks,
            "latency": {"values": values, "counts": counts},
            "swaps": window.swaps,
            "rejected_models": window.rejected_models,
        }


def _bucket(latency_ms: float) -> int:
    """Each bucket ends 10 % above where it begins."""
    known = _FASTEST_MS if math.isnan(latency_ms) else min(max(latency_ms, _FASTEST_MS), _SLOWEST_MS)
    return math.floor(math.log(known) / _WIDTH)


def _histogram(latency: dict[int, int]) -> tuple[list[float], list[int]]:
    """Middles of buckets, and counts; where there are too many, the faster half is put together in pairs."""
    ordered = sorted(latency.items())
    while len(ordered) > MOST_BUCKETS:
        fast = min(2 * (len(ordered) - MOST_BUCKETS), len(ordered) // 4 * 2)
        pairs = zip(ordered[0:fast:2], ordered[1:fast:2], strict=True)
        ordered = [*((slower, few + more) for (_, few), (slower, more) in pairs), *ordered[fast:]]
    values = [float(f"{math.exp((bucket + 0.5) * _WIDTH):.4g}") for bucket, _ in ordered]
    return values, [count for _, count in ordered]
