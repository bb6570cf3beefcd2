"""What rollouts consist of: the state machine, and the functions that start it, work in it and tell of its failures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk as cdk
import constructs
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_sns as sns

from ..core.buckets import attributes_of
from ..core.machine import OwnMachine
from ..core.place import environment_of
from ..core.roles import Permissions, allow_publish
from ..core.s3_prefix import S3Prefix
from .edge_rollout import EdgeRollout, EmptyCanary
from .functions import EdgeFunction
from .names import CANARY, FLEET, FleetNames
from .published import allow_publishing
from .recipe import Recipe
from .rollout_states import RolloutPlan, rollout_definition

_LOGGED = "Names of devices and versions, no user's data; CloudWatch Logs encrypts them with its own key."
_NOT_YET = "Devices, and the jobs behind deployments, are not there yet."
_ALL_ALARMS = (
    "CloudWatch tells of composite alarms only to those who may describe all of them: "
    "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html."
)
_NO_RESOURCE = (
    "AWS knows no resource for it: a deployment's target is a thing group, whose rights stand beside it."
)
_NO_EXECUTIONS = "Executions are named after rollouts that are not there yet."
_NOTIFY_SECONDS = 60
"""That a component has to say that an update must wait."""


class EdgeRollouts(constructs.Construct):
    """One execution a rollout."""

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        names: FleetNames,
        rollout: EdgeRollout,
        artefacts: S3Prefix,
        models: S3Prefix,
        recipe: Recipe,
        others: Mapping[str, str],
        alarms: Sequence[cloudwatch.IAlarm],
        notify: Sequence[sns.ITopic],
    ) -> None:
        """Make it.

        :param models: where models that are not published yet may lie.
        :param recipe: of the model's component.
        :param others: components that devices get beside the fleet's own.
        :param alarms: those that stop a rollout.
        """
        super().__init__(scope, id)
        self._names, self._rollout = names, rollout
        self._remembered = S3Prefix(bucket=artefacts.bucket, prefix="rollout")
        self._notify = notify
        self._before_first: list[constructs.IDependable] = []
        name = f"{names.fleet}-rollout"
        arn = environment_of(self).arn
        self._machine_arn = arn("states", f"stateMachine:{name}")
        self._executions = arn("states", f"execution:{name}:*")
        self._told = self._settings(artefacts, others)
        self.steps = self._steps(artefacts, models)
        """Does the steps."""
        self.machine = OwnMachine(
            self,
            "Machine",
            name=name,
            definition=rollout_definition(
                RolloutPlan(
                    partition=environment_of(self).partition,
                    steps=self.steps.function.function_arn,
                    recipe=recipe.text,
                    alarms=[each.alarm_name for each in alarms],
                    look_seconds=rollout.look_seconds,
                    longest_seconds=rollout.longest_seconds,
                )
            ),
            logged=_LOGGED,
        )
        """One execution a rollout."""
        self.machine.allow("lambda:InvokeFunction", on=[self.steps.function.function_arn])
        self.start = self._start()
        """Starts rollouts."""
        self._tell(name)

    def start_with(self, components: Mapping[str, str]) -> cdk.CustomResource | None:
        """Start a rollout when a deployment of the stack changes one of `components`, if that is wanted."""
        if not self._rollout.start_on_deploy:
            return None
        made = cdk.CustomResource(
            self,
            "OnDeploy",
            service_token=self.start.function.function_arn,
            service_timeout=cdk.Duration.minutes(5),
            resource_type="Custom::EdgeRollout",
            # The others are told by the settings: here they are so that a change of them is one.
            properties={"Components": dict(components), "Others": self._told["others"]},
        )
        # It begins at once: what its steps may do, and who tells of its failure, has to be there.
        made.node.add_dependency(*self._before_first)
        return made

    # --- what the functions are told ------------------------------------------------------------------

    def _settings(self, artefacts: S3Prefix, others: Mapping[str, str]) -> dict[str, Any]:
        names, rollout = self._names, self._rollout
        return {
            "fleet": names.fleet,
            "groups": {CANARY: self._group(names.canary_group), FLEET: self._group(names.fleet_group)},
            "components": list(names.components),
            "others": dict(others),
            "bucket": attributes_of(artefacts.bucket).name,
            "artefacts": artefacts.prefix,
            "machine": self._machine_arn,
            "topics": [each.topic_arn for each in self._notify],
            "job": rollout.job(),
            "notify_seconds": _NOTIFY_SECONDS,
            "abort_percent": rollout.abort_percent,
            "abort_min_devices": rollout.abort_min_devices,
            "canary_min_devices": rollout.canary_min_devices,
            "canary_seconds": rollout.canary_seconds,
            "soak_seconds": rollout.soak_seconds,
            "fleet_seconds": rollout.fleet_seconds,
            "look_seconds": rollout.look_seconds,
            "back_seconds": rollout.back_seconds,
            "skip_empty_canary": rollout.on_empty_canary is EmptyCanary.SKIP,
        }

    def _group(self, name: str) -> str:
        return environment_of(self).arn("iot", f"thinggroup/{name}")

    # --- the functions --------------------------------------------------------------------------------

    def _function(
        self, id: str, module: str, description: str, timeout: cdk.Duration, memory_mb: int
    ) -> EdgeFunction:
        made = EdgeFunction(
            self,
            id,
            module=f"rollout.{module}",
            description=f"{description} of fleet {self._names.fleet}",
            timeout=timeout,
            memory_mb=memory_mb,
        )
        made.tell("EDGE", self._told)
        return made

    def _steps(self, artefacts: S3Prefix, models: S3Prefix) -> EdgeFunction:
        made = self._function(
            "Steps", "steps", "Does the steps of rollouts", cdk.Duration.minutes(14), memory_mb=1769
        )
        permissions = made.permissions
        allow_publishing(permissions, self, names=self._names, artefacts=artefacts)
        models.allow_read(permissions)
        self._remembered.allow_read(permissions)
        self._remembered.allow_write(permissions)
        self._let_deploy(permissions)
        self._let_ask_devices(permissions)
        permissions.allow("cloudwatch:DescribeAlarms", on="*", wildcard=_ALL_ALARMS)
        permissions.allow(
            "states:DescribeExecution",
            on=self._executions,
            wildcard=_NO_EXECUTIONS,
        )
        self._before_first.append(made.attach())
        return made

    def _let_deploy(self, permissions: Permissions) -> None:
        """Deployments to the two groups, and the IoT jobs and shadows that Greengrass makes for them by our rights.

        Source: https://docs.aws.amazon.com/greengrass/v2/developerguide/create-deployments.html
        """
        arn = environment_of(self).arn
        permissions.allow(
            "greengrass:CreateDeployment", "greengrass:ListDeployments", on="*", wildcard=_NO_RESOURCE
        )
        permissions.allow(
            "greengrass:GetDeployment", on=arn("greengrass", "deployments:*"), wildcard=_NOT_YET
        )
        for group in (self._names.canary_group, self._names.fleet_group):
            permissions.allow(
                "iot:CreateJob",
                "iot:DescribeThingGroup",
                "iot:ListThingsInThingGroup",
                on=self._group(group),
            )
        permissions.allow(
            "iot:CreateJob",
            "iot:DescribeJob",
            "iot:UpdateJob",
            "iot:CancelJob",
            on=arn("iot", "job/*"),
            wildcard=_NOT_YET,
        )

    def _let_ask_devices(self, permissions: Permissions) -> None:
        things = environment_of(self).arn("iot", "thing/*")
        permissions.allow("iot:GetThingShadow", "iot:UpdateThingShadow", on=things, wildcard=_NOT_YET)

    def _start(self) -> EdgeFunction:
        made = self._function("Start", "start", "Starts rollouts", cdk.Duration.minutes(1), memory_mb=256)
        permissions = made.permissions
        permissions.allow("states:StartExecution", "states:ListExecutions", on=self._machine_arn)
        permissions.allow(
            "states:StopExecution",
            on=self._executions,
            wildcard=_NO_EXECUTIONS,
        )
        made.function.node.add_dependency(self.machine)
        made.function.node.add_dependency(made.attach())
        return made

    def _tell(self, machine: str) -> None:
        made = self._function(
            "Tell", "tell", "Tells of failed rollouts", cdk.Duration.minutes(1), memory_mb=256
        )
        for topic in self._notify:
            allow_publish(made.permissions, topic)
        rule = events.Rule(
            self,
            "Ended",
            description=f"Rollouts of fleet {self._names.fleet} that ended otherwise than well: {machine}",
            event_pattern=events.EventPattern(
                source=["aws.states"],
                detail_type=["Step Functions Execution Status Change"],
                detail={
                    "stateMachineArn": [self._machine_arn],
                    "status": ["FAILED", "TIMED_OUT", "ABORTED"],
                },
            ),
            targets=[targets.LambdaFunction(made.function, retry_attempts=10)],
        )
        self._before_first += [made.attach(), rule]
