"""The resources behind a `CanaryAnalysis`: a function that measures, and an alarm that SageMaker watches.

SageMaker moves the traffic by itself and goes back for alarms only. So the function says what it thinks as a
metric, and an alarm on that metric is among those of the rollout. A rule calls it every minute, and it returns
at once unless the endpoint bakes: unlike an event that might be lost, a schedule misses no deployment.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import aws_cdk as cdk
import constructs
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_

from ..core.functions import putting_metrics
from ..core.place import stack_of
from ..core.roles import acknowledge, acknowledge_wildcard, both_packs
from .stack_function import stack_function

if TYPE_CHECKING:
    from .canary_analysis import CanaryAnalysis
    from .endpoint import EndpointBase
    from .rollout import Rollout

NAMESPACE = "ConstructsLib/Rollouts"
_ID = "ConstructsLibCanaryAnalysis"
_Alarm = cloudwatch.CfnAlarm


class AnalysisFunction(constructs.Construct):
    """The function of one stack's analyses; get it with `AnalysisFunction.of`."""

    def __init__(self, scope: constructs.Construct, id: str) -> None:
        super().__init__(scope, id)
        self.function: lambda_.Function = stack_function(
            self,
            handler="canary_analysis.handle",
            description="Canary analysis of SageMaker endpoints",
            role_description="Reads metrics while endpoints are updated, and puts verdicts",
        )
        self._let_measure()

    @staticmethod
    def of(scope: constructs.Construct) -> AnalysisFunction:
        """The function of the stack that `scope` is in, made on first use."""
        return _function_of(stack_of(scope))

    def _let_measure(self) -> None:
        # Neither takes a resource; reading knows no condition key either.
        # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html
        self.function.add_to_role_policy(
            iam.PolicyStatement(actions=["cloudwatch:GetMetricData"], resources=["*"])
        )
        self.function.add_to_role_policy(putting_metrics(NAMESPACE))
        acknowledge_wildcard(
            self, "*", "CloudWatch's data takes no resource; what is put is bound to our namespace."
        )


@cache
def _function_of(stack: cdk.Stack) -> AnalysisFunction:
    return AnalysisFunction(stack, _ID)


class RolloutAnalysis(constructs.Construct):
    """The analysis of one endpoint's rollouts: `endpoint.rollout_analysis`."""

    def __init__(
        self,
        scope: EndpointBase,
        id: str,
        *,
        analysis: CanaryAnalysis,
        wait: cdk.Duration | None,
    ) -> None:
        super().__init__(scope, id)
        self._endpoint_name = scope.endpoint_name
        self.function = AnalysisFunction.of(self).function
        """The one function behind all analyses of the stack."""
        scope.grants.read(self.function)
        self.rule = events.Rule(
            self,
            "EveryMinute",
            description=f"Measures endpoint {self._endpoint_name} while it is updated",
            schedule=events.Schedule.rate(cdk.Duration.minutes(1)),
            targets=[targets.LambdaFunction(self.function, event=self._event(analysis, wait))],
        )
        """What calls the function."""
        self.cfn_alarms = [self._verdict_alarm()]
        """What SageMaker watches."""
        if analysis.watches_itself:
            self.cfn_alarms.append(self._errors_alarm())
        reason = (
            "The endpoint's deployment guardrail reads the alarm; it acts on deployments, it does not page."
        )
        acknowledge(self, dict.fromkeys(both_packs("CloudWatchAlarmAction"), reason))

    @staticmethod
    def of(endpoint: EndpointBase, rollout: Rollout) -> RolloutAnalysis | None:
        """What analyses the rollouts of `endpoint`, if they are to be analysed."""
        if rollout.analysis is None:
            return None
        return RolloutAnalysis(endpoint, "Analysis", analysis=rollout.analysis, wait=rollout.wait)

    def metric_success(self) -> cloudwatch.Metric:
        """1 while what bakes is found good, 0 while it is not."""
        return self._metric("Success")

    def metric_failure(self) -> cloudwatch.Metric:
        """1 while what bakes is found bad."""
        return self._metric("Failure")

    def metric_inconclusive(self) -> cloudwatch.Metric:
        """1 while what bakes is found neither good nor bad, and the time is up."""
        return self._metric("Inconclusive")

    def _metric(self, name: str) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=NAMESPACE,
            metric_name=name,
            dimensions_map={"EndpointName": self._endpoint_name},
            statistic="Maximum",
            period=cdk.Duration.minutes(1),
        )

    def _event(self, analysis: CanaryAnalysis, wait: cdk.Duration | None) -> events.RuleTargetInput:
        bake = 0 if wait is None else wait.to_seconds()
        described = {"EndpointName": self._endpoint_name, "BakeSeconds": bake, **analysis.describe()}
        return events.RuleTargetInput.from_object(described)

    def _verdict_alarm(self) -> cloudwatch.CfnAlarm:
        return cloudwatch.CfnAlarm(
            self,
            "Alarm",
            alarm_description=self._description("canary analysis"),
            namespace=NAMESPACE,
            metric_name="RollBack",
            dimensions=[_Alarm.DimensionProperty(name="EndpointName", value=self._endpoint_name)],
            statistic="Maximum",
            period=60,
            threshold=0,
            comparison_operator="GreaterThanThreshold",
            evaluation_periods=1,
            treat_missing_data="notBreaching",
        )

    def _errors_alarm(self) -> cloudwatch.CfnAlarm:
        """Who cannot measure says nothing, and nothing would be taken for good."""
        failed = {"errors": "Errors", "throttles": "Throttles"}
        total = " + ".join(f"FILL({id}, 0)" for id in failed)
        return cloudwatch.CfnAlarm(
            self,
            "Errors",
            alarm_description=self._description("its canary analysis fails"),
            metrics=[
                _Alarm.MetricDataQueryProperty(id="failed", expression=total, return_data=True),
                *(self._of_function(id, name) for id, name in failed.items()),
            ],
            threshold=0,
            comparison_operator="GreaterThanThreshold",
            # One error may be AWS's, and is made up for a minute later.
            evaluation_periods=3,
            treat_missing_data="notBreaching",
        )

    def _of_function(self, id: str, metric_name: str) -> cloudwatch.CfnAlarm.MetricDataQueryProperty:
        function = _Alarm.DimensionProperty(name="FunctionName", value=self.function.function_name)
        return _Alarm.MetricDataQueryProperty(
            id=id,
            return_data=False,
            metric_stat=_Alarm.MetricStatProperty(
                metric=_Alarm.MetricProperty(
                    namespace="AWS/Lambda", metric_name=metric_name, dimensions=[function]
                ),
                period=60,
                stat="Sum",
            ),
        )

    def _description(self, why: str) -> str:
        return f"Rolls a deployment of endpoint {self._endpoint_name} back: {why}"
