"""Which versions of which components a device runs: what deployments name, and what that depends on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .cloud import CloudError
from .recipe import NoManifestError, Package, package_of

Resolve = Callable[[str, Mapping[str, str]], dict[str, Any]]


class ResolutionError(Exception):
    """No versions meet all that is asked of them."""


def resolved(
    roots: Mapping[str, Mapping[str, str]], ask: Resolve, platform: Mapping[str, str]
) -> dict[str, Package]:
    """A package for every component that is needed. ResolutionError when requirements are at odds.

    A component is asked for again when another one requires more of it.
    """
    asked: dict[str, dict[str, str]] = {name: dict(each) for name, each in roots.items()}
    found: dict[str, Package] = {}
    answered: dict[str, dict[str, str]] = {}
    waiting = list(roots)
    while waiting:
        name = waiting.pop(0)
        if answered.get(name) == asked[name]:
            continue
        answered[name] = dict(asked[name])
        found[name] = _package(name, asked[name], ask, platform)
        for other, dependency in found[name].dependencies.items():
            asked.setdefault(other, {})[name] = dependency["VersionRequirement"]
            waiting.append(other)
    _refuse_circles(found)
    return found


def _package(name: str, asked: Mapping[str, str], ask: Resolve, platform: Mapping[str, str]) -> Package:
    try:
        return package_of(ask(name, asked), platform)
    except NoManifestError as error:
        raise ResolutionError(str(error)) from error
    except CloudError as error:
        told = ", ".join(f"{who} requires {what}" for who, what in asked.items())
        raise ResolutionError(
            f"Failed to negotiate component '{name}' version with cloud and no local applicable version satisfying "
            f"requirement '{told}'. {error}"
        ) from error


def _refuse_circles(packages: Mapping[str, Package]) -> None:
    done: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise ResolutionError(f"Circular dependency: {' -> '.join((*above, name))}")
        if name not in done:
            for other in packages[name].dependencies:
                visit(other, (*above, name))
            done.add(name)

    for name in packages:
        visit(name, ())
