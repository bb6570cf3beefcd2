"""What the state machine of a rollout asks of AWS, one step a call.

Each step may be tried again: what it makes has a name of the execution and the step, and what is there already is
found again. A crash leaves the machine, which tries again; a machine that was stopped leaves the target as it is, and
the rollout that stopped it takes over from what was good last.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .....core.runtime.clients import client
from ..metrics import datum, put
from ..publish import Publishing, Source, Target
from . import state
from .components import merged
from .settings import CANARY, Settings
from .things import Things
from .verdict import Bounds, Counts, Outcome, Verdict, judge, judge_back, judge_soak

_GONE = ("CANCELED", "INACTIVE")
"""Statuses of deployments that another has replaced, or somebody has stopped."""

log = logging.getLogger()
log.setLevel(logging.INFO)


class NothingKnownError(Exception):
    """The rollout names not all components, and no earlier one tells the others."""


class EmptyCanaryError(Exception):
    """There is nobody to try the version on."""


class InAlarmError(Exception):
    """An alarm that would stop the rollout is on before it has begun."""


class NotBackError(Exception):
    """What was good before has not reached the devices again."""


class SupersededError(Exception):
    """Another rollout has taken over."""


def handle(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Entry point of the function: ``{"step": …, "execution": ARN, …}``."""
    steps = Steps(Settings.from_environment(), Clients.made(), execution=event["execution"])
    given = {name: value for name, value in event.items() if name not in ("step", "execution")}
    answer: dict[str, Any] = STEPS[event["step"]](steps, **given)
    log.info("%s: %s", event["step"], answer)
    return answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """AWS."""

    s3: Any
    greengrass: Any
    iot: Any
    data: Any
    cloudwatch: Any
    states: Any
    publishing: Publishing

    @classmethod
    def made(cls) -> Clients:
        """Of the surroundings."""
        return cls(
            s3=client("s3"),
            greengrass=client("greengrassv2"),
            iot=client("iot"),
            data=client("iot-data"),
            cloudwatch=client("cloudwatch"),
            states=client("stepfunctions"),
            publishing=Publishing.made(),
        )


