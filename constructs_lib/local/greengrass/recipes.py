"""Recipes of components: what they say, and what AWS demands of them.

The wordings of refusals are ours, but for what a version or an artefact that cannot be read is called.

Source: https://docs.aws.amazon.com/greengrass/v2/developerguide/component-recipe-reference.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from .errors import InvalidError, NotEmulatedError
from .versions import Requirement, Version

FORMAT_VERSION = "2020-01-25"
#: AWS's own components; nobody else may take such a name.
RESERVED = "aws.greengrass."
_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,128}")
_S3_URI = re.compile(r"s3://(?P<bucket>[^/]+)/(?P<key>.+)")
_TOP = frozenset(
    {
        "RecipeFormatVersion", "ComponentName", "ComponentVersion", "ComponentDescription", "ComponentPublisher",
        "ComponentType", "ComponentSource", "ComponentConfiguration", "ComponentDependencies", "Manifests",
        "Lifecycle",
    }
)  # fmt: skip
_MANIFEST = frozenset({"Name", "Platform", "Lifecycle", "Selections", "Artifacts"})
_ARTIFACT = frozenset({"Uri", "Unarchive", "Permission", "Digest", "Algorithm"})
_PHASES = frozenset({"setenv", "bootstrap", "install", "startup", "run", "shutdown", "recover", "uninstall"})
_PHASE = frozenset(
    {"script", "requiresprivilege", "skipif", "timeout", "setenv", "bootstraponrollback", "posixshell"}
)
_UNARCHIVE = ("NONE", "ZIP")
_PERMISSIONS = {"read": ("NONE", "OWNER", "ALL"), "execute": ("NONE", "OWNER", "ALL")}
_DEPENDENCIES = ("HARD", "SOFT")


@dataclass(frozen=True, slots=True)
class Recipe:
    """A recipe that AWS would take, with its keys as AWS writes them."""

    document: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The component's name."""
        return str(self.document["ComponentName"])

    @property
    def version(self) -> str:
        """The component's version."""
        return str(self.document["ComponentVersion"])

    @property
    def artifacts(self) -> Iterator[dict[str, Any]]:
        """The artefacts of all manifests."""
        for manifest in self.document["Manifests"]:
            yield from manifest.get("Artifacts", [])

    @property
    def platforms(self) -> list[dict[str, Any]]:
        """The platforms of the manifests, as DescribeComponent tells them."""
        return [
            {
                **({"name": manifest["Name"]} if manifest.get("Name") else {}),
                "attributes": dict(manifest.get("Platform") or {"os": "*"}),
            }
            for manifest in self.document["Manifests"]
        ]

    def as_text(self, output_format: str) -> str:
        """The recipe in JSON or YAML."""
        if output_format == "YAML":
            return str(yaml.safe_dump(dict(self.document), sort_keys=False))
        return json.dumps(self.document)


def parsed(text: bytes) -> Recipe:
    """The recipe in a JSON or YAML text; InvalidError that tells all that is wrong with it."""
    try:
        document = yaml.safe_load(text.decode())
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidError(f"Invalid Input: The recipe is neither JSON nor YAML: {error}") from None
    if not isinstance(document, dict):
        raise InvalidError("Invalid Input: The recipe is not an object")
    document = _with_aws_spelling(document)
    problems = list(_problems(document))
    if problems:
        raise InvalidError("Invalid Input: " + "; ".join(problems))
    if document.get("ComponentType", "aws.greengrass.generic") != "aws.greengrass.generic":
        raise NotEmulatedError(f"ComponentType {document['ComponentType']}")
    return Recipe(document)


def s3_location(uri: str) -> tuple[str, str] | None:
    """The bucket and the key of an artefact; None when it is not in S3."""
    match = _S3_URI.fullmatch(uri)
    return None if match is None else (match["bucket"], match["key"])


def _with_aws_spelling(document: dict[str, Any]) -> dict[str, Any]:
    """Top-level and artefact keys are read whatever their case is; AWS gives them back in its own."""
    top = _respelled(document, _TOP)
    manifests = top.get("Manifests")
    if isinstance(manifests, list):
        top["Manifests"] = [_manifest(each) if isinstance(each, dict) else each for each in manifests]
    if top.get("ComponentVersion") is not None:
        top["ComponentVersion"] = str(top["ComponentVersion"])
    if top.get("RecipeFormatVersion") is not None:
        # YAML reads a date where no quotes are.
        top["RecipeFormatVersion"] = str(top["RecipeFormatVersion"])
    return top


def _manifest(given: dict[str, Any]) -> dict[str, Any]:
    manifest = _respelled(given, _MANIFEST)
    artifacts = manifest.get("Artifacts")
    if isinstance(artifacts, list):
        manifest["Artifacts"] = [
            _respelled(each, _ARTIFACT) if isinstance(each, dict) else each for each in artifacts
        ]
    return manifest


def _respelled(given: dict[str, Any], names: frozenset[str]) -> dict[str, Any]:
    spelling = {name.lower(): name for name in names}
    return {spelling.get(str(key).lower(), str(key)): value for key, value in given.items()}


