"""All components of a device: brought to what a deployment says, and watched."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from . import VERSION
from .artifacts import ArtifactStore
from .component import READY, Component
from .scripts import Scripts
from .spec import Spec

_PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH")


class BrokenError(Exception):
    """A component does not come up."""


class Supervisor:
    """Runs the components. Its methods are called from one thread."""

    def __init__(self, store: ArtifactStore, *, thing: str, environment: Mapping[str, str]) -> None:
        self._store = store
        self._thing = thing
        self._connection = dict(environment)
        self._components: dict[str, Component] = {}
        self.changed = threading.Condition()
        self.states_changed = False
        """Whether a component has changed its state since this was last set to False."""

    def apply(self, specs: Mapping[str, Spec]) -> None:
        """Run these components and no others; waits until all have started. BrokenError when one does not."""
        for name in self._components.keys() - specs.keys():
            self._components.pop(name).close()
        fresh = [self._made(spec) for name, spec in specs.items() if name not in self._components]
        with self.changed:
            for name, spec in specs.items():
                if name in self._components:
                    self._components[name].change(spec)
            for component in fresh:
                self._components[component.spec.name] = component
        for component in fresh:
            component.begin()
        self._wait_until_settled()

    def _wait_until_settled(self) -> None:
        with self.changed:
            while True:
                for component in self._components.values():
                    if component.settled and component.state == "BROKEN":
                        raise BrokenError(
                            f"Service {component.spec.name} in broken state after deployment"
                            + (f": {component.details}" if component.details else "")
                        )
                if all(component.settled for component in self._components.values()):
                    return
                self.changed.wait()

    def close(self) -> None:
        """Stop everything, dependents first."""
        for name in reversed(self._in_order()):
            self._components.pop(name).close()

    def _in_order(self) -> list[str]:
        ordered: list[str] = []

        def visit(name: str, above: frozenset[str]) -> None:
            if name in self._components and name not in ordered and name not in above:
                for other in sorted(self._components[name].spec.hard):
                    visit(other, above | {name})
                ordered.append(name)

        for name in sorted(self._components):
            visit(name, frozenset())
        return ordered

    def ready(self, names: frozenset[str]) -> bool:
        """Whether all of them have started. With `changed` held."""
        return all(name in self._components and self._components[name].state in READY for name in names)

    def report(self) -> Iterator[dict[str, Any]]:
        """What the fleet status service is told about each component."""
        with self.changed:
            for name, component in sorted(self._components.items()):
                yield {
                    "componentName": name,
                    "version": component.spec.version,
                    "state": component.state,
                    "statusDetails": component.details,
                    "statusCodes": [],
                    "isRoot": bool(component.spec.sources),
                    "fleetConfigArns": list(component.spec.sources),
                }

    def _made(self, spec: Spec) -> Component:
        return Component(
            spec,
            changed=self.changed,
            neighbours=self,
            scripts=Scripts(
                spec.name,
                folder=self._store.work(spec.name),
                log=self._log_of(spec.name),
                environment=self._environment(),
            ),
            on_state=self._note_state,
        )

    def _log_of(self, name: str) -> Path:
        folder = self._store.root / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{name}.log"

    def _environment(self) -> dict[str, str]:
        """What scripts see: little of this process's own, and the device's name and credentials."""
        return {
            **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
            **self._connection,
            "AWS_IOT_THING_NAME": self._thing,
            "GGC_VERSION": VERSION,
            "SVCUID": secrets.token_hex(16),
        }

    def _note_state(self, name: str, state: str) -> None:
        """A hard dependency that goes away takes its dependents with it. With `changed` held."""
        self.states_changed = True
        if state not in READY:
            for other in self._components.values():
                if name in other.spec.hard and other.state in ("STARTING", "RUNNING"):
                    other.restart()