class Steps:
    """The steps of one execution."""

    def __init__(self, settings: Settings, clients: Clients, *, execution: str) -> None:
        self._settings, self._aws, self._execution = settings, clients, execution
        self._things = Things(iot=clients.iot, data=clients.data)

    @property
    def _name(self) -> str:
        return self._execution.rpartition(":")[2]

    # --- what is rolled out ---------------------------------------------------------------------------

    def prepare(self, *, asked: Mapping[str, Any], recipe: str, alarms: Sequence[str]) -> dict[str, Any]:
        """What is rolled out, and what to go back to.

        :param asked: ``components``, ``model``, ``force``: what the rollout was started with.
        :param recipe: of the model's component, for a model that is not published yet.
        :param alarms: names of those that stop a rollout.
        """
        good = state.last_good(self._aws.s3, self._settings.bucket)
        before = {} if good is None else dict(good.components)
        given = dict(asked.get("components", {}))
        if "model" in asked:
            given[self._settings.model] = self._publish(asked["model"], recipe)
        components = {**before, **given}
        missing = [each for each in self._settings.components if each not in components]
        if missing:
            raise NothingKnownError(
                f"no version of {', '.join(missing)}: no rollout of fleet {self._settings.fleet} has succeeded yet, "
                "so name all components"
            )
        if not asked.get("force"):
            self._refuse_in_alarm(alarms)
        self._count("RolloutsStarted")
        return {
            "components": components,
            "previous": before,
            "version": components[self._settings.model],
            "previous_version": before.get(self._settings.model, ""),
            "canary": self._has_canary(first=not before),
        }

    def _publish(self, model: Mapping[str, str], recipe: str) -> str:
        published = self._aws.publishing.publish(
            self._settings.model,
            recipe,
            source=Source(bucket=model["bucket"], key=model["key"], file="model.tar.gz"),
            target=Target(bucket=self._settings.bucket, prefix=self._settings.artefacts),
        )
        return published.version

    def _refuse_in_alarm(self, alarms: Sequence[str]) -> None:
        found = self._in_alarm(alarms)
        if found:
            raise InAlarmError(
                f"in alarm before anything was deployed: {', '.join(found)}. Start it with "
                '{"force": "why"} if it is what mends that'
            )

    def _has_canary(self, *, first: bool) -> bool:
        if self._things.count(self._settings.group_name(CANARY), most=1):
            return True
        if first or self._settings.skip_empty_canary:
            return False
        raise EmptyCanaryError(
            f"no device is in the thing group {self._settings.group_name(CANARY)}: put one there, or let the rollout "
            "skip an empty canary (EdgeRollout.on_empty_canary)"
        )

    # --- bringing it to a group -----------------------------------------------------------------------

    def want(self, *, target: str, version: str, token: str) -> dict[str, Any]:
        """Tell a page of the group's devices which version to serve; ``token`` of the next, empty after the last."""
        following = self._things.want(self._settings.group_name(target), version or None, token)
        return {"token": following, "more": bool(following)}

    def deploy(self, *, target: str, components: Mapping[str, str], phase: str) -> dict[str, Any]:
        """Deploy to a group, merged with what it runs; nothing where it runs just that already."""
        there = self._there(target)
        wanted = merged(
            there.get("components", {}),
            components,
            own=self._settings.components,
            configuration={self._settings.inference: {"program": {"group": target}}},
        )
        if components:
            wanted |= {name: {"componentVersion": version} for name, version in self._settings.others.items()}
        if wanted == there.get("components") and there.get("deploymentStatus") not in _GONE:
            return _deployed(there)
        self._refuse_superseded()
        made = self._aws.greengrass.create_deployment(
            targetArn=self._settings.groups[target],
            deploymentName=f"{self._settings.fleet} {target} {phase} {self._name}"[:256],
            components=wanted,
            iotJobConfiguration=dict(self._settings.job),
            deploymentPolicies={
                "failureHandlingPolicy": "ROLLBACK",
                "componentUpdatePolicy": {
                    "action": "NOTIFY_COMPONENTS",
                    "timeoutInSeconds": self._settings.notify_seconds,
                },
            },
            # The same answer to the same call: a lost one makes no second deployment.
            clientToken=hashlib.sha256(f"{self._execution} {target} {phase}".encode()).hexdigest(),
        )
        return _deployed(made)

    def _there(self, target: str) -> Mapping[str, Any]:
        """The group's latest deployment; empty where there is none."""
        found = self._aws.greengrass.list_deployments(
            targetArn=self._settings.groups[target], historyFilter="LATEST_ONLY"
        )["deployments"]
        if not found:
            return {}
        told: Mapping[str, Any] = self._aws.greengrass.get_deployment(deploymentId=found[0]["deploymentId"])
        return told

    def _refuse_superseded(self) -> None:
        """A machine that was stopped may still have a call under way, which must not undo what came after it."""
        status = self._aws.states.describe_execution(executionArn=self._execution)["status"]
        if status != "RUNNING":
            raise SupersededError(f"{self._name} is {status}")

    # --- whether it is there --------------------------------------------------------------------------

    def look(self, *, target: str, deployment: Mapping[str, str], version: str, looks: int) -> dict[str, Any]:
        """Whether the group has got it. A group without devices has: it gets them later."""
        settings, is_canary = self._settings, target == CANARY
        counts, spreading = self._counted(target, deployment["job"], version)
        verdict = judge(
            counts,
            self._bounds(
                target,
                least=settings.canary_min_devices if is_canary else 1,
                seconds=settings.canary_seconds if is_canary else settings.fleet_seconds,
            ),
            waited=looks * settings.look_seconds,
            cancelled=self._is_gone(deployment["id"]),
            spreading=spreading,
        )
        return _looked(verdict, looks)

    def look_back(
        self, *, deployments: Mapping[str, Mapping[str, str]], version: str, looks: int
    ) -> dict[str, Any]:
        """Whether the groups have what was good before, or have had the time for it.

        :raises NotBackError: they have settled, and too many devices of one of them have it not.
        """
        verdicts = {
            target: self._back(target, each, version, looks) for target, each in sorted(deployments.items())
        }
        outcomes = {each.outcome for each in verdicts.values()}
        reason = "; ".join(f"{target}: {each.reason}" for target, each in verdicts.items())
        if Outcome.WAIT not in outcomes and Outcome.BAD in outcomes:
            raise NotBackError(reason)
        return {"settled": Outcome.WAIT not in outcomes, "reason": reason, "looks": looks + 1}

    def _back(self, target: str, deployment: Mapping[str, str], version: str, looks: int) -> Verdict:
        counts, spreading = self._counted(target, deployment["job"], version)
        return judge_back(
            counts,
            self._bounds(target, least=1, seconds=self._settings.back_seconds),
            waited=looks * self._settings.look_seconds,
            cancelled=self._is_gone(deployment["id"]),
            spreading=spreading,
        )

    def _counted(self, target: str, job: str, version: str) -> tuple[Counts, bool]:
        """What became of a deployment on the group's devices, and whether some have not been told of it yet."""
        name = self._settings.group_name(target)
        described = self._aws.iot.describe_job(jobId=job)["job"].get("jobProcessDetails", {})
        rejected = self._things.rejecting(name, version) if target == CANARY and version else {}
        counts = Counts.of(described, rejected)
        # AWS IoT names the targets until all of their devices have been told. Where it still does, and none of those
        # that have been told is open, whether that is so is seen by the group itself.
        spreading = bool(described.get("processingTargets")) and not counts.open
        return counts, spreading and self._things.count(name, counts.told + 1) > counts.told

    def _bounds(self, target: str, *, least: int, seconds: int) -> Bounds:
        nobody = not self._things.count(self._settings.group_name(target), most=1)
        return Bounds(
            abort_percent=self._settings.abort_percent,
            abort_min_devices=self._settings.abort_min_devices,
            min_devices=0 if nobody else least,
            timeout_seconds=seconds,
        )

    def _is_gone(self, deployment: str) -> bool:
        status = self._aws.greengrass.get_deployment(deploymentId=deployment)["deploymentStatus"]
        return status in _GONE

    def soak(self, *, version: str, looks: int, alarms: Sequence[str]) -> dict[str, Any]:
        """Whether the canary fares well with it."""
        settings = self._settings
        verdict = judge_soak(
            alarms=self._in_alarm(alarms),
            rejected=self._things.rejecting(settings.group_name(CANARY), version),
            soaked=looks * settings.look_seconds,
            soak_seconds=settings.soak_seconds,
        )
        return _looked(verdict, looks)

    def _in_alarm(self, names: Sequence[str]) -> list[str]:
        if not names:
            return []
        found = self._aws.cloudwatch.describe_alarms(
            AlarmNames=list(names), AlarmTypes=["MetricAlarm", "CompositeAlarm"], StateValue="ALARM"
        )
        ringing = [*found.get("MetricAlarms", []), *found.get("CompositeAlarms", [])]
        return sorted(each["AlarmName"] for each in ringing)

    # --- how it ended ---------------------------------------------------------------------------------

    def finish(self, *, components: Mapping[str, str]) -> dict[str, Any]:
        """Remember that these are good."""
        state.remember(self._aws.s3, self._settings.bucket, components, self._name)
        self._count("RolloutsSucceeded")
        return {"good": dict(components)}

    def _count(self, metric: str) -> None:
        put(self._aws.cloudwatch, [datum(metric, 1, Fleet=self._settings.fleet)])


STEPS: Mapping[str, Callable[..., dict[str, Any]]] = {
    "prepare": Steps.prepare,
    "want": Steps.want,
    "deploy": Steps.deploy,
    "look": Steps.look,
    "look_back": Steps.look_back,
    "soak": Steps.soak,
    "finish": Steps.finish,
}


def _deployed(told: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": told["deploymentId"], "job": told["iotJobId"]}


def _looked(verdict: Verdict, looks: int) -> dict[str, Any]:
    return {**verdict.told(), "looks": looks + 1}
