"""``python -m constructs_lib.rules check TEMPLATE…``: the library's rules on templates, without CDK.

Ends with 0 where no rule is broken (advice does not count, unless ``--strict``), 1 where one is, and 2 where a
template cannot be read.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from . import findings
from .output import FORMATS
from .registry import TEMPLATE_RULES, Finding, entries
from .template import Template, TemplateError, templates_in

GOOD, BROKEN, UNREADABLE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    given = _parser().parse_args(arguments)
    if given.list:
        print(_listed())
        return GOOD
    if not given.templates:
        print("name at least one template, or a cdk.out", file=sys.stderr)
        return UNREADABLE
    try:
        found = _found(given.templates, given.ignore)
    except TemplateError as error:
        print(error, file=sys.stderr)
        return UNREADABLE
    written = FORMATS[given.format](found)
    if written:
        print(written)
    return BROKEN if any(each.is_error or given.strict for each in found) else GOOD


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m constructs_lib.rules", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="check templates")
    check.add_argument("templates", nargs="*", help="templates (JSON, YAML), or a cdk.out")
    check.add_argument("--format", choices=sorted(FORMATS), default="text")
    check.add_argument("--ignore", action="append", default=[], metavar="ID", help="a rule to leave out")
    check.add_argument("--strict", action="store_true", help="end with 1 on advice too")
    check.add_argument("--list", action="store_true", help="print the rules that are checked")
    return parser


def _found(templates: Sequence[str], ignored: Sequence[str]) -> list[Finding]:
    unknown = sorted(set(ignored) - set(entries()))
    if unknown:
        raise TemplateError(f"--ignore: there is no rule {', '.join(unknown)}")
    files = [file for given in templates for file in templates_in(given)]
    return [each for file in files for each in findings(Template.read(file), ignoring=ignored)]


def _listed() -> str:
    rules = [entries()[id] for id in sorted({rule.id for rule in TEMPLATE_RULES})]
    return "\n".join(f"{rule.id} {rule.severity} {rule.summary}" for rule in rules)


if __name__ == "__main__":
    sys.exit(main())
