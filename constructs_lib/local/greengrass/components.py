"""Versions of components: created from recipes, described, listed, deleted, and chosen for devices."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Iterator
from typing import Any

from .. import emulator
from ..emulator import Scope
from ..settings import settings
from . import faults, public, recipes, tags
from .errors import ConflictError, DeniedError, InvalidError, MissingError, NotEmulatedError
from .paging import page
from .request import Request
from .state import NAMESPACE, ComponentVersion, shelf
from .versions import Requirement, Version

#: How AWS calls an artefact that is not there, or that the caller may not read.
UNREADABLE = "Specified artifact resource cannot be accessed"
_tasks: set[asyncio.Task[None]] = set()


def arn_of(name: str, version: str | None = None, *, account: str | None = None) -> str:
    """The ARN of a component, or of a version of it."""
    scope = Scope.current()
    component = f"arn:aws:{NAMESPACE}:{scope.region}:{account or scope.account_id}:components:{name}"
    return component if version is None else f"{component}:versions:{version}"


def known() -> Iterator[ComponentVersion]:
    """Every version of every component of this account, and AWS's own."""
    for versions in shelf().components.values():
        yield from versions.values()
    yield from public.components()


def find(name: str, version: str) -> ComponentVersion | None:
    """The version of a component, or None."""
    return next(
        (each for each in known() if (each.recipe.name, each.recipe.version) == (name, version)), None
    )


async def create(request: Request) -> dict[str, Any]:
    """CreateComponentVersion: takes a recipe whose artefacts the caller can read."""
    given = request.members
    if "lambdaFunction" in given:
        raise NotEmulatedError("A component from a Lambda function")
    if "inlineRecipe" not in given:
        raise InvalidError("Invalid Input: inlineRecipe or lambdaFunction is required")
    recipe = recipes.parsed(_decoded(given["inlineRecipe"]))
    taken = shelf().components.get(recipe.name, {}).get(recipe.version)
    if taken is not None:
        raise ConflictError(
            f"Component [{recipe.name} : {recipe.version}] for account [{Scope.current().account_id}] already "
            f"exists with state: [{taken.state}]",
            kind="component",
            name=f"{recipe.name}:{recipe.version}",
        )
    _take_digests(recipe, request.role)
    version = ComponentVersion(
        recipe=recipe, arn=arn_of(recipe.name, recipe.version), tags=dict(given.get("tags") or {})
    )
    shelf().components.setdefault(recipe.name, {})[recipe.version] = version
    _later(_settle(version, Scope.current(), faults.take()))
    return {**_identity(version), "creationTimestamp": version.created, "status": _status(version)}


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise InvalidError("Invalid Input: inlineRecipe is not in Base64") from None


def _take_digests(recipe: recipes.Recipe, role: str | None) -> None:
    """Write down what each artefact is, as AWS does: devices compare it. InvalidError for what cannot be read."""
    errors: dict[str, str] = {}
    for artifact in recipe.artifacts:
        content = _readable(artifact["Uri"], role)
        if content is None:
            errors[artifact["Uri"]] = UNREADABLE
        else:
            digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
            artifact |= {"Digest": digest, "Algorithm": "SHA-256"}
    if errors:
        told = ", ".join(f"{uri} = {error}" for uri, error in errors.items())
        raise InvalidError(f"Invalid Input: Encountered following errors in Artifacts: {{{told}}}")


def _readable(uri: str, role: str | None) -> bytes | None:
    bucket, key = recipes.s3_location(uri) or ("", "")
    arn = f"arn:aws:s3:::{bucket}/{key}"
    if (
        role is not None
        and emulator.iam_is_enforced()
        and not emulator.role_allows(role, "s3:GetObject", arn)
    ):
        return None
    return emulator.read_object(bucket, key)


async def _settle(version: ComponentVersion, scope: Scope, fault: str | None) -> None:
    """Make it deployable, a moment later; or failed, when an artefact is gone by then."""
    await asyncio.sleep(settings().update_delay)
    with scope.active():
        for artifact in version.recipe.artifacts:
            bucket, key = recipes.s3_location(artifact["Uri"]) or ("", "")
            if not emulator.object_exists(bucket, key):
                version.errors[artifact["Uri"]] = UNREADABLE
    if fault is not None or version.errors:
        version.state, version.message = "FAILED", fault or "Encountered errors in Artifacts"
    else:
        version.state = "DEPLOYABLE"


def _later(work: Any) -> None:
    task = asyncio.get_running_loop().create_task(work)
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


