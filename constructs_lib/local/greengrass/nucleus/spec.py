"""What a component is to run: its steps with all their values, and what it depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .artifacts import ArtifactStore
from .recipe import Package, Step, configured, with_values


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """A component as it shall be on the device."""

    name: str
    version: str
    steps: Mapping[str, Step]
    hard: frozenset[str] = frozenset()
    """The components without which it does not start."""
    sources: tuple[str, ...] = ()
    """The configuration ARNs of the deployments that name it; none for a mere dependency."""

    def must_install_again(self, before: Spec) -> bool:
        """Whether its install has to run again: another version, or another script."""
        return self.version != before.version or any(
            self.steps.get(name) != before.steps.get(name) for name in ("bootstrap", "install")
        )

    def must_restart(self, before: Spec) -> bool:
        """Whether something else of its lifecycle has changed: a script, or a value in one."""
        return dict(self.steps) != dict(before.steps)


def specs_of(
    packages: Mapping[str, Package],
    configurations: Mapping[str, Mapping[str, Any]],
    sources: Mapping[str, tuple[str, ...]],
    *,
    store: ArtifactStore,
    thing: str,
) -> dict[str, Spec]:
    """The specifications of all components that shall be on the device."""
    return {
        name: Spec(
            name=name,
            version=package.version,
            steps=_resolved(package, packages, configurations, store=store, thing=thing),
            hard=frozenset(
                other
                for other, dependency in package.dependencies.items()
                if dependency.get("DependencyType", "HARD") == "HARD" and other in packages
            ),
            sources=sources.get(name, ()),
        )
        for name, package in packages.items()
    }


def _resolved(
    package: Package,
    packages: Mapping[str, Package],
    configurations: Mapping[str, Mapping[str, Any]],
    *,
    store: ArtifactStore,
    thing: str,
) -> dict[str, Step]:
    def value(component: str | None, namespace: str, key: str) -> str | None:
        if component is None and (namespace, key) == ("iot", "thingName"):
            return thing
        if component is None and (namespace, key) == ("kernel", "rootPath"):
            return str(store.root)
        if component is not None and component not in package.dependencies:
            return None
        other = packages.get(component or package.name)
        if other is None:
            return None
        if namespace == "configuration":
            return configured(configurations.get(other.name) or {}, key)
        return _path(other, namespace, key, store)

    return {name: with_values(step, value) for name, step in package.steps.items()}


def _path(package: Package, namespace: str, key: str, store: ArtifactStore) -> str | None:
    if (namespace, key) == ("artifacts", "path"):
        return str(store.artifacts(package.name, package.version))
    if (namespace, key) == ("artifacts", "decompressedPath"):
        return str(store.unarchived(package.name, package.version))
    if (namespace, key) == ("work", "path"):
        return str(store.work(package.name))
    return None
