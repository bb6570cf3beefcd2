"""The command line: the report of an experiment, a look at it now, a tripped arm let back in."""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .page import page
from .source import Clients, Place, ReportError, description_of, findings_of, place_of
from .words import story

_NAME = re.compile(r"[a-z0-9](-?[a-z0-9]){0,62}")
_LOOK_SECONDS = 150
"""A little longer than the controller may take."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0 when it was done, 1 when not: the reason is on stderr."""
    options = _parser().parse_args(arguments)
    try:
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError:
        return _failed("boto3 is not installed: pip install boto3")
    try:
        print(options.run(options, _clients(options)))
    except (ReportError, BotoCoreError, OSError) as error:
        return _failed(str(error))
    except ClientError as error:
        return _failed(_refusal(error))
    return 0


def _report(options: argparse.Namespace, clients: Clients) -> str:
    findings = findings_of(options.name, clients, now=time.time())
    target: Path = options.output or Path(f"{options.name}.html")
    target.write_text(page(findings), encoding="utf-8")
    return f"{story(findings).headline}.\n{target}"


def _look(options: argparse.Namespace, clients: Clients) -> str:
    return _invoke(place_of(options.name, clients), {}, clients)


def _reset(options: argparse.Namespace, clients: Clients) -> str:
    place = place_of(options.name, clients)
    names = description_of(place, clients).names
    if options.arm not in names:
        raise ReportError(f"{options.name!r} has no arm {options.arm!r}: it has {', '.join(names)}")
    return _invoke(place, {"reset": options.arm}, clients)


def _invoke(place: Place, event: dict[str, str], clients: Clients) -> str:
    """Let the controller look; what it has done."""
    answer = clients.lambda_.invoke(FunctionName=place.controller, Payload=json.dumps(event).encode())
    told = json.loads(answer["Payload"].read() or b"null")
    if answer.get("FunctionError"):
        why = told.get("errorMessage", told) if isinstance(told, dict) else told
        raise ReportError(f"the controller has failed: {why}")
    return str(told.get("outcome", told)) if isinstance(told, dict) else "done"


def _clients(options: argparse.Namespace) -> Clients:
    # Late: to ask for help needs no boto3.
    import boto3
    from botocore.config import Config

    def client(service: str, **config: Any) -> Any:
        return boto3.client(
            service,  # type: ignore[call-overload]  # its stubs know some services only
            region_name=options.region,
            endpoint_url=options.endpoint_url,
            config=Config(**config),
        )

    # A look is not asked for twice: an answer that takes long is waited for.
    patient = {"read_timeout": _LOOK_SECONDS, "retries": {"total_max_attempts": 1}}
    return Clients(ssm=client("ssm"), dynamodb=client("dynamodb"), lambda_=client("lambda", **patient))


def _refusal(error: Any) -> str:
    """What AWS said, and of what."""
    code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
    if "AccessDenied" in code:
        return (
            f"no access: {message} (test.grants.read(…) allows the report, test.grants.operate(…) the rest)"
        )
    return f"AWS refuses {error.operation_name}: {message} ({code})"


def _failed(why: str) -> int:
    print(f"error: {why}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m constructs_lib.experiments", description="Experiments on endpoint variants."
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    report = _command(commands, "report", _report, "write what has been found out so far, as an HTML page")
    report.add_argument("-o", "--output", type=Path, help="the file (default: NAME.html)")
    _command(commands, "look", _look, "let the controller look now, and change the weights if it would")
    reset = _command(commands, "reset", _reset, "let an arm that a guardrail has taken out back in")
    reset.add_argument("--arm", required=True, help="the variant's name")
    return parser


def _command(commands: Any, name: str, run: object, help: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(
        name, help=help, description=f"{help.capitalize()}."
    )
    command.set_defaults(run=run)
    command.add_argument("name", type=_name, metavar="NAME", help="of the experiment")
    command.add_argument("--region", help="default: that of your AWS configuration")
    command.add_argument(
        "--endpoint-url", help="of an embedded AWS (default: $AWS_ENDPOINT_URL, or AWS itself)"
    )
    return command


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no experiment's name: 1-63 lower-case letters, digits and single hyphens"
        )
    return text
