"""Whatever the library accepts, CloudFormation, cfn-lint and the services' own APIs accept too."""

from __future__ import annotations

import aws_cdk as cdk
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from . import api
from .given import endpoints
from .made import Made
from .surroundings import ACCOUNT
from .synthesis import lint_findings, synthesized

STACKS = st.lists(endpoints(), min_size=3, max_size=5)

ENVIRONMENTS = [
    pytest.param(None, id="anywhere"),
    pytest.param(cdk.Environment(account=ACCOUNT, region="us-east-1"), id="us-east-1"),
]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@given(described=STACKS)
@settings(max_examples=12 if settings.get_current_profile_name() == "ci" else 200)
def test_accepted_endpoints_deploy(environment: cdk.Environment | None, described: list[Made]) -> None:
    result = synthesized(described, environment)
    assert result.validated["pluginReports"] == []
    assert api.faults(result.template) == []
    assert lint_findings(result.template) == []
