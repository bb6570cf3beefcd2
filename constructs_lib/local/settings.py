"""What a person may turn on the embedded AWS, read once from the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

_PREFIX = "CONSTRUCTS_LOCAL_"
_MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The knobs of the emulator; each is the environment variable CONSTRUCTS_LOCAL_<NAME>.

    `time_scale` and `max_wait` turn AWS's waits (baking, traffic shifting: minutes) into
    fractions of a second: a wait of `n` seconds lasts `min(n * time_scale, max_wait)`.
    `serverless_idle` is such a wait. The time to live of asynchronous requests is apart
    (`request_ttl_scale`): models answer in real time, and a backlog would expire before its turn. So are
    the rates of EventBridge's rules and schedules (`schedule_scale`): what they call measures in real time; and the
    minutes of IoT's jobs (`job_minute`, in seconds), which devices work through in real time.
    """

    time_scale: float = 0.002
    max_wait: float = 3.0
    update_delay: float = 0.5
    startup_timeout: float = 60.0
    request_timeout: float = 60.0
    max_workers: int = 16
    worker_memory_mb: int = 1536
    multi_model_memory_mb: int = 512
    max_model_mb: int = 2048
    capture_interval: float = 1.0
    metrics_interval: float = 1.0
    utilization_interval: float = 5.0
    alarm_period_cap: float = 0.0
    serverless_idle: float = 900.0
    request_ttl_scale: float = 1.0
    schedule_scale: float = 1.0
    job_minute: float = 60.0

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Settings:
        """Read the settings; a value that is no number or is negative is a ValueError naming it."""
        given: dict[str, float | int] = {}
        for name, field in cls.__dataclass_fields__.items():
            text = environ.get(_PREFIX + name.upper())
            if text is not None:
                given[name] = _number(_PREFIX + name.upper(), text, whole=field.type == "int")
        return cls(**given)  # type: ignore[arg-type]  # whole numbers went to the int fields

    def wait(self, real_seconds: float) -> float:
        """How long a wait that lasts `real_seconds` on AWS lasts here."""
        return min(real_seconds * self.time_scale, self.max_wait)

    @property
    def worker_memory_bytes(self) -> int:
        """The address space that one model process may take."""
        return self.worker_memory_mb * _MEBIBYTE

    @property
    def multi_model_memory_bytes(self) -> int:
        """The memory that the models of one instance of a multi-model endpoint may take together."""
        return self.multi_model_memory_mb * _MEBIBYTE

    @property
    def max_model_bytes(self) -> int:
        """The most that one model archive may unpack to."""
        return self.max_model_mb * _MEBIBYTE


def _number(name: str, text: str, *, whole: bool) -> float | int:
    try:
        value: float | int = int(text) if whole else float(text)
    except ValueError:
        raise ValueError(f"{name} must be a number, not {text!r}") from None
    if not 0 <= value < float("inf"):
        raise ValueError(f"{name} must be 0 or more, not {text!r}")
    return value


_current: list[Settings] = []


def settings() -> Settings:
    """The settings of this process, read on first use."""
    if not _current:
        _current.append(Settings.from_environment(os.environ))
    return _current[0]
