"""A bandit finds out which of two models is better, and moves the traffic to it."""

from __future__ import annotations

from tools.demo.stage import Stage, must
from tools.embedded_aws import until
from tools.visitors import Visitors, described, look, weights

STACK = "Experiment"
# Seconds in place of a day, an hour and two weeks.
CONTEXT = {"window": "2", "period": "1", "least": "20"}
_VISITORS = 40  # between two looks
_PATIENCE_SECONDS = 90


def run(stage: Stage) -> None:
    """Send visitors until a model has won, and write the report."""
    outputs = stage.aws.outputs(STACK)
    endpoint = described(stage.aws, outputs).endpoint
    visitors = Visitors(stage.aws, outputs)
    stage.say(
        "Experiment: visitors come, and tell when an answer was right; the controller looks every second or so"
    )
    shown = before = weights(stage.aws, endpoint)

    def decided() -> bool:
        nonlocal shown
        visitors.come(_VISITORS)
        outcome = look(stage.aws, outputs)
        if (now := weights(stage.aws, endpoint)) != shown:
            shown = now
            stage.say(f"{visitors.served.total():5} answers: traffic is now {_shares(shown)}")
        return "stopped" in outcome

    until(decided, seconds=_PATIENCE_SECONDS, what="a model that has won")
    must(shown == {"few": 0, "many": 1}, f"the better model was to get all traffic: {shown}")
    for arm in sorted(visitors.served):
        served, right = visitors.served[arm], visitors.rewarded[arm]
        stage.seen.answered.append(
            ("ABTest", f"variant {arm}", f"{served} requests", f"{right / served:.1%} right")
        )
    stage.seen.shifted.append(
        ("ABTest", "shares", _shares(before), _shares(shown), "the better model has won")
    )
    stage.report(
        "experiments",
        outputs["ExperimentName"],
        "experiment.html",
        "How the better of two models won its experiment",
    )


def _shares(weights: dict[str, float]) -> str:
    return ", ".join(f"{name} {weight:.0%}" for name, weight in weights.items())
