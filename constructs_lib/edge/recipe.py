"""Recipes of Greengrass components: made from typed parts, and checked before anything is published.

Source: https://docs.aws.amazon.com/greengrass/v2/developerguide/component-recipe-reference.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

FORMAT = "2020-01-25"
VERSION, ARTEFACT, DIGEST = "@VERSION@", "@ARTEFACT@", "@DIGEST@"
"""Filled in when the component is published, once the content is known (runtime/cloud/publish.py)."""
LARGEST_BYTES = 16_000
_NAME = re.compile(r"[a-zA-Z0-9-_.]{1,128}")
_VARIABLE = re.compile(r"\{([^{}\"'$ ]+)\}")
_OWN = re.compile(
    r"(artifacts:(path|decompressedPath)|work:path|configuration:/[^:]*|kernel:rootPath|iot:thingName)"
)
_OF_ANOTHER = re.compile(
    r"([a-zA-Z0-9-_.]+):(artifacts:(path|decompressedPath)|work:path|configuration:/[^:]*)"
)


class Dependency(Enum):
    """What becomes of a component when one that it needs changes."""

    HARD = "HARD"
    """It restarts."""
    SOFT = "SOFT"
    """It runs on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """One step of a component's life, as a shell runs it."""

    text: str
    timeout_seconds: int | None = None
    """Default: Greengrass's own, 120 seconds for an install; a run has none."""
    environment: Mapping[str, str] = field(default_factory=dict)

    def told(self) -> dict[str, Any]:
        """As a recipe has it."""
        told: dict[str, Any] = {"Script": self.text}
        if self.timeout_seconds is not None:
            told["Timeout"] = self.timeout_seconds
        if self.environment:
            told["Setenv"] = dict(self.environment)
        return told


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A component: what it is, what it stands on, and how it lives."""

    name: str
    description: str
    publisher: str
    needs: Mapping[str, Dependency] = field(default_factory=dict)
    configuration: Mapping[str, Any] = field(default_factory=dict)
    lifecycle: Mapping[str, Script]
    """``Install``, ``Run``, ``Shutdown``."""
    unpacked: bool | None = None
    """Whether the artefact is a zip that Greengrass unpacks. None: there is no artefact."""

    def told(self) -> dict[str, Any]:
        """The recipe, with the places of what publishing fills in."""
        manifest: dict[str, Any] = {
            "Platform": {"os": "linux"},
            "Lifecycle": {step: script.told() for step, script in self.lifecycle.items()},
        }
        if self.unpacked is not None:
            manifest["Artifacts"] = [
                {
                    "URI": ARTEFACT,
                    "Unarchive": "ZIP" if self.unpacked else "NONE",
                    "Permission": {"Read": "OWNER", "Execute": "NONE"},
                }
            ]
        recipe: dict[str, Any] = {
            "RecipeFormatVersion": FORMAT,
            "ComponentName": self.name,
            "ComponentVersion": VERSION,
            "ComponentDescription": self.description,
            "ComponentPublisher": self.publisher,
            "ComponentConfiguration": {"DefaultConfiguration": {"digest": DIGEST, **self.configuration}},
            "Manifests": [manifest],
        }
        if self.needs:
            recipe["ComponentDependencies"] = {
                name: {"VersionRequirement": ">=0.0.0", "DependencyType": kind.value}
                for name, kind in self.needs.items()
            }
        return recipe

    @property
    def text(self) -> str:
        """As it is published: JSON, the same for the same content."""
        return json.dumps(self.told(), sort_keys=True)

    def problems(self) -> Iterator[str]:
        """What Greengrass, or the shell of a device, would stumble over."""
        if not _NAME.fullmatch(self.name):
            yield f"the name {self.name!r} is not 1-128 letters, digits, hyphens, underscores and dots"
        if not self.lifecycle:
            yield "it has no lifecycle"
        for step in self.lifecycle:
            if step not in ("Install", "Startup", "Run", "Shutdown", "Recover"):
                yield f"{step} is no step of a lifecycle"
        for text in self._texts():
            yield from self._unknown_variables(text)
        if len(self.text.encode()) > LARGEST_BYTES:
            yield f"it has {len(self.text.encode())} bytes, of which {LARGEST_BYTES} are allowed"

    def _texts(self) -> Iterator[str]:
        for script in self.lifecycle.values():
            yield script.text
            yield from script.environment.values()

    def _unknown_variables(self, text: str) -> Iterator[str]:
        """Recipe variables that the nucleus would leave as they are."""
        for found in _VARIABLE.findall(text):
            other = _OF_ANOTHER.fullmatch(found)
            if _OWN.fullmatch(found):
                continue
            if other is None:
                yield f"{{{found}}} is no recipe variable"
            elif other[1] not in self.needs:
                yield f"{{{found}}} is of a component that it does not depend on"
