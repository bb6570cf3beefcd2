"""The owned engine as a SageMaker processing job: a state machine that runs one a look."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
import constructs
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3_assets as s3_assets
from aws_cdk import aws_stepfunctions as stepfunctions

from ..core.buckets import attributes_of
from ..core.code import RuntimeArchive
from ..core.naming import physical_name
from ..core.place import environment_of
from ..core.roles import (
    Permissions,
    acknowledge,
    acknowledge_inline_policy,
    acknowledge_wildcard,
    allow_telemetry,
    both_packs,
    execution_role,
)
from ..model.image import ContainerImage
from .engine import MonitorCompute

_CODE = "/opt/ml/processing/input/code"
_NAME_LENGTH = 26
"""Of a job's name, before the UUID that tells it from others."""


class MonitorJob(constructs.Construct):
    """One job a look, which Step Functions waits for. A look that fails is made up for by the next one."""

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        compute: MonitorCompute,
        code: RuntimeArchive,
        results: str,
    ) -> None:
        """Run `code` on what `compute` says.

        :param results: where the monitor's files lie: a variable of a job has at most 256 characters, so that the
            description lies there.
        """
        super().__init__(scope, id)
        self.role = execution_role(self, does="Runs the monitoring job")
        """What the job's container runs under."""
        self._archive = s3_assets.Asset(self, "Code", path=code.path, asset_hash=code.digest)
        self._permissions = Permissions(self.role)
        self._let_fetch_code()
        image = compute.image or ContainerImage.framework("sklearn", version="1.4-2-py312")
        self._uri = image.bind(self, "Image", self._permissions).uri
        allow_telemetry(self._permissions, self)
        self._name = physical_name(self, max_length=_NAME_LENGTH)
        self.state_machine = self._machine(compute, results)
        """Takes ``{"time": "2026-11-22T14:00:00Z"}``, as the schedule's event has it."""

    def allow(self, wanted: Permissions) -> None:
        """Let the job do what is `wanted` beside pulling its image and writing its logs."""
        for permissions, id in ((self._permissions, "JobPolicy"), (wanted, "LookPolicy")):
            policy = permissions.attach(self, id)
            self.state_machine.node.add_dependency(policy)
        self.state_machine.node.add_dependency(self.role)

    def target(self) -> events.IRuleTarget:
        """What a schedule starts."""
        return targets.SfnStateMachine(
            self.state_machine,
            input=events.RuleTargetInput.from_object({"time": events.EventField.from_path("$.time")}),
            retry_attempts=2,
        )

    def _let_fetch_code(self) -> None:
        """SageMaker lists what lies under the input's prefix, and fetches it.

        In the role's own policy: the id of another one tells of its statements, and would change with the code.
        """
        bucket, key = self._archive.bucket, self._archive.s3_object_key
        listed = {"StringLike": {"s3:prefix": f"{key}*"}}
        for statement in (
            iam.PolicyStatement(actions=["s3:GetObject"], resources=[bucket.arn_for_objects(key)]),
            iam.PolicyStatement(
                actions=["s3:ListBucket"], resources=[attributes_of(bucket).arn], conditions=listed
            ),
        ):
            self.role.add_to_policy(statement)
        acknowledge_inline_policy(self.role)

    def _machine(self, compute: MonitorCompute, results: str) -> stepfunctions.StateMachine:
        look = stepfunctions.CustomState(self, "Look", state_json=self._state(compute, results))
        group = logs.LogGroup(
            self, "Logs", retention=logs.RetentionDays.THREE_MONTHS, removal_policy=cdk.RemovalPolicy.DESTROY
        )
        acknowledge(
            group,
            dict.fromkeys(
                both_packs("CloudWatchLogGroupEncrypted"),
                "Times and names of jobs, no user's data; CloudWatch Logs encrypts them with its own key.",
            ),
        )
        machine = stepfunctions.StateMachine(
            self,
            "Machine",
            definition_body=stepfunctions.DefinitionBody.from_chainable(look),
            timeout=cdk.Duration.seconds(2 * compute.longest_seconds + 1800),
            logs=stepfunctions.LogOptions(destination=group, level=stepfunctions.LogLevel.ALL),
            tracing_enabled=True,
        )
        self._let_run_jobs(machine)
        return machine

    def _state(self, compute: MonitorCompute, results: str) -> dict[str, Any]:
        archive = f"{_CODE}/{self._archive.asset_hash}.zip"
        return {
            "Type": "Task",
            "Resource": f"arn:{environment_of(self).partition}:states:::sagemaker:createProcessingJob.sync",
            "Parameters": {
                # Names are unique and permanent; those of executions that EventBridge starts are too long.
                "ProcessingJobName.$": f"States.Format('{self._name}-{{}}', States.UUID())",
                "RoleArn": self.role.role_arn,
                "AppSpecification": {
                    "ImageUri": self._uri,
                    "ContainerEntrypoint": ["python3", "-m", "constructs_lib.monitoring.runtime.job"],
                },
                "Environment": {
                    "PYTHONPATH": archive,
                    "MONITOR_RESULTS": results,
                    "LOOK_AT.$": "$.time",
                },
                "ProcessingInputs": [
                    {
                        "InputName": "code",
                        "S3Input": {
                            "S3Uri": self._archive.s3_object_url,
                            "LocalPath": _CODE,
                            "S3DataType": "S3Prefix",
                            "S3InputMode": "File",
                        },
                    }
                ],
                "ProcessingResources": {
                    "ClusterConfig": {
                        "InstanceCount": 1,
                        "InstanceType": compute.instance_type,
                        "VolumeSizeInGB": compute.volume_gb,
                    }
                },
                "StoppingCondition": {"MaxRuntimeInSeconds": compute.longest_seconds},
            },
            "End": True,
        }

    def _let_run_jobs(self, machine: stepfunctions.StateMachine) -> None:
        arn = environment_of(self).arn
        jobs = arn("sagemaker", f"processing-job/{self._name}-*")
        for statement in (
            iam.PolicyStatement(
                actions=[
                    "sagemaker:CreateProcessingJob",
                    "sagemaker:DescribeProcessingJob",
                    "sagemaker:StopProcessingJob",
                    "sagemaker:AddTags",
                ],
                resources=[jobs],
            ),
            iam.PolicyStatement(
                actions=["iam:PassRole"],
                resources=[self.role.role_arn],
                conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
            ),
            iam.PolicyStatement(
                actions=["events:PutTargets", "events:PutRule", "events:DescribeRule"],
                resources=[arn("events", "rule/StepFunctionsGetEventsForSageMakerProcessingJobsRule")],
            ),
        ):
            machine.add_to_role_policy(statement)
        acknowledge_wildcard(machine, jobs, "Jobs are named after executions that are not there yet.")
        acknowledge_wildcard(
            machine, "*", "Step Functions documents its log delivery and X-Ray without a resource."
        )
        # That of its role, and that of the schedule's, which CDK puts below it.
        acknowledge_inline_policy(machine)
