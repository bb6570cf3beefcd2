"""An app under the policy packs of cdk-nag, and what they and CloudFormation Validate found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import cdk_nag

ROOT = Path(__file__).parents[2]

Template = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A finding that stands, and why."""

    rule: str
    construct: str
    reason: str


@dataclass(frozen=True, slots=True)
class Audit:
    """What an app's synthesis under the packs gave."""

    findings: list[str]
    """Unacknowledged, as ``rule at construct``, whatever their severity."""
    acknowledged: list[Acknowledged]
    templates: dict[str, Template]
    """By stack name."""


def strict_context() -> str:
    """The context the CDK CLI hands over: that of cdk.json."""
    return json.dumps(json.loads((ROOT / "cdk.json").read_text())["context"])


def audited(app: cdk.App) -> Audit:
    """Synthesize `app` under AwsSolutions, NIST 800-53 R5 and HIPAA."""
    cdk.Validations.of(app).add_plugins(
        cdk_nag.AwsSolutionsChecks(app), cdk_nag.NIST80053R5Checks(app), cdk_nag.HIPAASecurityChecks(app)
    )
    refused = None
    try:
        app.synth()
    except RuntimeError as error:
        refused = error
        if "ValidationFailed" not in str(error):
            raise
    reports = json.loads((Path(app.outdir) / "validation-report.json").read_text())["pluginReports"]
    findings = [finding for report in reports for finding in _located(report["violations"])]
    assert findings or refused is None, f"refused without a finding: {refused}"
    return Audit(
        findings=findings,
        acknowledged=[each for report in reports for each in _acknowledged(report)],
        templates=_templates(Path(app.outdir)),
    )


def _located(violations: list[dict[str, Any]]) -> Iterator[str]:
    for violation in violations:
        for construct in violation["violatingConstructs"]:
            yield f"{violation['ruleName']} at {construct['constructPath']}"


def _acknowledged(report: dict[str, Any]) -> Iterator[Acknowledged]:
    for violation in report.get("suppressedViolations", ()):
        for construct in violation["violatingConstructs"]:
            yield Acknowledged(
                rule=violation["ruleName"],
                construct=construct["constructPath"],
                reason=violation.get("reason") or "",
            )


def _templates(folder: Path) -> dict[str, Template]:
    suffix = ".template.json"
    return {
        path.name.removesuffix(suffix): json.loads(path.read_text()) for path in folder.glob(f"*{suffix}")
    }
