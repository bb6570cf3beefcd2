"""What `make demo` shows is what happens: it fails where a step does."""

from __future__ import annotations

import pytest

from tests.deploy.conftest import QUICK
from tools.demo import Demo
from tools.embedded_aws import local_aws


@pytest.mark.deploy
def test_demo_runs_to_its_end(tmp_path, capsys) -> None:
    with local_aws(tmp_path, settings=QUICK) as aws:
        Demo(aws, tmp_path).run()

    printed = capsys.readouterr().out
    assert "Deployed to a local emulator" in printed
    assert "failed, rolled back  2" in printed
