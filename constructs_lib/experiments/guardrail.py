"""Guardrails: alarms that take the traffic away from a variant, whatever it earns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from ..core.checks import latency, number, text
from ..core.limits import NAME_ALLOWED, NAME_PATTERN
from ..core.rules import Broken, Rules
from .known_now import KNOWN_NOW, fields_known_now

_KOHAVI = "https://doi.org/10.1017/9781108653985"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guardrail:
    """What a variant must keep to: make one with `Guardrail.errors(…)`, `.latency(…)` or `.alarm(…)`.

    A variant that trips one gets no traffic until a person lets it back in, or the experiment changes: the
    alarm of a variant without traffic goes back to OK by itself, which says nothing.
    """

    percent: float | None = None
    p99: cdk.Duration | None = None
    own_alarm: cloudwatch.IAlarm | None = None
    variant: str | None = None

    def __post_init__(self) -> None:
        """Check."""
        guardrail_rules.enforce(self, path="Guardrail")

    @staticmethod
    def errors(*, percent: float, variant: str | None = None) -> Guardrail:
        """An alarm on the share of 5xx answers of each variant, over a minute.

        :param percent: above 0 and at most 100; above it, it trips.
        :param variant: only of this one. Default: of each but the control, the first.
        :raises ConstraintError: SM-GUARDRAIL-001.
        """
        return Guardrail(percent=percent, variant=variant)

    @staticmethod
    def latency(*, p99: cdk.Duration, variant: str | None = None) -> Guardrail:
        """An alarm on the 99th percentile of the model latency of each variant, over a minute.

        :param p99: 1 millisecond – 60 seconds, above which it trips.
        :param variant: only of this one. Default: of each but the control, the first.
        :raises ConstraintError: SM-GUARDRAIL-001.
        """
        return Guardrail(p99=p99, variant=variant)

    @staticmethod
    def alarm(alarm: cloudwatch.IAlarm, *, variant: str | None = None) -> Guardrail:
        """An alarm of yours, on whatever must not get worse.

        :param variant: the one that loses its traffic. Default: each but the control, the first.
        """
        return Guardrail(own_alarm=alarm, variant=variant)


guardrail_rules = Rules[Guardrail]()
guardrail_rules.add(KNOWN_NOW, fields_known_now)


@guardrail_rules.rule("SM-GUARDRAIL-001", source=_KOHAVI)
def guards_one_thing(guardrail: Guardrail) -> Iterator[Broken]:
    """A guardrail is an alarm, a share of errors above 0 and at most 100 %, or a latency of at most 60 seconds."""
    given = [guardrail.percent, guardrail.p99, guardrail.own_alarm]
    if sum(each is not None for each in given) != 1:
        yield Broken(
            "percent, p99, own_alarm", given, "exactly one", "Guardrail.errors(…), .latency(…), .alarm(…)"
        )
    yield from number("percent", guardrail.percent, 0, 100, above=True)
    yield from latency("p99", guardrail.p99)
    yield from text("variant", guardrail.variant, NAME_PATTERN, f"None, or {NAME_ALLOWED}")
