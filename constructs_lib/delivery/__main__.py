"""Manifests from a shell: ``python -m constructs_lib.delivery validate | plan | lock | schema``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from .folder import environments
from .printing import plan_as_json, plan_as_markdown, plan_as_text
from .problems import FORMATS, ManifestError, Problem, in_order, printed

RIGHT, WRONG, MISUSED = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0: all is right, 1: manifests have problems, 2: it was called wrongly."""
    given = _parser().parse_args(arguments)
    if given.command == "schema":
        print(schema_text(), end="")
        return RIGHT
    folder = Path(given.folder)
    if not folder.is_dir():
        print(f"no folder {folder}", file=sys.stderr)
        return MISUSED
    names = [given.environment] if given.environment is not None else environments(folder)
    if not names:
        print(f"no environment in {folder}", file=sys.stderr)
        return MISUSED
    if given.command == "lock":
        return _lock(folder, names)
    return _plan(folder, names, given)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m constructs_lib.delivery", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, told in (
        ("validate", "say everything that is wrong in any manifest"),
        ("plan", "say what manifests become, and what that changes"),
        ("lock", "record the stacks of new deployments with a group"),
    ):
        command = commands.add_parser(name, help=told)
        command.add_argument("--folder", default="deployments", help="default: deployments")
        command.add_argument("--environment", help="default: all")
        command.add_argument("--format", choices=FORMATS, default="text")
        if name == "plan":
            command.add_argument(
                "--against", type=Path, help="an assembly, such as cdk.out of the last release"
            )
    commands.add_parser("schema", help="print the JSON Schema of manifests")
    return parser


def schema_text() -> str:
    """The JSON Schema of manifests, as ``deployments/schema.json`` has it."""
    from .schema.document import DOCUMENT

    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Manifests of constructs-lib",
        **DOCUMENT.json_schema(by_alias=True),
    }
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def _plan(folder: Path, names: Sequence[str], given: argparse.Namespace) -> int:
    # Here and not above: starting the CDK takes a second that the schema need not wait for.
    from .planning import plan

    problems: list[Problem] = []
    plans = []
    for name in names:
        try:
            plans.append(plan(folder, name, against=given.against if given.command == "plan" else None))
        except ManifestError as error:
            problems += error.problems
    ordered = in_order(problems)
    if ordered:
        print(printed(ordered, given.format))
        if given.format == "text":
            print(f"{len(ordered)} problem{'s' if len(ordered) > 1 else ''}")
        return WRONG
    if given.command == "validate":
        count = sum(len(stack.deployments) for each in plans for stack in each.stacks)
        right = {"json": printed((), "json"), "github": "", "text": f"{count} deployments are right"}
        print(right[given.format])
        return RIGHT
    shown = {"json": plan_as_json, "github": plan_as_markdown, "text": plan_as_text}
    print(shown[given.format](plans))
    return RIGHT


def _lock(folder: Path, names: Sequence[str]) -> int:
    from .placement import Lock, lock_file
    from .planning import new_lock

    try:
        locks = [new_lock(folder, name) for name in names]
    except ManifestError as error:
        print(printed(error.problems, "text"))
        return WRONG
    for environment, stacks in locks:
        file = lock_file(environment)
        if stacks:
            file.write_text(Lock(stacks, {}).text())
        else:
            file.unlink(missing_ok=True)
        print(f"{environment.name}: {len(stacks)} deployments in {len(set(stacks.values()))} stacks")
    return RIGHT


if __name__ == "__main__":
    sys.exit(main())
