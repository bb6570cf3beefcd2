"""ABTest: several models behind one endpoint, and what finds out which of them is better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import aws_cdk as cdk
import constructs
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_ssm as ssm

from ..core.naming import physical_name
from ..core.place import construct_path, note_place, stack_of
from ..core.roles import acknowledge, wildcard_actions
from ..core.rules import enforce_together
from ..hosting.capture import DataCapture
from ..hosting.metrics import MetricsPublishing
from ..hosting.realtime import RealtimeEndpoint
from ..hosting.realtime_rules import RealtimeProps, realtime_rules
from ..hosting.rollback_alarms import RollbackAlarms, Watched
from ..hosting.rollout import Rollback, Rollout
from ..hosting.variant import Variant
from ..model.reference import model_name
from .allocation import Allocation, FixedSplit
from .dashboard import experiment_dashboard
from .functions import METRIC_NAMESPACE, experiments_archive
from .grants import ABTestGrants
from .guardrail import Guardrail
from .manager import ExperimentManager
from .plan import Plan, Planned
from .props import ABTestProps, Routing, ab_test_rules
from .reward import Reward

PARAMETER_PREFIX = "/constructs-lib/experiments/"
"""SSM path under which an experiment tells where its state is: for the report."""


class ABTest(constructs.Construct):
    """An experiment on one endpoint: which of its variants earns the most?

    A fixed split is an A/B test with an analysis that may be looked at any day; another allocation makes it
    a bandit, whose controller moves the traffic to the winner. The first variant is the control. Costs: the
    endpoint, and for the manager about the price of the events; see docs/experiments.md.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/model-ab-testing.html

    Example::

        test = ABTest(self, "Test",
            variants=[
                Variant(name="A", model=model, instance_type="ml.m5.large"),
                Variant(name="B", model=candidate, instance_type="ml.m5.large"),
            ],
            allocation=ThompsonSampling(),
            reward=Reward.binary(window=Duration.hours(24)),
            guardrails=[Guardrail.errors(percent=2)])
        test.grants.participate(function)
    """

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        variants: Sequence[Variant],
        reward: Reward,
        allocation: Allocation | None = None,
        guardrails: Sequence[Guardrail] = (),
        routing: Routing = Routing.WEIGHTS,
        experiment_name: str | None = None,
        endpoint_name: str | None = None,
        period: cdk.Duration | None = None,
        look_every: cdk.Duration | None = None,
        plan: Plan | None = None,
        alpha: float = 0.05,
        rollout: Rollout | None = None,
        capture: DataCapture | None = None,
        metrics: MetricsPublishing | None = None,
        dashboard: bool = True,
        encryption_key: kms.IKey | None = None,
        removal_policy: cdk.RemovalPolicy = cdk.RemovalPolicy.RETAIN,
    ) -> None:
        """Make the endpoint and the manager of the experiment.

        :param variants: 2–10, the control first. Another model behind a name begins the experiment anew.
        :param reward: what is maximised.
        :param allocation: default: ``FixedSplit()``, even shares from beginning to end.
        :param guardrails: default: none.
        :param routing: default: ``Routing.WEIGHTS``.
        :param experiment_name: default: derived from stack name and path. Changing it starts from nothing.
        :param endpoint_name: default: derived likewise.
        :param period: length of the buckets that everything is counted in, 1 second – 1 day.
            Default: 1 hour.
        :param look_every: 1 minute – 1 day. Default: 5 minutes.
        :param plan: what the test is to find; tells how many requests and days it needs. Default: none.
        :param alpha: 0.0001–0.2, the probability of a wrong verdict, over all looks and variants together.
            Default: 0.05.
        :param rollout: of new versions of the endpoint. Default: all at once, rolling back on the built-in
            alarms.
        :param capture: default: nothing is captured.
        :param metrics: of the endpoint.
        :param dashboard: whether to make a CloudWatch dashboard of it. An account has three for free.
        :param encryption_key: of the instances' volumes, the stream, the table, the queue and the bucket.
            Default: AWS's own keys, and one of its own for the bucket.
        :param removal_policy: of the table. Default: it is kept when the stack goes.
        :raises ConstraintError: SM-ABTEST-…, SM-ALLOCATION-…, and those of `RealtimeEndpoint`.
        """
        props = ABTestProps(
            variants=variants,
            allocation=allocation if allocation is not None else FixedSplit(),
            reward=reward,
            guardrails=guardrails,
            routing=routing,
            experiment_name=experiment_name,
            period=period if period is not None else cdk.Duration.hours(1),
            look_every=look_every if look_every is not None else cdk.Duration.minutes(5),
            plan=plan,
            alpha=alpha,
            dashboard=dashboard,
            removal_policy=removal_policy,
        )
        enforce_together(
            ab_test_rules.violations(props),
            realtime_rules.violations(
                RealtimeProps(
                    model=None,
                    variants=variants,
                    instance_type=None,
                    instance_count=None,
                    scaling=None,
                    endpoint_name=endpoint_name,
                    rollout=rollout if rollout is not None else Rollout.all_at_once(),
                    capture=capture,
                    metrics=metrics,
                    parameter_name=None,
                    encryption_key=encryption_key,
                    weights_managed_elsewhere=True,
                    check_deployments=True,
                )
            ),
            path=lambda: construct_path(scope, id),
        )
        # Before anything is made: what the functions stand on may not be installed.
        experiments_archive()
        super().__init__(scope, id)
        note_place(self, scope, id)
        self.experiment_name = experiment_name if experiment_name is not None else physical_name(self)
        """What the report and the metrics call it."""
        self.variants = tuple(
            replace(variant, weight=props.shares[variant.name]) for variant in props.variants
        )
        """The variants, with the shares they begin with."""
        self._endpoint = RealtimeEndpoint(
            self,
            "Endpoint",
            variants=self.variants,
            endpoint_name=endpoint_name,
            rollout=rollout,
            capture=capture,
            metrics=metrics,
            encryption_key=encryption_key,
            weights_managed_elsewhere=True,
        )
        guards = self._guards(props)
        self.manager = ExperimentManager(
            self,
            "Manager",
            endpoint=self.endpoint,
            description=self._description(props, guards),
            look_every=props.look_every,
            encryption_key=encryption_key,
            removal_policy=removal_policy,
        )
        """What counts, and moves the traffic."""
        alarms = list(dict.fromkeys(alarm for _, alarm in guards))
        self.manager.look_when(alarms)
        self.dashboard = self._dashboard(props, alarms) if dashboard else None
        """Shares, rewards, guardrails and what was counted, over time."""
        self.parameter = self._publish()
        self.plan = self._planned(props)
        """How large the test must be, where there is a plan."""
        self.grants = ABTestGrants(self)
        """Who may take part: ``test.grants.participate(function)``."""

    @property
    def endpoint(self) -> RealtimeEndpoint:
        """What answers."""
        return self._endpoint

    def join(self, function: lambda_.Function) -> None:
        """Let `function` take part, and tell the client in it which experiment this is.

        Environment: ``EXPERIMENT``, ``LEDGER_TABLE``, ``EVENT_STREAM``.
        """
        for name, value in self.manager.client_environment.items():
            function.add_environment(name, value)
        self.grants.participate(function)
        if function.role is not None and self.manager.encryption_key is not None:
            reason = "The CDK's own grants for a stream and a table with a key, bound to that key."
            found = wildcard_actions("kms:GenerateDataKey*", "kms:ReEncrypt*")
            acknowledge(function.role, dict.fromkeys(found, reason))

    def metric(
        self,
        name: str,
        *,
        variant: str | None = None,
        statistic: str = "Maximum",
        period: cdk.Duration | None = None,
    ) -> cloudwatch.Metric:
        """A metric of the experiment, such as ``Weight`` of a variant; docs/experiments-report.md lists them."""
        dimensions = {"Experiment": self.experiment_name, **({} if variant is None else {"Arm": variant})}
        return cloudwatch.Metric(
            namespace=METRIC_NAMESPACE,
            metric_name=name,
            dimensions_map=dimensions,
            statistic=statistic,
            period=period if period is not None else cdk.Duration.minutes(5),
        )

    def _dashboard(self, props: ABTestProps, alarms: Sequence[_Alarm]) -> cloudwatch.Dashboard:
        stopping = props.allocation.stopping
        return experiment_dashboard(
            self, "Dashboard", look_every=props.look_every, stopping=stopping, alarms=alarms
        )

    def _planned(self, props: ABTestProps) -> Planned | None:
        if props.plan is None:
            return None
        planned = props.plan.sized([props.shares[name] for name in props.names], props.alpha)
        whole = f"{planned.size.total} answers with known rewards, all variants together"
        cdk.CfnOutput(self, "PlannedUnits", value=str(planned.size.total), description=whole)
        cdk.CfnOutput(
            self, "PlannedDays", value=str(planned.days), description="Days until there are so many"
        )
        return planned

    def _guards(self, props: ABTestProps) -> list[tuple[str, _Alarm]]:
        """Each alarm of a guardrail, with the variant that loses its traffic."""
        guards: list[tuple[str, _Alarm]] = []
        for index, (guardrail, variant) in enumerate(props.guarded):
            if guardrail.own_alarm is not None:
                guards.append((variant, guardrail.own_alarm))
            else:
                # From 10 on told apart from names that end in a number, by what no name has.
                number = str(index) if index < 10 else f"_{index}"
                alarms = self._own_alarms(f"Guardrail{variant}{number}", guardrail, variant)
                guards += [(variant, alarm) for alarm in alarms.cfn_alarms]
        return guards

    def _own_alarms(self, id: str, guardrail: Guardrail, variant: str) -> RollbackAlarms:
        endpoint = self.endpoint.endpoint_name
        return RollbackAlarms(
            self,
            id,
            watched=Watched(
                subject=f"variant {variant} of endpoint {endpoint}",
                sources=lambda metric: metric.sources(endpoint, (variant,)),
                effect="Takes the traffic from {subject}",
                no_action="The experiment's controller reads the alarm, and is woken by its change of state.",
            ),
            rollback=Rollback(
                error_rate_percent=guardrail.percent,
                latency=guardrail.p99,
                latency_alarm=guardrail.p99 is not None,
            ),
        )

    def _description(self, props: ABTestProps, guards: Sequence[tuple[str, _Alarm]]) -> str:
        """The experiment as its functions are told: runtime/experiment.py reads it."""
        stopping = props.allocation.stopping
        described: dict[str, object] = {
            "name": self.experiment_name,
            "endpoint": self.endpoint.endpoint_name,
            "arms": [
                {"name": each.name, "model": model_name(each.model), "share": props.shares[each.name]}
                for each in self.variants
            ],
            "reward": props.reward.bind(),
            "allocation": props.allocation.bind(),
            "routing": props.routing.value,
            "period": float(props.period.to_seconds()),
            "analysis": {"alpha": props.alpha},
            "guardrails": [
                {
                    "arm": variant,
                    "alarm": alarm.ref if isinstance(alarm, cloudwatch.CfnAlarm) else alarm.alarm_name,
                }
                for variant, alarm in guards
            ],
        }
        if stopping is not None:
            described["stopping"] = stopping.bind()
        return stack_of(self).to_json_string(described)

    def _publish(self) -> ssm.StringParameter:
        """Where the report finds the experiment."""
        where = {
            "table": self.manager.table.table_name,
            "endpoint": self.endpoint.endpoint_name,
            "stream": self.manager.stream.stream_name,
            "controller": self.manager.controller.function_name,
        }
        return ssm.StringParameter(
            self,
            "Parameter",
            parameter_name=f"{PARAMETER_PREFIX}{self.experiment_name}",
            simple_name=False,
            string_value=stack_of(self).to_json_string(where),
            description=f"Where the experiment {self.experiment_name} keeps its state",
        )


_Alarm = cloudwatch.CfnAlarm | cloudwatch.IAlarm
