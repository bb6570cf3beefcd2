"""What a device keeps over a restart: its deployments, and the configurations of its components."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(slots=True)
class State:
    """The desired state of the device, by the targets that it is in."""

    deployments: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Target ARN → the document of its latest deployment that succeeded."""
    configurations: dict[str, dict[str, Any]] = field(default_factory=dict)
    recipes: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Those of all components that run: a device starts without a network too."""
    handled: str | None = None
    """The configuration ARN of the shadow's deployment that was last dealt with."""

    def copied(self) -> State:
        """A state that can be changed without changing this one."""
        return copy.deepcopy(self)

    def forget_targets_but(self, targets: Iterable[str]) -> None:
        """Drop what came from groups that the thing has left."""
        kept = set(targets)
        self.deployments = {target: each for target, each in self.deployments.items() if target in kept}

    @property
    def roots(self) -> dict[str, dict[str, str]]:
        """The components that deployments name, each with the versions that the targets require of it."""
        asked: dict[str, dict[str, str]] = {}
        for target, document in self.deployments.items():
            for name, component in document["components"].items():
                asked.setdefault(name, {})[target.rpartition(":")[2]] = component["version"]
        return asked

    @property
    def sources(self) -> dict[str, tuple[str, ...]]:
        """For each root the configuration ARNs of the deployments that name it."""
        return {
            name: tuple(
                document["configurationArn"]
                for document in self.deployments.values()
                if name in document["components"]
            )
            for name in self.roots
        }


class StateFile:
    """The state, as a file that is whole at every moment."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> State:
        """What was saved; a fresh state when there is nothing."""
        try:
            return State(**json.loads(self._path.read_text()))
        except FileNotFoundError:
            return State()

    def save(self, state: State) -> None:
        """Keep the state."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._path.with_name(self._path.name + ".new")
        unfinished.write_text(json.dumps(asdict(state), indent=1))
        unfinished.replace(self._path)
