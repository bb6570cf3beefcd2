"""What manifests would become, without deploying: synthesized into a folder of its own, weighed and compared."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import aws_cdk as cdk

from .comparing import Change, Json, Template, compare
from .deployments import Deployments, deploy
from .folder import EnvironmentFolder, Manifest, default_name, load
from .placement import Weight, overfull, placed, read_lock, too_much
from .problems import FIELD_RULE, ManifestError, Mark, Problem

_SETTINGS = "cdk.json"
_COMPLAINT = re.compile(r"\[(?P<path>[^\]]+)\]:? (?P<said>.+)")
_NOT_HERE = ("@aws-cdk/core:validateAgainstDefaultRules", "@aws-cdk/core:annotationsInValidationReport")
"""CDK's own rules and reports look at what is deployed when it is: here they would only take time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackPlan:
    """A stack, what lives in it, and what deploying it would do."""

    name: str
    deployments: tuple[str, ...]
    weight: Weight
    changes: tuple[Change, ...] | None
    """None where there is nothing to compare with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an environment would become."""

    environment: str
    stacks: tuple[StackPlan, ...]
    removed: tuple[str, ...] = ()
    """Stacks of this environment that are there and would be in it no longer; CDK does not destroy them by itself."""

    @property
    def changes(self) -> Iterator[Change]:
        """Of all stacks."""
        for stack in self.stacks:
            yield from stack.changes or ()


def settings(root: Path) -> Mapping[str, Json]:
    """The context that the CDK CLI would give the app: what plans show is what is deployed."""
    file = root / _SETTINGS
    if not file.is_file():
        return {}
    context: dict[str, Json] = json.loads(file.read_text(encoding="utf-8")).get("context", {})
    return {key: value for key, value in context.items() if key not in _NOT_HERE}


def plan(folder: Path, environment: str, *, against: Path | None = None) -> Plan:
    """What the manifests of an environment become.

    :param against: a folder with templates that are deployed, such as ``cdk.out`` of the last release.
    :raises ManifestError: with everything that is wrong in any manifest.
    """
    with tempfile.TemporaryDirectory() as out:
        app = cdk.App(outdir=out, context=dict(settings(folder.absolute().parent)))
        deployments = Deployments(app, folder, environment)
        _synthesize(app, deployments.environment, deployments.stack_of)
        stacks = [_stack_plan(name, Path(out), against, deployments.stack_of) for name in deployments.stacks]
    _refuse_overfull(deployments.environment, stacks)
    return Plan(
        environment=environment,
        stacks=tuple(stacks),
        removed=_removed(environment, against, set(deployments.stacks)),
    )


def _synthesize(app: cdk.App, environment: EnvironmentFolder, names: Mapping[str, str]) -> None:
    try:
        app.synth()
    except RuntimeError as error:
        raise ManifestError(_complaints(str(error), environment, names)) from error


def _complaints(text: str, environment: EnvironmentFolder, names: Mapping[str, str]) -> Iterator[Problem]:
    """What the finished tree is refused for, each at the manifest of the construct that says so."""
    prefixes = {
        f"{names[each.name]}/{each.name}": each for each in environment.manifests if each.name in names
    }
    found = False
    for line in text.splitlines():
        match = _COMPLAINT.search(line)
        if match is None:
            continue
        manifest = next((each for prefix, each in prefixes.items() if _within(match["path"], prefix)), None)
        if manifest is not None:
            found = True
            yield _complaint(manifest, match["said"])
    if not found:
        first = next((line for line in text.splitlines() if line.strip()), "refused")
        mark = Mark(environment.node.mark.file)
        yield Problem(mark=mark, path="", given="manifests that CDK refuses", allowed=first, rule=FIELD_RULE)


def _within(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(f"{prefix}/")


def _complaint(manifest: Manifest, said: str) -> Problem:
    rule = re.search(r"SM-[A-Z]+-\d{3}", said)
    return Problem(
        mark=manifest.node.place(("spec",)),
        path="spec",
        given="a spec that is refused as a whole",
        allowed=said,
        rule=rule[0] if rule else FIELD_RULE,
    )


def _stack_plan(name: str, out: Path, against: Path | None, stack_of: Mapping[str, str]) -> StackPlan:
    text = _template_file(out, name).read_text(encoding="utf-8")
    template: Template = json.loads(text)
    changes = None
    if against is not None:
        before = _template_file(against, name)
        old: Template = json.loads(before.read_text(encoding="utf-8")) if before.is_file() else {}
        changes = tuple(compare(name, old, template))
    return StackPlan(
        name=name,
        deployments=tuple(sorted(each for each, stack in stack_of.items() if stack == name)),
        weight=_weight(text, template),
        changes=changes,
    )


def _template_file(folder: Path, stack: str) -> Path:
    return folder / f"{stack}.template.json"


def _weight(text: str, template: Template) -> Weight:
    resources, outputs = template.get("Resources") or {}, template.get("Outputs") or {}
    assert isinstance(resources, dict)  # noqa: S101 - CDK wrote it
    assert isinstance(outputs, dict)  # noqa: S101
    return Weight(resources=len(resources), bytes=len(text.encode()), outputs=len(outputs))


def _refuse_overfull(environment: EnvironmentFolder, stacks: Sequence[StackPlan]) -> None:
    by_name = {each.name: each for each in environment.manifests}
    problems = [
        too_much(by_name[each.deployments[0]], environment.name, each.weight)
        if len(each.deployments) == 1
        else overfull(environment, each.name, each.weight)
        for each in stacks
        if each.weight.share > 1
    ]
    if problems:
        raise ManifestError(problems)


def _removed(environment: str, against: Path | None, names: set[str]) -> tuple[str, ...]:
    if against is None:
        return ()
    there = {each.name.removesuffix(".template.json") for each in against.glob("*.template.json")}
    return tuple(sorted(each for each in there - names if each.startswith(f"{environment}-")))


def new_lock(folder: Path, environment: str) -> tuple[EnvironmentFolder, dict[str, str]]:
    """The stack of each deployment with a group, where those that are recorded stay; new ones are weighed.

    :raises ManifestError: with everything that is wrong in any manifest.
    """
    read = load(folder, environment)
    recorded = read_lock(read).stacks
    return read, placed(read, weights(read), recorded)


def weights(environment: EnvironmentFolder) -> dict[str, Weight]:
    """What each deployment with a group takes by itself.

    :raises ManifestError: with everything that is wrong in any of them.
    """
    names = {
        each.name: default_name(environment.name, each.name)
        for each in environment.manifests
        if each.document.metadata.group is not None
    }
    with tempfile.TemporaryDirectory() as out:
        app = cdk.App(outdir=out, context=dict(settings(environment.root)))
        _, problems = deploy(app, environment, names)
        if problems:
            raise ManifestError(problems)
        _synthesize(app, environment, names)
        return {name: _stack_plan(stack, Path(out), None, {}).weight for name, stack in names.items()}
