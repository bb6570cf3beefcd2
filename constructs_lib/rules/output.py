"""Findings as text for people, and as JSON, SARIF and GitHub's annotations for machines."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .._version import __version__
from .registry import Finding

_LONGEST = 120
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def shown(value: object) -> str:
    """What was given, on one short line."""
    text = json.dumps(value, ensure_ascii=False, default=str) if value is not None else "nothing"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def message(finding: Finding) -> str:
    """What is wrong, in a sentence."""
    broken = finding.broken
    what = (
        f"{broken.property}: got {shown(broken.given)}" if broken.property else f"got {shown(broken.given)}"
    )
    return f"{what}; allowed: {broken.allowed}"


def as_text(findings: Sequence[Finding]) -> str:
    """Two to four lines a finding: where and what, how to mend it, who says so. And a last line that counts."""
    lines: list[str] = []
    for each in findings:
        lines += [
            f"{each.file}:{each.line}: {each.rule.severity} {each.rule.id} {each.resource} ({each.type})",
            f"    {message(each)}",
            *([f"    fix: {each.broken.fix}"] if each.broken.fix else []),
            f"    {each.rule.summary} {each.rule.source}",
        ]
    errors = sum(each.is_error for each in findings)
    return "\n".join([*lines, f"{_counted(errors, 'error')}, {_counted(len(findings) - errors, 'warning')}"])


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def as_json(findings: Sequence[Finding]) -> str:
    """A list of objects with the same members each."""
    return json.dumps([_plain(each) for each in findings], indent=2, ensure_ascii=False, default=str)


def _plain(finding: Finding) -> dict[str, object]:
    return {
        "file": finding.file,
        "line": finding.line,
        "rule": finding.rule.id,
        "severity": finding.rule.severity,
        "resource": finding.resource,
        "type": finding.type,
        "property": finding.broken.property,
        "given": finding.broken.given,
        "allowed": finding.broken.allowed,
        "fix": finding.broken.fix,
        "summary": finding.rule.summary,
        "source": finding.rule.source,
    }


def as_github(findings: Sequence[Finding]) -> str:
    """Workflow commands that GitHub Actions shows as annotations beside the lines of a pull request.

    Source: https://docs.github.com/actions/reference/workflow-commands-for-github-actions
    """
    return "\n".join(
        f"::{each.rule.severity} file={_property(each.file)},line={each.line},title={_property(each.rule.id)}::"
        f"{_data(f'{each.resource}: {message(each)}')}"
        for each in findings
    )


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def as_sarif(findings: Sequence[Finding]) -> str:
    """SARIF 2.1.0, which code scanning reads."""
    rules = {each.rule.id: each.rule for each in findings}
    ids = sorted(rules)
    driver = {
        "name": "constructs-lib",
        "version": __version__,
        "rules": [
            {
                "id": id,
                "shortDescription": {"text": rules[id].summary},
                "helpUri": rules[id].source,
                "defaultConfiguration": {"level": rules[id].severity},
            }
            for id in ids
        ],
    }
    results = [_result(each, ids.index(each.rule.id)) for each in findings]
    run = {"tool": {"driver": driver}, "results": results, "columnKind": "unicodeCodePoints"}
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False)


def _result(finding: Finding, index: int) -> dict[str, object]:
    place = {
        "artifactLocation": {"uri": Path(finding.file).as_posix()},
        "region": {"startLine": finding.line},
    }
    return {
        "ruleId": finding.rule.id,
        "ruleIndex": index,
        "level": finding.rule.severity,
        "message": {"text": f"{finding.resource}: {message(finding)}"},
        "locations": [
            {
                "physicalLocation": place,
                "logicalLocations": [{"name": finding.resource, "kind": "resource"}],
            }
        ],
    }


FORMATS: Mapping[str, Callable[[Sequence[Finding]], str]] = {
    "text": as_text,
    "json": as_json,
    "github": as_github,
    "sarif": as_sarif,
}
"""How findings are written, by the names on the command line."""
