"""Whatever the library accepts, CloudFormation, cfn-lint and the services' own APIs accept too."""

from __future__ import annotations

import aws_cdk as cdk
import pytest
from hypothesis import given, settings

from . import api
from .given.ab_tests import ab_tests
from .given.batches import batch_stacks
from .given.endpoints import stacks
from .given.optimisations import device_stacks
from .made import Made
from .surroundings import ACCOUNT
from .synthesis import lint_findings, synthesized

STACKS = stacks(3, 6)

ENVIRONMENTS = [
    pytest.param(None, id="anywhere"),
    pytest.param(cdk.Environment(account=ACCOUNT, region="us-east-1"), id="us-east-1"),
]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@given(described=STACKS)
@settings(max_examples=8 if settings.get_current_profile_name() == "ci" else 200)
def test_accepted_endpoints_deploy(environment: cdk.Environment | None, described: list[Made]) -> None:
    result = synthesized(described, environment)
    assert result.findings == []
    assert api.faults(result.template) == []
    assert lint_findings(result.template) == []


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@given(described=batch_stacks(2))
@settings(max_examples=6 if settings.get_current_profile_name() == "ci" else 200)
def test_accepted_batch_transforms_deploy(environment: cdk.Environment | None, described: list[Made]) -> None:
    result = synthesized(described, environment)
    assert result.findings == []
    assert api.faults(result.template) == []
    assert lint_findings(result.template) == []


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@given(described=device_stacks(2))
@settings(max_examples=6 if settings.get_current_profile_name() == "ci" else 200)
def test_accepted_fleets_deploy(environment: cdk.Environment | None, described: list[Made]) -> None:
    result = synthesized(described, environment)
    assert result.findings == []
    assert api.faults(result.template) == []
    assert lint_findings(result.template) == []


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@given(described=ab_tests())
@settings(max_examples=6 if settings.get_current_profile_name() == "ci" else 200)
def test_accepted_experiments_deploy(environment: cdk.Environment | None, described: Made) -> None:
    result = synthesized([described], environment)
    assert result.findings == []
    assert api.faults(result.template) == []
    assert lint_findings(result.template) == []
