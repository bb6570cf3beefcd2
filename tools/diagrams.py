"""Draw what each stack of the app consists of: `python -m tools.diagrams` writes docs/diagrams/.

A frame is a construct that the author of the stack made, a box the resources of one type in one of its parts; a
solid arrow is a reference, a dashed one what a role may use. What only glues (policies, permissions, log groups) is
not drawn, but what it joins is.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "diagrams"

_GLUE = (
    "AWS::CDK::",
    "AWS::IAM::",
    "AWS::Logs::",
    "AWS::KMS::Alias",
    "AWS::Lambda::Permission",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::EventSourceMapping",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    "Custom::S3AutoDelete",
)
# A key is used by nearly everything: its arrows would hide the others.
_WITHOUT_ARROWS = ("AWS::KMS::Key",)

_NAMELESS = ("Resource", "Default")

_COLOURS = {
    "SageMaker": "#d3eee4",
    "Lambda": "#fde3c8",
    "StepFunctions": "#fbd3dd",
    "S3": "#dcefd2",
    "DynamoDB": "#d5e1f7",
    "CloudWatch": "#f7d9ec",
    "IoT": "#e2f0d9",
    "GreengrassV2": "#e2f0d9",
}

Template = Mapping[str, Any]


@dataclass(frozen=True, order=True, slots=True)
class Box:
    """The resources of one type in one part of a construct."""

    construct: str
    part: str
    type: str

    @property
    def id(self) -> str:
        """Its name in DOT."""
        return json.dumps(f"{self.construct}/{self.part}/{self.type}", ensure_ascii=False)


def dot_of(template: Template, *, title: str) -> str:
    """The drawing of a template, in DOT."""
    resources = template["Resources"]
    boxes = {logical: _box(logical, resource) for logical, resource in resources.items() if _drawn(resource)}
    counts = Counter(boxes.values())
    arrows = sorted(set(_arrows(resources, boxes)))
    return "\n".join(
        [
            f"digraph {json.dumps(title)} {{",
            '  graph [rankdir=LR, bgcolor=white, fontname="Helvetica", fontsize=11, nodesep=0.18, ranksep=0.5];',
            '  node [shape=box, style="rounded,filled", fillcolor="#eeeeee", color="#666666", '
            'fontname="Helvetica", fontsize=10, height=0.3, margin="0.2,0.06"];',
            '  edge [color="#555555", arrowsize=0.6];',
            *_clusters(counts),
            *(
                f"  {tail.id} -> {head.id}{' [style=dashed]' if dashed else ''};"
                for tail, head, dashed in arrows
            ),
            "}",
        ]
    )


def _drawn(resource: Mapping[str, Any]) -> bool:
    return not str(resource["Type"]).startswith(_GLUE)


def _box(logical: str, resource: Mapping[str, Any]) -> Box:
    path = str(resource.get("Metadata", {}).get("aws:cdk:path", logical)).split("/")
    # Stack/Construct/Part/…/Resource: the construct is what the author of the stack wrote.
    part = path[2] if len(path) > 2 and path[2] not in _NAMELESS else ""
    return Box(path[1] if len(path) > 2 else "", part, str(resource["Type"]))


def _clusters(counts: Counter[Box]) -> Iterator[str]:
    by_construct: dict[str, list[Box]] = defaultdict(list)
    for box in sorted(counts):
        by_construct[box.construct].append(box)
    for number, (construct, boxes) in enumerate(sorted(by_construct.items())):
        yield f"  subgraph cluster_{number} {{"
        yield f'    label={json.dumps(construct)}; style=rounded; color="#aaaaaa";'
        yield from (f"    {_node(box, counts[box])}" for box in boxes)
        yield "  }"


def _node(box: Box, count: int) -> str:
    parts = box.type.split("::")
    label = " ".join(parts[1:]) + (f" ×{count}" if count > 1 else "")
    if box.part and box.part != parts[-1]:
        label = f"{box.part}\\n{label}"
    colour = _COLOURS.get(parts[1], "#eeeeee")
    return f'{box.id} [label="{label}", fillcolor="{colour}"];'


def _arrows(
    resources: Mapping[str, Mapping[str, Any]], boxes: Mapping[str, Box]
) -> Iterator[tuple[Box, Box, bool]]:
    refers = {logical: set(_references(resource)) & set(resources) for logical, resource in resources.items()}
    may_use = _may_use(resources, refers)
    for logical, box in boxes.items():
        for dashed, others in ((False, refers[logical]), (True, _rights(refers[logical], may_use))):
            for other in others:
                head = boxes.get(other)
                if head is None or head == box or head.type in _WITHOUT_ARROWS:
                    continue
                if dashed and other in refers[logical]:
                    continue
                yield box, head, dashed


def _may_use(
    resources: Mapping[str, Mapping[str, Any]], refers: Mapping[str, set[str]]
) -> dict[str, set[str]]:
    """What each role may use: what the policies that name it name besides."""
    found: dict[str, set[str]] = defaultdict(set)
    for logical, resource in resources.items():
        if resource["Type"] == "AWS::IAM::Policy":
            roles = set(_references(resource["Properties"].get("Roles", [])))
            for role in roles:
                found[role] |= refers[logical] - roles
    return found


def _rights(referred: Iterable[str], may_use: Mapping[str, set[str]]) -> set[str]:
    return set().union(*(may_use.get(role, set()) for role in referred))


def _references(value: object) -> Iterator[str]:
    """The logical ids that a part of a template refers to; not what it merely waits for."""
    if isinstance(value, dict):
        if isinstance(value.get("Ref"), str):
            yield value["Ref"]
        attribute = value.get("Fn::GetAtt")
        if attribute:
            yield attribute[0] if isinstance(attribute, list) else str(attribute).partition(".")[0]
        for key, part in value.items():
            if key not in ("DependsOn", "Metadata"):
                yield from _references(part)
    elif isinstance(value, list):
        for part in value:
            yield from _references(part)


def draw(dots: Mapping[str, str]) -> dict[str, str]:
    """Each as SVG, drawn by Graphviz."""
    done = subprocess.run(  # noqa: S603 - our own script
        [str(ROOT / ".venv" / "bin" / "node"), str(ROOT / "tools" / "render_dot.mjs")],
        input=json.dumps(dict(dots)),
        capture_output=True,
        text=True,
        check=True,
    )
    return {name: _plain(svg) for name, svg in json.loads(done.stdout).items()}


def _plain(svg: str) -> str:
    """Without the version of Graphviz, which says nothing about the stack."""
    lines = svg.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("<svg"))
    return "\n".join(lines[start:]) + "\n"


def dots_of_app() -> dict[str, str]:
    """Every stack of `app.py`, by its name."""
    # The account and region that a CLI would have found would make other templates.
    for name in ("CDK_DEFAULT_ACCOUNT", "CDK_DEFAULT_REGION"):
        os.environ.pop(name, None)
    os.environ["CDK_CONTEXT_JSON"] = json.dumps({"aws:cdk:enable-path-metadata": True})
    from app import build

    with tempfile.TemporaryDirectory() as folder:
        assembly = build(folder).synth()
        return {stack.stack_name: dot_of(stack.template, title=stack.stack_name) for stack in assembly.stacks}


def main() -> int:
    """Write the drawings."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.glob("*.svg"):
        old.unlink()
    for name, svg in draw(dots_of_app()).items():
        (FOLDER / f"{name.lower()}.svg").write_text(svg, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
