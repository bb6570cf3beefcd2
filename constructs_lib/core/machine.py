"""The library's own state machines: each with a log group, a role of its own, and acknowledged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk as cdk
import constructs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as stepfunctions

from .place import environment_of, stack_of
from .roles import (
    acknowledge,
    acknowledge_inline_policy,
    acknowledge_on,
    acknowledge_wildcard,
    both_packs,
)


class OwnMachine(constructs.Construct):
    """A state machine of a name that is known at synthesis, so that its own role, rules and functions may name it."""

    def __init__(
        self, scope: constructs.Construct, id: str, *, name: str, definition: Mapping[str, Any], logged: str
    ) -> None:
        """Make it.

        :param name: 1-80 letters, digits, hyphens and underscores.
        :param definition: in the States language, with tokens. What is None is left out.
        :param logged: why its logs need no key of their own.
        """
        super().__init__(scope, id)
        self._name = name
        self.machine = stepfunctions.StateMachine(
            self,
            "Machine",
            state_machine_name=name,
            definition_body=stepfunctions.DefinitionBody.from_string(
                stack_of(self).to_json_string(dict(definition))
            ),
            logs=stepfunctions.LogOptions(
                destination=self._log_group(logged), level=stepfunctions.LogLevel.ERROR
            ),
            tracing_enabled=True,
        )
        """The machine."""
        self.arn = environment_of(self).arn("states", f"stateMachine:{name}")
        """Made of its name, so that what it depends on may name it."""
        acknowledge_wildcard(
            self.machine, "*", "Step Functions documents its log delivery and X-Ray without a resource."
        )
        acknowledge_inline_policy(self.machine)

    def allow(
        self, *actions: str, on: Sequence[str], conditions: Mapping[str, Mapping[str, str]] | None = None
    ) -> None:
        """Let its role do `actions`."""
        self.machine.add_to_role_policy(
            iam.PolicyStatement(actions=list(actions), resources=list(on), conditions=conditions)
        )

    def let_pass(self, roles: Sequence[iam.IRole]) -> None:
        """Let it give `roles` to jobs of SageMaker."""
        self.allow(
            "iam:PassRole",
            on=[each.role_arn for each in roles],
            conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        )

    def let_wait_for(self, jobs: str) -> None:
        """Let it hear when jobs end (``.sync``), by the rule that Step Functions keeps for that.

        :param jobs: ``TransformJobs``, ``ProcessingJobs``.

        Source: https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html
        """
        rule = environment_of(self).arn("events", f"rule/StepFunctionsGetEventsForSageMaker{jobs}Rule")
        self.allow("events:PutTargets", "events:PutRule", "events:DescribeRule", on=[rule])

    def let_start(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` start executions, and see what becomes of them; CDK's own grant lets it list all machines."""
        executions = environment_of(self).arn("states", f"execution:{self._name}:*")
        acknowledge_on(grantee, executions, "Executions are named when they are started.")
        iam.Grant.add_to_principal(
            grantee=grantee, actions=["states:DescribeExecution"], resource_arns=[executions]
        )
        return iam.Grant.add_to_principal(
            grantee=grantee, actions=["states:StartExecution"], resource_arns=[self.arn]
        )

    def _log_group(self, logged: str) -> logs.LogGroup:
        group = logs.LogGroup(
            self, "Logs", retention=logs.RetentionDays.THREE_MONTHS, removal_policy=cdk.RemovalPolicy.DESTROY
        )
        acknowledge(group, dict.fromkeys(both_packs("CloudWatchLogGroupEncrypted"), logged))
        acknowledge(
            self,
            {
                "AwsSolutions::AwsSolutions-SF1": "Failures are logged; all that happens is in the history of the "
                "execution, which Step Functions keeps for 90 days."
            },
        )
        return group
