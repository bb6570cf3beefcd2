"""The owned engine: what looks at the windows of one monitor, in the user's own account."""

from __future__ import annotations

import aws_cdk as cdk
import constructs
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets

from ..core.code import runtime_archive
from ..core.roles import Permissions
from .engine import MonitorCompute
from .job import MonitorJob
from .prepared import DEFAULT_MEMORY_MB, PreparedMonitor
from .watch import Watch


class OwnedMonitor(PreparedMonitor):
    """One monitor: its function or job, its baseline, its schedule."""

    def __init__(
        self, scope: constructs.Construct, id: str, *, watch: Watch, compute: MonitorCompute
    ) -> None:
        """Look at what is `watch`."""
        super().__init__(scope, id, watch=watch, memory_mb=compute.memory_mb or DEFAULT_MEMORY_MB)
        self.job = self._job(compute)
        """The processing job and its state machine, where the engine runs as one."""
        self.rule = self._schedule()
        """The schedule."""

    def _job(self, compute: MonitorCompute) -> MonitorJob | None:
        if compute.is_function:
            return None
        archive = runtime_archive("monitoring")
        job = MonitorJob(self, "Job", compute=compute, code=archive, results=self.watch.results_uri)
        permissions = Permissions(job.role)
        self._let_look(permissions)
        job.allow(permissions)
        return job

    def _schedule(self) -> events.Rule:
        target: events.IRuleTarget = (
            targets.LambdaFunction(self.function, retry_attempts=2) if self.job is None else self.job.target()
        )
        rule = events.Rule(
            self,
            "Schedule",
            description=f"Monitor {self.watch.monitor.title} of {self.watch.watched}",
            schedule=events.Schedule.rate(cdk.Duration.minutes(self.watch.monitor.every_seconds // 60)),
            targets=[target],
        )
        # The first look finds a baseline.
        rule.node.add_dependency(self.baseline)
        return rule
