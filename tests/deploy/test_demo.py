"""What `make demo` shows is what happens: it fails where a step does."""

from __future__ import annotations

import pytest

from tests.deploy.conftest import QUICK
from tools.demo.__main__ import PACE, play
from tools.demo.standing import CONSTRUCTS
from tools.embedded_aws import local_aws


@pytest.mark.deploy
def test_demo_runs_to_its_end(tmp_path_factory, capsys) -> None:
    # A short path: that of a device's socket has 107 characters.
    folder = tmp_path_factory.mktemp("d")
    with local_aws(folder, "--mqtt-port", "0", settings={**PACE, **QUICK}) as aws:
        page = play(aws, folder, folder / "pages").read_text()

    assert "Deployed to a local emulator" in capsys.readouterr().out
    for construct in CONSTRUCTS.values():
        assert construct in page
    for what in ("it cannot load, rolled back", "few 0%, many 100%", "worst texture", "devices"):
        assert what in page
    assert {each.name for each in (folder / "pages").iterdir()} == {
        "index.html",
        "experiment.html",
        "drift.html",
    }
