"""Rollouts of a fleet in memory: the real machine, the real steps, an AWS that answers as AWS does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from constructs_lib.edge.edge_rollout import EdgeRollout
from constructs_lib.edge.rollout_states import RolloutPlan, rollout_definition
from constructs_lib.edge.runtime.cloud.publish import Publishing
from constructs_lib.edge.runtime.cloud.rollout.settings import Settings
from constructs_lib.edge.runtime.cloud.rollout.steps import STEPS, Clients, Steps

from .edge_aws import BUCKET, COMPONENTS, FLEET, GROUPS, MACHINE, EdgeAws, execution
from .states import Data, Walk

ALARMS = ["canary-errors", "theirs"]
RECIPE = '{"ComponentName": "cameras.Model", "ComponentVersion": "@VERSION@", "URI": "@ARTEFACT@", "d": "@DIGEST@"}'


def settings(**changed: Any) -> Settings:
    """Of the fleet of the tests: a canary that soaks for ten minutes, a look a minute."""
    told: dict[str, Any] = {
        "fleet": FLEET,
        "groups": GROUPS,
        "components": COMPONENTS,
        "others": {},
        "bucket": BUCKET,
        "artefacts": "components",
        "machine": MACHINE,
        "topics": [],
        "job": EdgeRollout().job(),
        "notify_seconds": 60,
        "abort_percent": 10,
        "abort_min_devices": 1,
        "canary_min_devices": 1,
        "canary_seconds": 1800,
        "soak_seconds": 600,
        "fleet_seconds": 3600,
        "look_seconds": 60,
        "back_seconds": 900,
        "skip_empty_canary": False,
    }
    return Settings(**{**told, **changed})


def versions(number: int) -> dict[str, str]:
    """A set of the fleet's components."""
    return dict.fromkeys(COMPONENTS, f"1.0.{number}")


def fleet(**outcomes: str) -> EdgeAws:
    """Two devices in the canary, three beside it; `outcomes` are of those that fare otherwise than well."""
    aws = EdgeAws(members={"canary": ["c1", "c2"], "fleet": ["f1", "f2", "f3"]})
    # By the version that is new in the tests: what was good before is good again.
    aws.outcome = lambda thing, version: (
        outcomes.get(thing, "Succeeded") if version == "1.0.2" else "Succeeded"
    )
    return aws


@dataclass
class Rollouts:
    """The machine of one fleet."""

    aws: EdgeAws = field(default_factory=EdgeAws)
    settings: Settings = field(default_factory=settings)
    number: int = 0
    before_call: Any = None
    """Called with each payload, before the step is done."""

    def run(self, **given: Any) -> Walk:
        """One execution, to its end; the walk says how it went."""
        self.number += 1
        arn = execution(f"r{self.number}")
        self.aws.executions[arn] = {"status": "RUNNING", "input": "{}"}
        walk = Walk(
            definition=rollout_definition(
                RolloutPlan(
                    partition="aws",
                    steps="steps",
                    recipe=RECIPE,
                    alarms=ALARMS,
                    look_seconds=60,
                    longest_seconds=9000,
                )
            ),
            call=self._call,
            execution=arn,
            stopped=lambda: self.aws.executions[arn]["status"] == "ABORTED",
        )
        walk.run(given)
        if self.aws.executions[arn]["status"] == "RUNNING":
            self.aws.executions[arn]["status"] = "FAILED" if walk.error else "SUCCEEDED"
        return walk

    def _call(self, payload: Data) -> Data:
        if self.before_call is not None:
            self.before_call(payload)
        told = {name: value for name, value in payload.items() if name not in ("step", "execution")}
        steps = Steps(self.settings, self._clients(), execution=payload["execution"])
        answer: Data = STEPS[payload["step"]](steps, **told)
        return answer

    def _clients(self) -> Clients:
        client = self.aws.client
        greengrass = client("greengrassv2")
        return Clients(
            s3=client("s3"),
            greengrass=greengrass,
            iot=client("iot"),
            data=client("iot-data"),
            cloudwatch=client("cloudwatch"),
            states=client("stepfunctions"),
            publishing=Publishing(
                s3=client("s3"), greengrass=greengrass, sts=client("sts"), wait=lambda _: None
            ),
        )
