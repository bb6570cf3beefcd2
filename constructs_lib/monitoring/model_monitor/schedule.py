"""ModelMonitorSchedule: a monitor that SageMaker's Model Monitor runs."""

from __future__ import annotations

from collections.abc import Sequence

import constructs
from aws_cdk import aws_sagemaker as sagemaker

from ...core.naming import physical_name
from ...core.place import construct_path, note_place
from ...core.roles import Permissions, execution_role
from ...model.network import bound_network
from .analysis import AnalysisConfig, analysis_of
from .definition import make_definition
from .images import image_of
from .job import ModelMonitorJob
from .permissions import allow_job
from .relay import ModelMonitorRelay
from .rules import CLOSED, job_rules

_Schedule = sagemaker.CfnMonitoringSchedule


class ModelMonitorSchedule(constructs.Construct):
    """The role, the job definition, the schedule, and the relay of its results into this library's.

    Model Monitor takes no new customers since 2026-07-30, which a warning says (SM-MODELMONITOR-101). What the
    role must be allowed to do is inferred.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor.html
    """

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        job: ModelMonitorJob,
        after: Sequence[constructs.IDependable] = (),
    ) -> None:
        """Monitor what `job` describes.

        :param after: what is there before the definition: the endpoint, and what writes the baseline.
        :raises ConstraintError: SM-MODELMONITOR-003 … -011.
        """
        job_rules.enforce(job, path=lambda: construct_path(scope, id))
        super().__init__(scope, id)
        note_place(self, scope, id)
        CLOSED.warn(
            self,
            "Model Monitor and Clarify take no new customers since 2026-07-30: in an account that has not used them "
            "before, the deployment fails. The library's own engine needs neither",
        )
        self.job = job
        """What is monitored."""
        self.schedule_name = physical_name(self)
        """The name of the schedule, under which the console lists it."""
        self.role = (
            job.role if job.role is not None else execution_role(self, does="Runs the monitoring jobs of")
        )
        """Runs the jobs."""
        permissions = Permissions(self.role)
        image_uri = image_of(self, job.kind, permissions)
        network = bound_network(self, job)
        self.connections = None if network is None else network.connections
        """What the jobs may reach, where they are in a VPC."""
        allow_job(permissions, self, job)
        policy = permissions.attach(self)
        self.relay = ModelMonitorRelay(
            self, "Relay", job=job, schedule_name=self.schedule_name, role_arn=self.role.role_arn
        )
        """Turns results into metrics."""
        config = self._analysis()
        self.cfn_definition, definition_name = make_definition(
            self,
            "Definition",
            job=job,
            image_uri=image_uri,
            role_arn=self.role.role_arn,
            network=network,
            config_uri=None if config is None else config.uri,
        )
        """The definition, which is replaced when anything in it changes."""
        self.cfn_definition.node.add_dependency(policy, *after)
        if config is not None:
            self.cfn_definition.add_resource_dependency(config.resource)
        self.cfn_schedule = self._schedule(definition_name)
        """The schedule."""
        self.cfn_schedule.add_resource_dependency(self.cfn_definition)
        # The first job may end soon: somebody must be there to hear of it.
        self.cfn_schedule.node.add_dependency(self.relay)

    def _analysis(self) -> AnalysisConfig | None:
        config = analysis_of(self.job)
        if config is None:
            return None
        return AnalysisConfig(self, "AnalysisConfig", job=self.job, config=config, writer=self.relay.function)

    def _schedule(self, definition_name: str) -> sagemaker.CfnMonitoringSchedule:
        return _Schedule(
            self,
            "Resource",
            monitoring_schedule_name=self.schedule_name,
            monitoring_schedule_config=_Schedule.MonitoringScheduleConfigProperty(
                monitoring_job_definition_name=definition_name,
                monitoring_type=self.job.kind.monitoring_type,
                schedule_config=_Schedule.ScheduleConfigProperty(schedule_expression=self.job.schedule),
            ),
        )