def _status(version: ComponentVersion) -> dict[str, Any]:
    return {
        "componentState": version.state,
        "message": version.message,
        "errors": dict(version.errors),
        "vendorGuidance": "ACTIVE",
    }


def _identity(version: ComponentVersion) -> dict[str, Any]:
    return {
        "arn": version.arn,
        "componentName": version.recipe.name,
        "componentVersion": version.recipe.version,
    }


def _found(arn: str) -> ComponentVersion:
    for version in known():
        if version.arn == arn:
            return version
    raise MissingError(f"Component version not found: {arn}", kind="component", name=arn)


def _described(version: ComponentVersion) -> dict[str, Any]:
    document = version.recipe.document
    told = {"publisher": "ComponentPublisher", "description": "ComponentDescription"}
    return {
        **{member: document[key] for member, key in told.items() if document.get(key)},
        "creationTimestamp": version.created,
        "platforms": version.recipe.platforms,
    }


async def describe(request: Request) -> dict[str, Any]:
    """DescribeComponent."""
    version = _found(request.members["arn"])
    answer = {**_identity(version), **_described(version), "status": _status(version)}
    return tags.with_tags(answer, version.tags)


async def get(request: Request) -> dict[str, Any]:
    """GetComponent: the recipe, with the digests of its artefacts."""
    version = _found(request.members["arn"])
    output_format = request.members.get("recipeOutputFormat", "JSON")
    text = version.recipe.as_text(output_format)
    answer = {"recipeOutputFormat": output_format, "recipe": base64.b64encode(text.encode()).decode()}
    return tags.with_tags(answer, version.tags)


async def delete(request: Request) -> dict[str, Any]:
    """DeleteComponent: devices that have it keep it; deployments that name it fail from then on."""
    version = _found(request.members["arn"])
    if version.recipe.name.startswith(recipes.RESERVED):
        raise DeniedError(f"Access denied to {version.arn}")
    versions = shelf().components[version.recipe.name]
    del versions[version.recipe.version]
    if not versions:
        del shelf().components[version.recipe.name]
    return {}


async def list_versions(request: Request) -> dict[str, Any]:
    """ListComponentVersions: the newest first."""
    arn = request.members["arn"]
    found = [each for each in known() if each.arn.rpartition(":versions:")[0] == arn]
    if not found:
        raise MissingError(f"Component not found: {arn}", kind="component", name=arn)
    return page("componentVersions", [_identity(each) for each in _newest_first(found)], request.members)


async def list_all(request: Request) -> dict[str, Any]:
    """ListComponents: those of this account, or with the scope PUBLIC AWS's."""
    if request.members.get("scope", "PRIVATE") == "PUBLIC":
        groups = [[each] for each in public.components()]
    else:
        groups = [list(versions.values()) for _name, versions in sorted(shelf().components.items())]
    found = [_listed(_newest_first(versions)[0]) for versions in groups]
    return page("components", found, request.members)


def _listed(latest: ComponentVersion) -> dict[str, Any]:
    return {
        "arn": latest.arn.rpartition(":versions:")[0],
        "componentName": latest.recipe.name,
        "latestVersion": {
            "arn": latest.arn,
            "componentVersion": latest.recipe.version,
            **_described(latest),
        },
    }


def _newest_first(versions: list[ComponentVersion]) -> list[ComponentVersion]:
    return sorted(versions, key=lambda each: Version.of(each.recipe.version), reverse=True)


async def resolve(request: Request) -> dict[str, Any]:
    """ResolveComponentCandidates: the newest version of each component that meets all that is asked of it."""
    chosen = [_chosen(each) for each in request.members.get("componentCandidates") or ()]
    return {
        "resolvedComponentVersions": [
            {
                **_identity(each),
                "recipe": base64.b64encode(each.recipe.as_text("JSON").encode()).decode(),
                "vendorGuidance": "ACTIVE",
            }
            for each in chosen
        ]
    }


def _chosen(candidate: dict[str, Any]) -> ComponentVersion:
    name = candidate.get("componentName", "")
    asked: dict[str, str] = candidate.get("versionRequirements") or {}
    try:
        requirements = [Requirement.of(text) for text in asked.values()]
    except ValueError as error:
        raise InvalidError(f"Invalid Input: {error}") from None
    fitting = [
        each
        for each in known()
        if each.recipe.name == name
        and each.state == "DEPLOYABLE"
        and all(requirement.allows(each.recipe.version) for requirement in requirements)
    ]
    if not fitting:
        told = ", ".join(f"{who} requires {text}" for who, text in asked.items())
        raise MissingError(
            f"No cloud component {name} satisfies the requirements: {told}", kind="component", name=name
        )
    return _newest_first(fitting)[0]
