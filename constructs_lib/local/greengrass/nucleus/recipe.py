"""What a recipe says to this device: the manifest for its platform, its steps, its artefacts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .configuration import at

#: Seconds that a step may take, where the recipe does not say; a run may take for ever.
TIMEOUTS = {"bootstrap": 120.0, "install": 120.0, "startup": 120.0, "shutdown": 15.0, "recover": 60.0}
_VARIABLE = re.compile(r"\{(?:(?P<component>[\w.-]+):)?(?P<namespace>[\w.-]+):(?P<key>[^{}:]+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step of a lifecycle: a script of the shell."""

    script: str
    timeout: float | None = None
    setenv: Mapping[str, str] = field(default_factory=dict)
    skip_if: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A version of a component, as its recipe describes it for this platform."""

    name: str
    version: str
    defaults: Mapping[str, Any]
    dependencies: Mapping[str, Mapping[str, str]]
    artifacts: tuple[Mapping[str, Any], ...]
    steps: Mapping[str, Step]
    recipe: Mapping[str, Any]
    """All of it, for a device that starts without a network."""


class NoManifestError(Exception):
    """The component has nothing for this platform."""


def package_of(recipe: Mapping[str, Any], platform: Mapping[str, str]) -> Package:
    """The part of a recipe that is for a platform; NoManifestError where none is."""
    manifest = next((m for m in recipe["Manifests"] if _fits(m.get("Platform") or {}, platform)), None)
    if manifest is None:
        raise NoManifestError(
            f"No manifest of {recipe['ComponentName']}:{recipe['ComponentVersion']} is for this platform: "
            f"{dict(platform)}"
        )
    lifecycle = manifest.get("Lifecycle") or _selected(recipe.get("Lifecycle") or {}, manifest)
    return Package(
        name=recipe["ComponentName"],
        version=recipe["ComponentVersion"],
        defaults=(recipe.get("ComponentConfiguration") or {}).get("DefaultConfiguration") or {},
        dependencies=recipe.get("ComponentDependencies") or {},
        artifacts=tuple(manifest.get("Artifacts") or ()),
        steps=dict(_steps(lifecycle)),
        recipe=recipe,
    )


def _fits(wanted: Mapping[str, str], platform: Mapping[str, str]) -> bool:
    return all(_value_fits(value, platform.get(name, "")) for name, value in wanted.items())


def _value_fits(wanted: str, value: str) -> bool:
    if wanted in ("*", "all", value):
        return True
    if wanted.startswith("/") and wanted.endswith("/"):
        return re.fullmatch(wanted[1:-1], value) is not None
    return False


def _selected(lifecycle: Mapping[str, Any], manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part of the recipe's own lifecycle that the manifest selects; all of it, where it has no such parts."""
    for selection in [*(manifest.get("Selections") or ()), "all"]:
        if isinstance(lifecycle.get(selection), Mapping):
            return dict(lifecycle[selection])
    return lifecycle


def _steps(lifecycle: Mapping[str, Any]) -> Iterator[tuple[str, Step]]:
    phases = {str(key).lower(): value for key, value in lifecycle.items()}
    common = _texts(phases.pop("setenv", None) or {})
    for name, given in phases.items():
        step: dict[str, Any] = (
            {"script": given} if isinstance(given, str) else {k.lower(): v for k, v in given.items()}
        )
        yield (
            name,
            Step(
                script=step["script"],
                timeout=step.get("timeout", TIMEOUTS.get(name)),
                setenv={**common, **_texts(step.get("setenv") or {})},
                skip_if=step.get("skipif"),
            ),
        )


def _texts(given: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): _text(value) for name, value in given.items()}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


Values = Callable[[str | None, str, str], str | None]


def with_values(step: Step, values: Values) -> Step:
    """The step with its recipe variables resolved; one that cannot be is left as it stands, as by the nucleus."""

    def value(match: re.Match[str]) -> str:
        found = values(match["component"], match["namespace"], match["key"])
        return match[0] if found is None else found

    return replace(
        step,
        script=_VARIABLE.sub(value, step.script),
        setenv={name: _VARIABLE.sub(value, text) for name, text in step.setenv.items()},
        skip_if=None if step.skip_if is None else _VARIABLE.sub(value, step.skip_if),
    )


def configured(configuration: Mapping[str, Any], pointer: str) -> str | None:
    """The text for `{configuration:/pointer}`: what is no text is JSON. None: nothing is there."""
    found, value = at(configuration, pointer)
    return _text(value) if found else None
