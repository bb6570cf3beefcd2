"""What happens when a monitor's alarm goes off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as stepfunctions

from ..core.checks import text
from ..core.limits import NAME_ALLOWED, NAME_PATTERN
from ..core.rules import DEVELOPER_GUIDE, Broken, Rules
from ..core.tokens import is_token

_SOURCE = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html"
MAX_PARAMETERS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorAction:
    """Make one with `notify`, `retrain`, `retrain_pipeline` or `shift_traffic`.

    :raises ConstraintError: SM-ACTION-001, SM-ACTION-002.
    """

    topic: sns.ITopic | None = None
    state_machine: stepfunctions.IStateMachine | None = None
    pipeline_arn: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    variant: str | None = None

    def __post_init__(self) -> None:
        """Check."""
        action_rules.enforce(self, path="MonitorAction")

    @staticmethod
    def notify(topic: sns.ITopic) -> MonitorAction:
        """Tell `topic` when the alarm goes off, and when it is over."""
        return MonitorAction(topic=topic)

    @staticmethod
    def retrain(state_machine: stepfunctions.IStateMachine) -> MonitorAction:
        """Start `state_machine`; its input is ``{"endpoint", "monitor", "alarm", "results"}``."""
        return MonitorAction(state_machine=state_machine)

    @staticmethod
    def retrain_pipeline(pipeline_arn: str, *, parameters: Mapping[str, str] | None = None) -> MonitorAction:
        """Start a SageMaker pipeline with these parameters."""
        return MonitorAction(pipeline_arn=pipeline_arn, parameters={} if parameters is None else parameters)

    @staticmethod
    def shift_traffic(*, to: str) -> MonitorAction:
        """Give all traffic to the variant `to`: the one that was in production before.

        The other variants keep their instances, and get weight 0. The next deploy sets the weights of the
        template again, unless the endpoint has ``weights_managed_elsewhere``.
        """
        return MonitorAction(variant=to)


action_rules = Rules[MonitorAction]()


@action_rules.rule("SM-ACTION-001", source=_SOURCE)
def does_one_thing(action: MonitorAction) -> Iterator[Broken]:
    """An action notifies a topic, starts a state machine or a pipeline, or shifts traffic to a variant."""
    given = (action.topic, action.state_machine, action.pipeline_arn, action.variant)
    if sum(each is not None for each in given) != 1:
        yield Broken(
            "topic, state_machine, pipeline_arn, variant",
            given,
            "exactly one",
            "MonitorAction.notify(…), .retrain(…), .retrain_pipeline(…), .shift_traffic(…)",
        )
    yield from text("variant", action.variant, NAME_PATTERN, f"None, or {NAME_ALLOWED}")


@action_rules.rule("SM-ACTION-002", source=DEVELOPER_GUIDE + "pipeline-eventbridge.html")
def pipeline_is_an_arn(action: MonitorAction) -> Iterator[Broken]:
    """A pipeline is named by its ARN, and has at most 200 parameters."""
    arn = action.pipeline_arn
    if arn is not None and not is_token(arn) and (not arn.startswith("arn:") or ":pipeline/" not in arn):
        yield Broken("pipeline_arn", arn, "arn:…:sagemaker:…:pipeline/…")
    if len(action.parameters) > MAX_PARAMETERS:
        yield Broken("parameters", f"{len(action.parameters)} parameters", f"at most {MAX_PARAMETERS}")
