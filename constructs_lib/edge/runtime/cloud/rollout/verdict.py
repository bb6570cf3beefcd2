"""Whether a group has got a version, or never will: from what its job counts and what its devices say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Outcome(Enum):
    """What comes next."""

    WAIT = "wait"
    GOOD = "good"
    BAD = "bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """An outcome, and why."""

    outcome: Outcome
    reason: str

    def told(self) -> dict[str, str]:
        """As the state machine takes it."""
        return {"outcome": self.outcome.value, "reason": self.reason}


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Devices of a group, by what became of a deployment on each."""

    queued: int = 0
    in_progress: int = 0
    succeeded: int = 0
    failed: int = 0
    """Failed, timed out or refused it."""
    told: int = 0
    """Devices that have been told of it, whatever became of it."""
    rejected: Mapping[str, str] = field(default_factory=dict)
    """Devices on which it was deployed, and whose shadow says that the model does not serve: the reason by name."""

    @classmethod
    def of(cls, details: Mapping[str, Any], rejected: Mapping[str, str]) -> Counts:
        """Of a job's ``jobProcessDetails``. What was cancelled or has left the group counts nowhere.

        Source: https://docs.aws.amazon.com/iot/latest/apireference/API_JobProcessDetails.html
        """

        def number(*names: str) -> int:
            return sum(int(details.get(f"numberOf{name}Things", 0)) for name in names)

        return cls(
            queued=number("Queued"),
            in_progress=number("InProgress"),
            succeeded=number("Succeeded"),
            failed=number("Failed", "TimedOut", "Rejected"),
            told=number("Queued", "InProgress", "Succeeded", "Failed", "TimedOut", "Rejected", "Canceled"),
            rejected=dict(rejected),
        )

    @property
    def good(self) -> int:
        """Devices that serve the version."""
        return max(0, self.succeeded - len(self.rejected))

    @property
    def bad(self) -> int:
        """Devices that do not, and will not."""
        return self.failed + min(self.succeeded, len(self.rejected))

    @property
    def open(self) -> int:
        """Devices that have not answered."""
        return self.queued + self.in_progress

    def __str__(self) -> str:
        return self.text("serve it")

    def text(self, good: str) -> str:
        """For people, who are told that devices `good`."""
        text = f"{self.good} {good}, {self.bad} failed, {self.open} have not answered"
        if self.rejected:
            name, reason = min(self.rejected.items())
            text += f"; {name} says: {reason}"
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """When a group is given up, and when it is done."""

    abort_percent: float
    abort_min_devices: int
    min_devices: int
    """That must serve the version."""
    timeout_seconds: int


def judge(
    counts: Counts, bounds: Bounds, *, waited: float, cancelled: bool, spreading: bool = False
) -> Verdict:
    """What a look at a group says.

    :param waited: seconds since the deployment was made.
    :param cancelled: whether it was: by its abort threshold, or by somebody.
    :param spreading: whether there are devices that have not been told yet: so many a minute are.
    """
    answered = counts.open == 0 and not spreading
    if cancelled:
        return Verdict(outcome=Outcome.BAD, reason=f"the deployment was cancelled: {counts}")
    if _too_many(counts, bounds):
        return Verdict(outcome=Outcome.BAD, reason=f"too many devices failed: {counts}")
    if answered and counts.good >= bounds.min_devices:
        return Verdict(outcome=Outcome.GOOD, reason=str(counts))
    if answered and counts.bad:
        return Verdict(outcome=Outcome.BAD, reason=f"fewer than {bounds.min_devices} serve it: {counts}")
    if waited < bounds.timeout_seconds:
        return Verdict(outcome=Outcome.WAIT, reason=str(counts))
    # The time is over. Devices that are offline get it when they are back; enough others have shown that it serves.
    if counts.good >= bounds.min_devices:
        return Verdict(outcome=Outcome.GOOD, reason=f"not all have answered in time: {counts}")
    return Verdict(outcome=Outcome.BAD, reason=f"fewer than {bounds.min_devices} serve it in time: {counts}")


def judge_back(counts: Counts, bounds: Bounds, *, waited: float, cancelled: bool, spreading: bool) -> Verdict:
    """What a look at a group says that goes back: whether it has, or has had the time for it.

    Devices that are offline go back when they are there again: that they have not answered is told, and no failure.
    """
    told = counts.text("went back")
    if cancelled:
        return Verdict(outcome=Outcome.BAD, reason=f"the deployment was cancelled: {told}")
    settled = counts.open == 0 and not spreading and counts.good + counts.bad >= bounds.min_devices
    if not settled and waited < bounds.timeout_seconds:
        return Verdict(outcome=Outcome.WAIT, reason=told)
    return Verdict(outcome=Outcome.BAD if _too_many(counts, bounds) else Outcome.GOOD, reason=told)


def _too_many(counts: Counts, bounds: Bounds) -> bool:
    """Whether as many failed as make a group be given up, of those that have answered or are still to."""
    answered = counts.good + counts.bad
    everybody = answered + counts.open
    enough = answered >= bounds.abort_min_devices
    return bool(counts.bad) and enough and counts.bad * 100 >= bounds.abort_percent * everybody


def judge_soak(
    *, alarms: Sequence[str], rejected: Mapping[str, str], soaked: float, soak_seconds: int
) -> Verdict:
    """What a look at the canary says, while it runs the version.

    :param alarms: those in alarm.
    :param rejected: devices whose shadow says that the model does not serve (any more): the reason by name.
    :param soaked: seconds since it was deployed to all of the canary.
    """
    if alarms:
        return Verdict(outcome=Outcome.BAD, reason=f"in alarm: {', '.join(alarms)}")
    if rejected:
        name, reason = min(rejected.items())
        return Verdict(
            outcome=Outcome.BAD, reason=f"{len(rejected)} devices do not serve it: {name} says: {reason}"
        )
    if soaked < soak_seconds:
        return Verdict(
            outcome=Outcome.WAIT, reason=f"{soaked:.0f} of {soak_seconds} seconds without an alarm"
        )
    return Verdict(outcome=Outcome.GOOD, reason=f"{soak_seconds} seconds without an alarm")
