"""The rules as plug-ins of the CDK's own validation: synthesis fails where a template of the app breaks one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import resources
from itertools import groupby

import aws_cdk as cdk
import jsii

from .._version import __version__
from .output import message
from .registry import TEMPLATE_RULES, Finding, entries, findings
from .template import Template

_NAME = "SageMakerRules"


@jsii.implements(cdk.IPolicyValidationPlugin)
class SageMakerRules:
    """Checks every template of an app, whoever made its resources, by the rules of this library.

    Errors fail the synthesis; advice is reported and does not. Acknowledge in a resource's metadata:
    ``cfn_resource.add_metadata("constructs_lib", {"ignore": [{"id": …, "reason": …}]})``.

    Source: https://docs.aws.amazon.com/cdk/v2/guide/policy-validation-synthesis.html

    Example::

        from aws_cdk import App, Validations
        from constructs_lib import SageMakerRules

        Validations.of(App()).add_plugins(SageMakerRules(ignore=["SM-HA-101"]))
    """

    def __init__(self, *, ignore: Sequence[str] = ()) -> None:
        """Check by all rules but those of `ignore`.

        :param ignore: ids of rules.
        :raises ValueError: for an id that no rule has.
        """
        unknown = sorted(set(ignore) - set(entries()))
        if unknown:
            raise ValueError(f"ignore: there is no rule {', '.join(unknown)}")
        self._ignored = tuple(ignore)

    @property
    def name(self) -> str:
        """What the report calls it."""
        return _NAME

    @property
    def version(self) -> str | None:
        """The release of this library."""
        return __version__

    @property
    def rule_ids(self) -> list[str] | None:
        """The rules that are checked."""
        return sorted({rule.id for rule in TEMPLATE_RULES} - set(self._ignored))

    def validate(self, context: cdk.IPolicyValidationContext) -> cdk.PolicyValidationPluginReport:
        """Check the templates of `context`; called by the CDK when they are written."""
        found = [
            each
            for path in context.template_paths
            for each in findings(Template.read(path), ignoring=self._ignored)
        ]
        return cdk.PolicyValidationPluginReport(
            success=not any(each.is_error for each in found),
            violations=list(_violations(found)),
        )


def _violations(found: Iterable[Finding]) -> Iterable[cdk.PolicyViolation]:
    """One for each rule and message, with the resources that break it."""
    ordered = sorted(found, key=lambda each: (each.rule.id, message(each)))
    for (id, said), group in groupby(ordered, key=lambda each: (each.rule.id, message(each))):
        rule = entries()[id]
        alike = list(group)
        yield cdk.PolicyViolation(
            rule_name=id,
            description=f"{rule.summary} {said}",
            fix=" ".join(filter(None, (alike[0].broken.fix, rule.source))),
            severity=rule.severity,
            violating_resources=[_resource(each) for each in alike],
        )


def _resource(finding: Finding) -> cdk.PolicyViolatingResource:
    property = finding.broken.property
    return cdk.PolicyViolatingResource(
        resource_logical_id=finding.resource,
        template_path=finding.file,
        locations=[f"Properties.{property}" if property else "Type"],
    )


def guard_plugin(*, include_default_rules: bool = True) -> cdk.CloudFormationValidatePlugin:
    """CloudFormation Validate with those of the rules that Guard and Rego can say, beside its own.

    It reports them as warnings, unless the context sets ``@aws-cdk/core:validateAgainstDefaultRules``.
    An app in another language hands the files in ``constructs_lib/rules/guard`` to its own plug-in, or the
    one of Guard to ``cfn-guard``.

    :param include_default_rules: whether the CDK's own rules are checked too.

    Example::

        from aws_cdk import App, Validations
        from constructs_lib.rules import guard_plugin

        Validations.of(App()).add_plugins(guard_plugin())
    """
    return cdk.CloudFormationValidatePlugin(
        include_default_rules=include_default_rules,
        guard_rules=[_shipped("sagemaker.guard")],
        rego_rules=[_shipped("sagemaker.rego")],
    )


def _shipped(file: str) -> cdk.ValidationRuleSource:
    content = resources.files(__package__).joinpath("guard", file).read_text(encoding="utf-8")
    return cdk.ValidationRuleSource(name="constructs-lib", content=content)
