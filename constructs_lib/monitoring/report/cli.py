"""The command line: the report of a window of a monitor."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from .course import MOST_DAYS
from .page import page
from .place import Place, ReportError, place_of
from .reading import findings_of
from .words import story


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0 when it was done, 1 when not: the reason is on stderr."""
    options = _parser().parse_args(arguments)
    try:
        print(_report(options))
    except (ReportError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _report(options: argparse.Namespace) -> str:
    s3 = cache(lambda: _s3(options))

    def opened(text: str) -> Place:
        return place_of(text, s3)

    findings = findings_of(opened(options.window), opened, baseline=options.baseline, days=options.days)
    target: Path = options.output
    target.write_text(page(findings), encoding="utf-8")
    return f"{story(findings).headline}.\n{target}"


def _s3(options: argparse.Namespace) -> Any:
    # Late: a folder, and help, need no boto3.
    try:
        import boto3
        from botocore.exceptions import BotoCoreError
    except ImportError:
        raise ReportError("boto3 is not installed, and S3 needs it: pip install boto3") from None
    try:
        return boto3.client("s3", region_name=options.region, endpoint_url=options.endpoint_url)
    except (BotoCoreError, ValueError) as error:
        raise ReportError(str(error)) from None


def _days(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_DAYS:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of days from 1 to {MOST_DAYS}")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m constructs_lib.monitoring", description="Monitors of endpoints."
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    help = "write what a window of a monitor has found, as an HTML page"
    report = commands.add_parser("report", help=help, description=f"{help.capitalize()}.")
    report.add_argument(
        "window",
        metavar="WINDOW",
        help="s3://BUCKET/PREFIX/yyyy/mm/dd/hhmm/ or a folder; a monitor's prefix stands for its latest window",
    )
    report.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("monitoring-report.html"),
        help="the file (default: %(default)s)",
    )
    report.add_argument(
        "--baseline", metavar="PLACE", help="where the baseline is (default: as the result says)"
    )
    report.add_argument(
        "--days", type=_days, help=f"show the course of so many days up to the window, at most {MOST_DAYS}"
    )
    report.add_argument("--region", help="default: that of your AWS configuration")
    report.add_argument(
        "--endpoint-url", help="of an embedded AWS (default: $AWS_ENDPOINT_URL, or AWS itself)"
    )
    return parser
