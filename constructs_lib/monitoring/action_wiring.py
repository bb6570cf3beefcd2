"""From a monitor's alarm to its actions: EventBridge tells them when it goes off."""

from __future__ import annotations

import aws_cdk as cdk
import constructs
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_

from ..core.alarms import notify
from ..core.code import runtime_archive
from ..core.functions import own_function
from ..core.roles import acknowledge_inline_policy
from .actions import MonitorAction
from .watch import Watch

_PATIENCE = cdk.Duration.hours(2)


class MonitorActions(constructs.Construct):
    """What one alarm sets off."""

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        alarm: cloudwatch.Alarm,
        watch: Watch,
    ) -> None:
        """Wire the actions of the monitor to `alarm`."""
        super().__init__(scope, id)
        self._alarm = alarm
        self._endpoint = watch.endpoint
        self._told = {
            "endpoint": watch.watched.name,
            "monitor": watch.monitor.title,
            "results": f"{watch.results_uri}/",
            "alarm": events.EventField.from_path("$.detail.alarmName"),
        }
        for index, action in enumerate(watch.monitor.actions):
            if action.topic is not None:
                notify(alarm, action.topic)
            elif action.pipeline_arn is not None:
                self._start_pipeline(f"Pipeline{index}", action.pipeline_arn, action)
            else:
                self._rule(f"Action{index}").add_target(self._target(index, action))

    def _pattern(self) -> events.EventPattern:
        return events.EventPattern(
            source=["aws.cloudwatch"],
            detail_type=["CloudWatch Alarm State Change"],
            resources=[self._alarm.alarm_arn],
            detail={"state": {"value": ["ALARM"]}},
        )

    def _rule(self, id: str) -> events.Rule:
        description = f"What happens when the alarm of monitor {self._told['monitor']} goes off"
        return events.Rule(self, id, description=description, event_pattern=self._pattern())

    def _target(self, index: int, action: MonitorAction) -> events.IRuleTarget:
        if action.state_machine is not None:
            # A role of ours: CDK's own would lie below the user's state machine.
            role = self._role(f"Action{index}Role", "Starts a state machine")
            told = events.RuleTargetInput.from_object(self._told)
            return targets.SfnStateMachine(
                action.state_machine, input=told, role=role, max_event_age=_PATIENCE
            )
        told = events.RuleTargetInput.from_object({**self._told, "to": action.variant})
        return targets.LambdaFunction(self._shift(f"Shift{index}"), event=told, max_event_age=_PATIENCE)

    def _shift(self, id: str) -> lambda_.Function:
        if self._endpoint is None:
            raise AssertionError("SM-MONITOR-058 lets nobody shift what is not there")
        function = own_function(
            constructs.Construct(self, id),
            handler="constructs_lib.monitoring.runtime.shift.handle",
            code=runtime_archive("monitoring").code,
            description="Gives all traffic to one variant when a monitor's alarm goes off",
            role_description="Sets the weights of one endpoint's variants",
            timeout=cdk.Duration.minutes(1),
            memory_mb=256,
            architecture=lambda_.Architecture.ARM_64,
            alone="Calls AWS's public endpoints only. What an endpoint that is being updated refuses is tried again.",
            logged="Names and weights; CloudWatch Logs encrypts them with its own key.",
        )
        function.add_to_role_policy(
            iam.PolicyStatement(
                actions=["sagemaker:DescribeEndpoint", "sagemaker:UpdateEndpointWeightsAndCapacities"],
                resources=[self._endpoint.endpoint_arn],
            )
        )
        return function

    def _role(self, id: str, does: str) -> iam.Role:
        """A role of EventBridge's."""
        role = iam.Role(self, id, description=does, assumed_by=iam.ServicePrincipal("events.amazonaws.com"))
        acknowledge_inline_policy(role)
        return role

    def _start_pipeline(self, id: str, arn: str, action: MonitorAction) -> None:
        """As an L1: there is no target for pipelines among the stable ones."""
        role = self._role(f"{id}Role", "Starts a SageMaker pipeline")
        role.add_to_policy(iam.PolicyStatement(actions=["sagemaker:StartPipelineExecution"], resources=[arn]))
        parameters = [
            events.CfnRule.SageMakerPipelineParameterProperty(name=name, value=value)
            for name, value in action.parameters.items()
        ]
        events.CfnRule(
            self,
            id,
            description=f"Starts a pipeline when the alarm of monitor {self._told['monitor']} goes off",
            event_pattern={
                "source": ["aws.cloudwatch"],
                "detail-type": ["CloudWatch Alarm State Change"],
                "resources": [self._alarm.alarm_arn],
                "detail": {"state": {"value": ["ALARM"]}},
            },
            targets=[
                events.CfnRule.TargetProperty(
                    id="Pipeline",
                    arn=arn,
                    role_arn=role.role_arn,
                    sage_maker_pipeline_parameters=events.CfnRule.SageMakerPipelineParametersProperty(
                        pipeline_parameter_list=parameters
                    )
                    if parameters
                    else None,
                )
            ],
        )
