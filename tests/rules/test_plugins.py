"""The rules within an app: real synthesis of raw L1s fails on what is broken; Guard and Python agree."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

from constructs_lib.rules import SageMakerRules, Template, findings, guard_plugin
from constructs_lib.rules.guard_rules import GUARDED, guard_text
from constructs_lib.rules.registry import TEMPLATE_RULES, entries

from .mutations import GOOD, MUTATIONS
from .support import Resources, changed, realtime, without_servers

FOLDER = resources.files("constructs_lib.rules").joinpath("guard")
REGO = FOLDER.joinpath("sagemaker.rego").read_text(encoding="utf-8")
REGO_IDS = frozenset(re.findall(r'"(SM-[A-Z]+-\d{3})", "ERROR"', REGO))


def an_app(folder: Path, templates: dict[str, Resources], plugin: Any, **context: object) -> cdk.App:
    """A stack for each template, of plain L1s."""
    app = cdk.App(outdir=str(folder), builtin_cloud_formation_validation=False, context=context)
    for name, made in templates.items():
        stack = cdk.Stack(app, name)
        for id, each in made.items():
            made_here = cdk.CfnResource(stack, id, type=each["Type"], properties=each["Properties"])
            made_here.override_logical_id(id)
    cdk.Validations.of(app).add_plugins(plugin)
    return app


def reported(folder: Path) -> Iterator[tuple[str, str]]:
    """Stacks with the ids of the rules they break; CloudFormation Validate has more of its own."""
    report = json.loads((folder / "validation-report.json").read_text(encoding="utf-8"))
    for plugin in report["pluginReports"]:
        for violation in plugin["violations"]:
            rule = violation["ruleName"].replace("_", "-")
            for construct in violation["violatingConstructs"] if rule.startswith("SM-") else ():
                yield construct["constructPath"].split("/")[0], rule


def test_synthesis_of_a_broken_app_fails_and_the_report_names_the_rules(tmp_path: Path) -> None:
    broken = changed(without_servers(), "Config.ProductionVariants.0.ServerlessConfig.MemorySizeInMB", 1500)
    app = an_app(tmp_path, {"Good": realtime(), "Bad": broken}, SageMakerRules())
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()
    assert set(reported(tmp_path)) == {("Bad", "SM-SERVERLESS-001")}
    report = (tmp_path / "validation-report.json").read_text(encoding="utf-8")
    assert "ProductionVariants[0].ServerlessConfig.MemorySizeInMB: got 1500" in report


def test_a_good_app_and_advice_do_not_fail(tmp_path: Path) -> None:
    advised = changed(realtime(), "Config.ProductionVariants.0.InstanceType", "ml.m99.large")
    an_app(tmp_path, {"Good": realtime(), "Advised": advised}, SageMakerRules()).synth()
    assert set(reported(tmp_path)) == {("Advised", "SM-INSTANCE-101")}


def test_what_is_ignored_or_acknowledged_does_not_fail(tmp_path: Path) -> None:
    broken = changed(realtime(), "Config.ProductionVariants.0.VolumeSizeInGB", 600)
    an_app(tmp_path / "1", {"Bad": broken}, SageMakerRules(ignore=["SM-VARIANT-004"])).synth()
    app = an_app(tmp_path / "2", {"Bad": broken}, SageMakerRules())
    config = next(each for each in app.node.find_all() if each.node.id == "Config")
    acknowledged = {"ignore": [{"id": "SM-VARIANT-004", "reason": "A quota of ours."}]}
    config.add_metadata("constructs_lib", acknowledged)
    app.synth()


def test_an_unknown_rule_cannot_be_ignored() -> None:
    with pytest.raises(ValueError, match="there is no rule SM-TEST-001"):
        SageMakerRules(ignore=["SM-TEST-001"])


def test_the_plugin_tells_its_rules_and_its_release() -> None:
    plugin = SageMakerRules(ignore=["SM-VARIANT-004"])
    assert plugin.name == "SageMakerRules"
    assert set(plugin.rule_ids or ()) == {rule.id for rule in TEMPLATE_RULES} - {"SM-VARIANT-004"}
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", plugin.version or "")


def test_the_guard_file_is_what_the_limits_make() -> None:
    assert FOLDER.joinpath("sagemaker.guard").read_text(encoding="utf-8") == guard_text()


def test_guard_and_rego_have_rules_of_the_catalogue_that_python_has_too() -> None:
    assert REGO_IDS
    assert {*GUARDED, *REGO_IDS} <= {rule.id for rule in TEMPLATE_RULES} <= set(entries())


def test_guard_and_rego_agree_with_python_on_good_and_on_broken_templates(tmp_path: Path) -> None:
    """Every good template and every broken one, in one synthesis: what Guard finds Python finds, by the same id."""
    shipped = {*GUARDED, *REGO_IDS}
    templates = {f"Good{index}": make() for index, make in enumerate(GOOD)}
    broken = {f"Broken{index}": each for index, each in enumerate(MUTATIONS) if each.rule in shipped}
    templates.update({name: each.broken for name, each in broken.items()})
    an_app(tmp_path, templates, guard_plugin(include_default_rules=False)).synth()
    by_guard = set(reported(tmp_path))
    by_python = {
        (name, each.rule.id)
        for name in templates
        for each in findings(Template.read(tmp_path / f"{name}.template.json"))
    }
    assert by_guard <= by_python
    assert not [each for each in by_guard if each[0].startswith("Good")]
    caught = {each.rule for name, each in broken.items() if (name, each.rule) in by_guard}
    assert caught == shipped


def test_guard_fails_a_strict_app(tmp_path: Path) -> None:
    broken = changed(realtime(), "Config.ProductionVariants.0.VolumeSizeInGB", 600)
    strict = {"@aws-cdk/core:validateAgainstDefaultRules": True}
    app = an_app(tmp_path, {"Bad": broken}, guard_plugin(include_default_rules=False), **strict)
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()
