"""The rules of manifests in the catalogue; what finds them broken is spread over this room, and starts no CDK."""

from __future__ import annotations

from ..core.rules import API_REFERENCE, listed
from . import problems

_TEMPLATES = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/"
_LIMITS = _TEMPLATES + "cloudformation-limits.html"
_CDK = "https://docs.aws.amazon.com/cdk/v2/guide/"

MANIFEST_RULES = tuple(
    listed(id=id, summary=summary, source=source)
    for id, summary, source in (
        (
            problems.YAML_RULE,
            "A manifest is one YAML document of plain maps, lists and scalars, each key once.",
            _TEMPLATES + "template-formats.html",
        ),
        (
            problems.KIND_RULE,
            "A manifest has a known apiVersion and kind, and the name of its file.",
            _CDK + "constructs.html",
        ),
        (
            problems.FIELD_RULE,
            "Each field of a manifest is known, there where it is needed, and of its type.",
            _CDK + "best-practices.html",
        ),
        (
            problems.PINNED_RULE,
            "Images, models and data are pinned by digest, version or the ARN of a package's version.",
            API_REFERENCE + "API_ContainerDefinition.html",
        ),
        (
            problems.COLLISION_RULE,
            "No two deployments of an environment share a physical name or a stack's name.",
            _CDK + "identifiers.html",
        ),
        (
            problems.FILE_RULE,
            "Paths in manifests stay in the repository, links followed, and the file of a smoke test is there.",
            _CDK + "assets.html",
        ),
        (
            problems.FOLDER_RULE,
            "An environment's folder holds _environment.yaml and manifests, and nothing that would not be read.",
            _CDK + "environments.html",
        ),
        (
            problems.LOCK_RULE,
            "The stack of each deployment with a group is recorded in stacks.lock, and stays.",
            _TEMPLATES + "refactor-stacks.html",
        ),
        (
            problems.LIMIT_RULE,
            "No stack has more than 500 resources, 200 outputs or a template of 1 MB.",
            _LIMITS,
        ),
    )
)
"""Their lines."""
