"""The labs of the documentation, followed on an embedded AWS of their own."""

from __future__ import annotations

import pytest

from tests.deploy.conftest import QUICK, early_in_an_hour
from tests.docs.labs import follow, workplace
from tests.docs.markdown import ROOT
from tools.embedded_aws import local_aws

pytestmark = pytest.mark.deploy

LABS = ROOT / "docs" / "labs"


@pytest.fixture
def shell(tmp_path):
    """A reader's folder and shell, after the first step: an embedded AWS, its variables pasted."""
    (tmp_path / "aws").mkdir()
    (tmp_path / "checkout").mkdir()
    with local_aws(tmp_path / "aws", settings=QUICK) as aws:
        yield workplace(tmp_path / "checkout"), aws.environment()


def test_monitors(shell) -> None:
    folder, environment = shell
    early_in_an_hour()
    seen = dict(follow(LABS / "monitors.md", folder, environment))
    drifted = [printed for step, printed in seen.items() if "area error" in step.code]

    assert len(seen) >= 6
    for name in ("mean radius", "worst texture", "area error"):
        assert name in drifted[0]


def test_ab_test(shell) -> None:
    folder, environment = shell
    seen = list(follow(LABS / "ab-test.md", folder, environment))

    # The texts of the page say what is printed; the last is that the better model has all the traffic.
    assert "many 1.0" in seen[-2][1]
