"""The steps: ``python -m constructs_lib.delivery.pipeline synth | unpack | deploy | diff | comment | drift``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from . import cdk
from .assembly import PipelineError, environments, pack, unpack
from .comment import comment
from .github import PullRequest, output

_ASSEMBLY = Path("build/assembly")
_ARCHIVE = Path("build/assembly.tar.gz")
_DIFFS = Path("build/diffs")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one step; 1 when it fails."""
    told = _parser().parse_args(arguments)
    try:
        told.step(told)
    except PipelineError as error:
        print(f"::error::{error}" if os.environ.get("GITHUB_ACTIONS") else error, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m constructs_lib.delivery.pipeline", description=__doc__)
    steps = parser.add_subparsers(required=True, metavar="STEP")

    step = steps.add_parser("synth", help="synthesize every environment once, and pack what came out")
    step.add_argument("--deployments", type=Path, default=Path("deployments"))
    step.add_argument("--archive", type=Path, default=_ARCHIVE)
    step.add_argument("--context", action="append", default=[], metavar="NAME=VALUE")
    step.set_defaults(step=_synth)

    step = steps.add_parser("unpack", help="unpack what was synthesized, if it is that")
    step.add_argument("--archive", type=Path, default=_ARCHIVE)
    step.add_argument("--digest", required=True)
    step.set_defaults(step=_unpack)

    for name, what, does in (
        ("deploy", "deploy all stacks of an environment", _deploy),
        ("drift", "fail when what is deployed was changed by other means", _drift),
    ):
        step = steps.add_parser(name, help=what)
        step.add_argument("environment")
        step.set_defaults(step=does)

    step = steps.add_parser("diff", help="how environments differ from what is deployed")
    step.add_argument("environments", nargs="*", help="in the order of the comment; default: all")
    step.set_defaults(step=_diff)

    step = steps.add_parser("comment", help="comment what `diff` found on a pull request")
    step.add_argument("environments", nargs="*")
    step.add_argument("--pull-request", type=int, help="its number; default: print the comment")
    step.add_argument("--commit", default=os.environ.get("GITHUB_SHA", "unknown"))
    step.set_defaults(step=_comment)

    for each in steps.choices.values():
        each.add_argument("--assembly", type=Path, default=_ASSEMBLY, help="folder with one assembly each")
        each.add_argument("--diffs", type=Path, default=_DIFFS)
    return parser


def _synth(told: argparse.Namespace) -> None:
    if told.assembly.exists() and any(told.assembly.iterdir()):
        raise PipelineError(f"{told.assembly} is not empty: what lies there would be packed too")
    context = dict(_pair(each) for each in told.context)
    for environment in environments(told.deployments):
        print(f"synthesizing {environment}", flush=True)
        cdk.synth(environment, told.assembly / environment, context)
    output("digest", pack(told.assembly, told.archive))


def _pair(given: str) -> tuple[str, str]:
    name, equals, value = given.partition("=")
    if not name or not equals:
        raise PipelineError(f"--context {given}: NAME=VALUE is wanted")
    return name, value


def _unpack(told: argparse.Namespace) -> None:
    unpack(told.archive, told.assembly, wanted=told.digest)
    print(f"unpacked {', '.join(_synthesized(told.assembly))}, as synthesized")


def _deploy(told: argparse.Namespace) -> None:
    cdk.deploy(_one(told))


def _drift(told: argparse.Namespace) -> None:
    cdk.drift(_one(told))


def _one(told: argparse.Namespace) -> Path:
    """The assembly of the one environment that is told."""
    assembly: Path = told.assembly
    known = _synthesized(assembly)
    if told.environment not in known:
        raise PipelineError(
            f"{told.environment} was not synthesized; there is {', '.join(known) or 'nothing'}"
        )
    return assembly / str(told.environment)


def _synthesized(assembly: Path) -> list[str]:
    return sorted(each.parent.name for each in assembly.glob("*/manifest.json"))


def _diff(told: argparse.Namespace) -> None:
    told.diffs.mkdir(parents=True, exist_ok=True)
    for environment in told.environments or _synthesized(told.assembly):
        told.environment = environment
        printed = cdk.diff(_one(told))
        print(printed, end="", flush=True)
        (told.diffs / f"{environment}.diff").write_text(printed, encoding="utf-8")


def _comment(told: argparse.Namespace) -> None:
    wanted = told.environments or sorted(each.stem for each in told.diffs.glob("*.diff"))
    missing = [each for each in wanted if not (told.diffs / f"{each}.diff").is_file()]
    if missing or not wanted:
        raise PipelineError(f"no diff of {', '.join(missing) or 'any environment'} in {told.diffs}")
    diffs = {each: (told.diffs / f"{each}.diff").read_text(encoding="utf-8") for each in wanted}
    text = comment(diffs, commit=told.commit)
    if told.pull_request is None:
        print(text, end="")
    else:
        PullRequest(told.pull_request, os.environ).tell(text)


if __name__ == "__main__":
    sys.exit(main())
