"""The function beside a schedule: it turns what Model Monitor writes into results of this library's format."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
import constructs
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_

from ...core.buckets import attributes_of
from ...core.code import runtime_archive
from ...core.functions import own_function, putting_metrics
from ...core.place import environment_of, stack_of
from ...core.roles import acknowledge_wildcard
from .cadence import offset_seconds, period_seconds
from .job import ModelMonitorJob

METRIC_NAMESPACE = "ConstructsLib/Monitoring"

_HOUR = 3600
_MEMORY_MEGABYTES = 256
_SWEEP_MINUTE = "50"
"""Of each hour. A job begins up to 20 minutes past it, and one without data fails at once."""


class ModelMonitorRelay(constructs.Construct):
    """The relay of one schedule.

    It is called when a job of the schedule's role ends, and once an hour. The hourly look is for executions that
    never became a job: so fail those of a window without data, and no event tells of them.
    """

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        job: ModelMonitorJob,
        schedule_name: str,
        role_arn: str,
    ) -> None:
        """Relay the results of the schedule `schedule_name`, whose jobs run under `role_arn`."""
        super().__init__(scope, id)
        self.function = own_function(
            self,
            handler="constructs_lib.monitoring.runtime.relay.handle",
            code=runtime_archive("monitoring").code,
            description="Turns results of Model Monitor into metrics",
            role_description=f"Reads what the monitor {job.name} of {job.endpoint_name} found",
            timeout=cdk.Duration.minutes(2),
            memory_mb=_MEMORY_MEGABYTES,
            environment={"RELAY": stack_of(self).to_json_string(_described(job, schedule_name))},
            architecture=lambda_.Architecture.ARM_64,
            alone="Calls AWS's public endpoints only. What fails is tried again, and once more every hour.",
            logged="Names, counts and reasons, no user's data; CloudWatch Logs encrypts them with its own key.",
        )
        """Also writes Clarify's analysis configuration, at deployment."""
        self._let_relay(job, schedule_name)
        target = targets.LambdaFunction(self.function, retry_attempts=2)
        self.finished = events.Rule(
            self,
            "Finished",
            description=f"A job of {schedule_name} ended",
            # The role is this schedule's own, and in AWS's sample of the event; the schedule is not.
            event_pattern=events.EventPattern(
                source=["aws.sagemaker"],
                detail_type=["SageMaker Processing Job State Change"],
                detail={"ProcessingJobStatus": ["Completed", "Failed", "Stopped"], "RoleArn": [role_arn]},
            ),
            targets=[target],
        )
        """When a job ended."""
        self.sweep = events.Rule(
            self,
            "Sweep",
            description=f"Looks at the last execution of {schedule_name}",
            schedule=events.Schedule.cron(minute=_SWEEP_MINUTE),
            targets=[target],
        )
        """Once an hour."""

    def _let_relay(self, job: ModelMonitorJob, schedule_name: str) -> None:
        here, results = environment_of(self), job.results
        arn = attributes_of(results.bucket).arn
        objects, jobs = f"{arn}/{results.prefix}/*", here.arn("sagemaker", "processing-job/*")
        # SageMaker keeps the case of a schedule's name, and lowers it in the ARN; ours is in lower case.
        schedule = here.arn("sagemaker", f"monitoring-schedule/{schedule_name}")
        for statement in (
            iam.PolicyStatement(actions=["s3:GetObject", "s3:PutObject"], resources=[objects]),
            # Without it, a file that is not there would be a denied one.
            iam.PolicyStatement(
                actions=["s3:ListBucket"],
                resources=[arn],
                conditions={"StringLike": {"s3:prefix": [f"{results.prefix}/*"]}},
            ),
            iam.PolicyStatement(actions=["sagemaker:DescribeMonitoringSchedule"], resources=[schedule]),
            iam.PolicyStatement(actions=["sagemaker:DescribeProcessingJob"], resources=[jobs]),
            putting_metrics(METRIC_NAMESPACE),
        ):
            self.function.add_to_role_policy(statement)
        for key in results.keys:
            key.grant(self.function, "kms:Decrypt", "kms:GenerateDataKey")
        for resource, reason in (
            (objects, "Results are named by time; the prefix bounds them."),
            (jobs, "Model Monitor names jobs by time and at random."),
            ("*", "PutMetricData knows no resource; the condition binds it to our namespace."),
        ):
            acknowledge_wildcard(self, resource, reason)


def _described(job: ModelMonitorJob, schedule_name: str) -> dict[str, Any]:
    start = offset_seconds(job.start_offset) if job.start_offset is not None else None
    end = offset_seconds(job.end_offset) if job.end_offset is not None else None
    # Of a schedule that only the deployment knows, an hour.
    period = period_seconds(job.schedule) or _HOUR
    return {
        "monitor": job.name,
        "kind": job.kind.value,
        "endpoint": job.endpoint_name,
        "schedule": schedule_name,
        "baseline": f"{job.baseline.uri}/",
        "bucket": attributes_of(job.results.bucket).name,
        "prefix": job.results.prefix,
        # Of a window, in seconds before the time of its job, where only that time is known.
        "begins": start if start is not None else period,
        "ends": end or 0,
    }
