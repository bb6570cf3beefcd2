"""Print `docs/rules.md`: every rule of the library with its id, its meaning and its source.

python -m tools.rule_catalogue > docs/rules.md

With ``--data`` the same as JSON, for what reads templates and must not import the rooms::

    python -m tools.rule_catalogue --data > constructs_lib/rules/catalogue.json
"""

from __future__ import annotations

import json
import pkgutil
import sys
from collections.abc import Iterable
from dataclasses import asdict
from importlib import import_module
from itertools import groupby

import constructs_lib
from constructs_lib.core.catalogue import CATALOGUE, RuleEntry
from constructs_lib.rules.guard_rules import GUARDED
from constructs_lib.rules.registry import TEMPLATE_RULES

# Runtime code ships to AWS and has no rules; the embedded AWS has an environment of its own.
_WITHOUT_RULES = ("runtime", "local")

_TITLES = {
    "ABTEST": "A/B tests",
    "ACTION": "Actions of monitors",
    "ALARM": "Alarms and dashboards of endpoints",
    "ANALYSIS": "Canary analysis",
    "ASYNC": "Asynchronous endpoints",
    "BASELINE": "Baselines",
    "BATCH": "Batch transforms",
    "CAPTURE": "Data capture",
    "COMPONENT": "Inference components",
    "COMPUTE": "What monitors run on",
    "CONTAINER": "Containers",
    "DATA": "Model data",
    "DELIVERY": "Delivery",
    "DRIFT": "Drift tests",
    "ENDPOINT": "Endpoints",
    "HA": "High availability",
    "IMAGE": "Images",
    "INSTANCE": "Instance types",
    "KMS": "Encryption",
    "MODEL": "Models",
    "MODELMONITOR": "Model Monitor",
    "MONITOR": "Monitors",
    "MULTIMODEL": "Multi-model endpoints",
    "PIPELINE": "Inference pipelines",
    "ROLLOUT": "Rollouts",
    "SCALING": "Auto scaling",
    "SERVERLESS": "Serverless endpoints",
    "SHADOW": "Shadow tests",
    "TEMPLATE": "Templates",
    "TRUTH": "Ground truth",
    "VARIANT": "Variants",
}

_INTRODUCTION = """\
# Rules

<!-- Made by `python -m tools.rule_catalogue`. Do not edit. -->

Every rule has an id that stays the same from release to release.

An **error** stops synthesis. It raises `ConstraintError`, which lists all broken rules of one construct
together: the property, what was given, what is allowed, how to mend it, and the AWS page it comes from.
Values that only the deployment knows (tokens) are not checked.

A **warning** does not stop anything. The CDK CLI prints it with the path of the construct. Where it is
right to go on, acknowledge it with a reason: see
[how to acknowledge a warning](realtime.md#acknowledge-a-warning).

The source links the AWS page that a rule comes from.

**Templates** says where else a rule is checked: `yes` where `python -m constructs_lib.rules check` finds it in
any CloudFormation template, `Guard` where it is shipped as a Guard rule too, — where a template does not show
it, because it is about files, about functions of the library, or about something that is refused before a
template is made. [How to check templates](template-rules.md).
"""


def rules() -> list[RuleEntry]:
    """Every rule of every room, by id."""
    _import_rooms()
    return [CATALOGUE[id] for id in sorted(CATALOGUE)]


def _import_rooms() -> None:
    for module in _modules(constructs_lib.__path__, f"{constructs_lib.__name__}."):
        import_module(module)


def _modules(path: Iterable[str], prefix: str) -> Iterable[str]:
    """Modules below `path`, without descending into packages that have no rules."""
    for module in pkgutil.iter_modules(path, prefix):
        if module.name.rsplit(".", 1)[-1] in _WITHOUT_RULES:
            continue
        yield module.name
        if module.ispkg:
            yield from _modules(import_module(module.name).__path__, f"{module.name}.")


def area(entry: RuleEntry) -> str:
    """The heading that a rule stands under: ``SM-ROLLOUT-003`` → ``Rollouts``."""
    key = entry.id.split("-")[1]
    return _TITLES.get(key, key.capitalize())


def page(entries: Iterable[RuleEntry]) -> str:
    """The whole page."""
    ordered = sorted(entries, key=lambda entry: (area(entry), entry.id))
    sections = [_section(title, list(group)) for title, group in groupby(ordered, key=area)]
    return "\n".join([_INTRODUCTION, *sections])


def _section(title: str, entries: Iterable[RuleEntry]) -> str:
    rows = [
        f"| `{entry.id}` | {entry.severity} | {_cell(entry.summary)} | {_on_templates(entry.id)} "
        f"| [AWS]({entry.source}) |"
        for entry in entries
    ]
    head = ["| Id | Severity | Rule | Templates | Source |", "|---|---|---|---|---|"]
    return "\n".join([f"## {title}", "", *head, *rows, ""])


def _on_templates(id: str) -> str:
    if id in GUARDED:
        return "yes, Guard"
    return "yes" if any(rule.id == id for rule in TEMPLATE_RULES) else "—"


def data(entries: Iterable[RuleEntry]) -> str:
    """The rules as JSON, one a line."""
    lines = ",\n".join(json.dumps(asdict(entry), ensure_ascii=False) for entry in entries)
    return f"[\n{lines}\n]\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    print(data(rules()) if "--data" in sys.argv[1:] else page(rules()), end="")
