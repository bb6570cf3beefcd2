"""Rules for templates: which rules of the catalogue there are, and what they say of a template."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from ..core.catalogue import CATALOGUE, Broken, RuleEntry
from .template import Resource, Template

Check = Callable[[Resource], Iterable[Broken]]
"""What is wrong with one resource; the properties it names are CloudFormation's."""


@dataclass(frozen=True, slots=True)
class TemplateRule:
    """A check of the resources of some types, under the id of a rule of the catalogue."""

    id: str
    types: tuple[str, ...]
    check: Check

    def speaks_of(self, type: str) -> bool:
        """Whether it looks at resources of `type`. A type that ends with ``::`` stands for all that begin with it."""
        return any(type == each or (each.endswith("::") and type.startswith(each)) for each in self.types)


TEMPLATE_RULES: list[TemplateRule] = []
"""Every check, in the order of the modules."""


def template_rule(id: str, *types: str) -> Callable[[Check], Check]:
    """Register the decorated check of resources of `types` under the id of a rule."""

    def register(check: Check) -> Check:
        TEMPLATE_RULES.append(TemplateRule(id, types, check))
        return check

    return register


@cache
def entries() -> Mapping[str, RuleEntry]:
    """The rules of the whole library by id, read from ``catalogue.json``: importing their rooms would start jsii.

    `python -m tools.rule_catalogue --data` makes that file; a test compares them.
    """
    text = resources.files(__package__).joinpath("catalogue.json").read_text(encoding="utf-8")
    return {**{each["id"]: RuleEntry(**each) for each in json.loads(text)}, **CATALOGUE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A rule that a resource of a template breaks."""

    rule: RuleEntry
    file: str
    line: int
    resource: str
    """Its logical id."""
    type: str
    broken: Broken

    @property
    def is_error(self) -> bool:
        """Whether it is more than advice."""
        return self.rule.severity == "error"


def findings(template: Template, *, ignoring: Iterable[str] = ()) -> list[Finding]:
    """What is wrong with `template`, by line.

    What a resource acknowledges in its metadata is left out, and so are the rules of `ignoring`.

    Example::

        findings(Template.read("template.yaml"))
    """
    ignored = frozenset(ignoring)
    found = [
        Finding(
            rule=entries()[rule.id],
            file=template.file,
            line=resource.line(broken.property),
            resource=resource.logical_id,
            type=resource.type,
            broken=broken,
        )
        for resource in template.resources
        for rule in TEMPLATE_RULES
        if rule.speaks_of(resource.type) and rule.id not in ignored | acknowledged(resource)
        for broken in rule.check(resource)
    ]
    return sorted(found, key=lambda each: (each.line, each.rule.id, each.broken.property))


def acknowledged(resource: Resource) -> frozenset[str]:
    """The ids in ``Metadata: {constructs_lib: {ignore: [{id, reason}]}}``; one without a reason does not count."""
    ours = resource.metadata.get("constructs_lib")
    listed = ours.get("ignore") if isinstance(ours, dict) else None
    return frozenset(_acknowledged(listed if isinstance(listed, list) else []))


def _acknowledged(listed: list[object]) -> Iterator[str]:
    for each in listed:
        if (
            isinstance(each, dict)
            and isinstance(each.get("id"), str)
            and str(each.get("reason") or "").strip()
        ):
            yield each["id"]