def _problems(document: dict[str, Any]) -> Iterator[str]:
    for key in sorted(document.keys() - _TOP):
        yield f"Unknown key {key} in the recipe"
    for key in ("RecipeFormatVersion", "ComponentName", "ComponentVersion", "Manifests"):
        if document.get(key) is None:
            yield f"The recipe has no {key}"
    if document.get("RecipeFormatVersion") not in (None, FORMAT_VERSION):
        yield f"RecipeFormatVersion must be {FORMAT_VERSION}"
    yield from _identity_problems(document)
    yield from _dependency_problems(document.get("ComponentDependencies") or {})
    configuration = document.get("ComponentConfiguration") or {}
    if not isinstance(configuration, dict) or configuration.keys() - {"DefaultConfiguration"}:
        yield "ComponentConfiguration takes DefaultConfiguration and nothing else"
    elif not isinstance(configuration.get("DefaultConfiguration") or {}, dict):
        yield "DefaultConfiguration must be an object"
    manifests = document.get("Manifests")
    if manifests is not None and (not isinstance(manifests, list) or not manifests):
        yield "Manifests must be a list of one manifest or more"
    for manifest in manifests if isinstance(manifests, list) else ():
        yield from _manifest_problems(manifest)
    yield from _lifecycle_problems(document.get("Lifecycle"), selections=True)


def _identity_problems(document: dict[str, Any]) -> Iterator[str]:
    name = document.get("ComponentName")
    if name is not None and (not isinstance(name, str) or _NAME.fullmatch(name) is None):
        yield "ComponentName must have 1 to 128 characters of a-z, A-Z, 0-9, _, . and -"
    elif isinstance(name, str) and name.startswith(RESERVED):
        yield f"ComponentName must not begin with {RESERVED}, which is AWS's"
    if document.get("ComponentVersion") is not None:
        try:
            Version.of(document["ComponentVersion"])
        except ValueError as error:
            yield f"ComponentVersion: {error}"


def _dependency_problems(dependencies: Any) -> Iterator[str]:
    if not isinstance(dependencies, dict):
        yield "ComponentDependencies must be an object"
        return
    for name, given in dependencies.items():
        each = _respelled(given, frozenset({"VersionRequirement", "DependencyType"})) if given else {}
        if each.keys() - {"VersionRequirement", "DependencyType"}:
            yield f"The dependency {name} takes VersionRequirement and DependencyType and nothing else"
        if each.get("DependencyType", "HARD") not in _DEPENDENCIES:
            yield f"The DependencyType of {name} must be HARD or SOFT"
        try:
            Requirement.of(str(each.get("VersionRequirement", "")))
        except ValueError as error:
            yield f"The VersionRequirement of {name}: {error}"


def _manifest_problems(manifest: Any) -> Iterator[str]:
    if not isinstance(manifest, dict):
        yield "A manifest must be an object"
        return
    for key in sorted(manifest.keys() - _MANIFEST):
        yield f"Unknown key {key} in a manifest"
    platform = manifest.get("Platform")
    if platform is not None and (
        not isinstance(platform, dict) or not all(isinstance(value, str) for value in platform.values())
    ):
        yield "Platform must be an object of texts"
    yield from _lifecycle_problems(manifest.get("Lifecycle"))
    for artifact in manifest.get("Artifacts") or ():
        yield from _artifact_problems(artifact)


def _lifecycle_problems(lifecycle: Any, *, selections: bool = False) -> Iterator[str]:
    if lifecycle is None:
        return
    if not isinstance(lifecycle, dict):
        yield "Lifecycle must be an object"
        return
    phases = {str(key).lower(): value for key, value in lifecycle.items()}
    if selections and not phases.keys() & _PHASES:
        # The global lifecycle may be a map of platforms and selection keys to lifecycles.
        for part in lifecycle.values():
            yield from _lifecycle_problems(part)
        return
    for key in sorted(phases.keys() - _PHASES):
        yield f"Unknown lifecycle step {key}"
    if {"startup", "run"} <= phases.keys():
        yield "A lifecycle has Startup or Run, not both"
    for name, step in phases.items():
        if name != "setenv" and name in _PHASES:
            yield from _step_problems(name, step)


def _step_problems(name: str, step: Any) -> Iterator[str]:
    if isinstance(step, str):
        return
    if not isinstance(step, dict):
        yield f"The lifecycle step {name} must be a script or an object"
        return
    given = {str(key).lower(): value for key, value in step.items()}
    for key in sorted(given.keys() - _PHASE):
        yield f"Unknown key {key} in the lifecycle step {name}"
    if not isinstance(given.get("script"), str):
        yield f"The lifecycle step {name} has no Script"
    timeout = given.get("timeout", 1)
    if isinstance(timeout, bool) or not isinstance(timeout, int) or timeout < 1:
        yield f"The Timeout of the lifecycle step {name} must be a number of seconds"


def _artifact_problems(artifact: Any) -> Iterator[str]:
    if not isinstance(artifact, dict):
        yield "An artifact must be an object"
        return
    for key in sorted(artifact.keys() - _ARTIFACT):
        yield f"Unknown key {key} in an artifact"
    if s3_location(str(artifact.get("Uri") or "")) is None:
        yield f"The URI of an artifact must be an object of S3, s3://bucket/key, not {artifact.get('Uri')!r}"
    if artifact.get("Unarchive", "NONE") not in _UNARCHIVE:
        yield f"Unarchive must be one of {', '.join(_UNARCHIVE)}"
    for key, value in (artifact.get("Permission") or {}).items():
        if value not in _PERMISSIONS.get(str(key).lower(), ()):
            yield f"Permission: {key} {value} is none of Read and Execute with NONE, OWNER or ALL"
