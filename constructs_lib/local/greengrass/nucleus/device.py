"""The core device: takes its deployments one after the other, and tells what became of them."""

from __future__ import annotations

import json
import logging
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

from . import VERSION
from .artifacts import ArtifactError, ArtifactStore
from .cloud import Aws, CloudError
from .configuration import updated
from .recipe import Package, package_of
from .resolve import ResolutionError, resolved
from .spec import Spec, specs_of
from .state import State, StateFile
from .supervisor import BrokenError, Supervisor

PLATFORM = {"os": "linux", "architecture": {"x86_64": "amd64"}.get(platform.machine(), platform.machine())}
_PACKAGE = "com.aws.greengrass"
_log = logging.getLogger("nucleus")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a deployment, as the nucleus tells it."""

    detailed: str
    cause: str = ""

    @property
    def status(self) -> str:
        """SUCCEEDED or FAILED."""
        return "SUCCEEDED" if self.detailed == "SUCCESSFUL" else "FAILED"

    @property
    def details(self) -> dict[str, str]:
        """The status details of a job."""
        return {"detailed-deployment-status": self.detailed, "deployment-failure-cause": self.cause}


@dataclass(slots=True)
class _Plan:
    state: State
    specs: Mapping[str, Spec] = field(default_factory=dict)


class Device:
    """A core device."""

    def __init__(self, thing: str, *, root: Path, cloud: Aws, environment: Mapping[str, str]) -> None:
        self._thing = thing
        self._cloud = cloud
        self._store = ArtifactStore(root)
        self._file = StateFile(root / "config" / "state.json")
        self._supervisor = Supervisor(self._store, thing=thing, environment=environment)
        self._current = _Plan(self._file.load())
        self._told = 0

    def start(self) -> None:
        """Run what was deployed before, each install script again as the nucleus does; no network is needed."""
        recipes = self._current.state.recipes
        packages = {name: package_of(recipe, PLATFORM) for name, recipe in recipes.items()}
        try:
            self._current = self._plan(self._current.state, packages)
            self._supervisor.apply(self._current.specs)
        except (ArtifactError, CloudError, BrokenError) as error:
            _log.warning("%s: what was deployed does not start: %s", self._thing, error)
        self._supervisor.states_changed = True

    def work(self, stop: Event, *, interval: float, slowest: float) -> None:
        """Look for deployments until told to stop; less and less often, where there are none."""
        wait = interval
        while not stop.is_set():
            try:
                wait = interval if self.look() else min(wait * 1.5, slowest)
            except CloudError as error:
                _log.warning("%s: %s", self._thing, error)
                wait = min(wait * 2, max(slowest, interval))
            stop.wait(wait)

    def close(self) -> None:
        """Stop all components."""
        self._supervisor.close()

    def look(self) -> bool:
        """Take the deployments that wait; whether there was one."""
        if self._supervisor.states_changed:
            self.report_health("COMPONENT_STATUS_CHANGE" if self._told else "NUCLEUS_LAUNCH")
        return self._take_job() or self._take_shadow()

    def _take_job(self) -> bool:
        job = self._cloud.next_job()
        if job is None:
            return False
        self._cloud.report_job(job.id, "IN_PROGRESS", {})
        outcome = self._deploy(job.document)
        # The report of health comes first: who sees the job succeed may ask for the components.
        self.report_health("THING_GROUP_DEPLOYMENT", job.document, outcome)
        self._cloud.report_job(job.id, outcome.status, outcome.details)
        return True

    def _take_shadow(self) -> bool:
        desired = self._cloud.desired()
        arn = desired.get("fleetConfigurationArn")
        if not arn or arn == self._current.state.handled:
            return False
        if desired.get("desiredStatus") != "CANCELED":
            document = json.loads(desired["fleetConfig"])
            self._cloud.report_shadow(arn, "IN_PROGRESS", {})
            outcome = self._deploy(document)
            self.report_health("THING_DEPLOYMENT", document, outcome)
            self._cloud.report_shadow(arn, outcome.status, outcome.details)
        self._current.state.handled = arn
        self._file.save(self._current.state)
        return True

    def _deploy(self, document: Mapping[str, Any]) -> Outcome:
        """Bring the device to what a document says, or back."""
        _log.info("%s: deployment %s", self._thing, document["deploymentId"])
        try:
            plan = self._planned(self._with(document))
        except (ResolutionError, ArtifactError, CloudError) as error:
            return Outcome(detailed="FAILED_NO_STATE_CHANGE", cause=_told(error))
        before = self._current
        try:
            self._supervisor.apply(plan.specs)
        except BrokenError as error:
            if document["failureHandlingPolicy"] != "ROLLBACK":
                self._keep(plan)
                return Outcome(detailed="FAILED_ROLLBACK_NOT_REQUESTED", cause=_told(error))
            return self._rolled_back(before, error)
        self._keep(plan)
        return Outcome(detailed="SUCCESSFUL")

    def _rolled_back(self, before: _Plan, why: BrokenError) -> Outcome:
        try:
            self._supervisor.apply(before.specs)
        except BrokenError as error:
            return Outcome(detailed="FAILED_UNABLE_TO_ROLLBACK", cause=f"{_told(why)}; {_told(error)}")
        return Outcome(detailed="FAILED_ROLLBACK_COMPLETE", cause=_told(why))

    def _with(self, document: Mapping[str, Any]) -> State:
        """The state with this deployment in it, and without those of groups the thing has left."""
        state = self._current.state.copied()
        here = document["targetArn"]
        thing = f"{here.partition(':thing')[0]}:thing/{self._thing}"
        state.forget_targets_but([thing, here, *self._cloud.groups()])
        state.deployments[here] = dict(document)
        return state

    def _planned(self, state: State) -> _Plan:
        return self._plan(state, resolved(state.roots, self._cloud.resolve, PLATFORM))

    def _plan(self, state: State, packages: Mapping[str, Package]) -> _Plan:
        for package in packages.values():
            self._store.prepare(package, self._cloud.fetch)
        state.configurations = {
            name: updated(state.configurations.get(name), package.defaults, self._update_of(name, state))
            for name, package in packages.items()
        }
        state.recipes = {name: dict(package.recipe) for name, package in packages.items()}
        specs = specs_of(packages, state.configurations, state.sources, store=self._store, thing=self._thing)
        return _Plan(state, specs)

    def _update_of(self, name: str, state: State) -> Mapping[str, Any] | None:
        """What the newest of the deployments that name a component changes in its configuration."""
        naming = [each for each in state.deployments.values() if name in each["components"]]
        newest = max(naming, key=lambda each: int(each["creationTimestamp"]), default=None)
        if newest is None or self._has(newest):
            return None
        update: Mapping[str, Any] | None = newest["components"][name].get("configurationUpdate")
        return update

    def _has(self, document: Mapping[str, Any]) -> bool:
        """Whether a deployment was made before: what it changes in configurations has been changed then."""
        known = self._current.state.deployments.get(document["targetArn"])
        return known is not None and known["deploymentId"] == document["deploymentId"]

    def _keep(self, plan: _Plan) -> None:
        before, self._current = self._current, plan
        self._file.save(plan.state)
        kept: dict[str, set[str]] = {}
        for spec in (*plan.specs.values(), *before.specs.values()):
            kept.setdefault(spec.name, set()).add(spec.version)
        self._store.prune(kept)

    def report_health(
        self, trigger: str, document: Mapping[str, Any] | None = None, outcome: Outcome | None = None
    ) -> None:
        """Tell what runs here."""
        self._supervisor.states_changed = False
        components = list(self._supervisor.report())
        report: dict[str, Any] = {
            "ggcVersion": VERSION,
            "platform": PLATFORM["os"],
            "architecture": PLATFORM["architecture"],
            "runtime": "aws_nucleus_classic",
            "thing": self._thing,
            "sequenceNumber": self._told + 1,
            "timestamp": int(time.time() * 1000),
            "messageType": "COMPLETE",
            "trigger": trigger,
            "overallDeviceStatus": "UNHEALTHY"
            if any(each["state"] == "BROKEN" for each in components)
            else "HEALTHY",
            "components": components,
        }
        if document is not None and outcome is not None:
            report["deploymentInformation"] = {
                "status": outcome.status,
                "deploymentId": document["deploymentId"],
                "fleetConfigurationArnForStatus": document["configurationArn"],
            }
        try:
            self._cloud.report_health(report)
        except CloudError:
            self._supervisor.states_changed = True
            raise
        self._told += 1


def _told(error: Exception) -> str:
    name = {
        ResolutionError: f"{_PACKAGE}.componentmanager.exceptions.NoAvailableComponentVersionException",
        ArtifactError: f"{_PACKAGE}.componentmanager.exceptions.ArtifactChecksumMismatchException",
        CloudError: f"{_PACKAGE}.componentmanager.exceptions.PackageDownloadException",
        BrokenError: f"{_PACKAGE}.deployment.exceptions.ServiceUpdateException",
    }[type(error)]
    return f"{name}: {error}"
