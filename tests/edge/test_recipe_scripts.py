"""Scripts of recipes, run by a real shell: again, without a network, killed before each line."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from constructs_lib.edge import components
from constructs_lib.edge.components import inference_recipe, model_recipe, runtime_recipe
from constructs_lib.edge.device_package import device_package
from constructs_lib.edge.edge_program import EdgeProgram
from constructs_lib.edge.names import FleetNames
from constructs_lib.edge.recipe import Script
from constructs_lib.edge.runtime.device.config import config_of
from constructs_lib.edge.telemetry import EdgeTelemetry

NAMES = FleetNames(fleet="cameras")
PROGRAM = EdgeProgram()
CONFIGURATION = {
    "fleet": "cameras",
    "transport": {"kind": "greengrass"},
    **PROGRAM.told(),
    **EdgeTelemetry().told(),
}
VARIABLE = re.compile(r"\{([^{}\"'$ ]+)\}")


STAND_IN = """#!{python}
import os, sys
from pathlib import Path

me, arguments = Path(__file__), sys.argv[1:]
with open({log!r}, "a") as log:
    log.write(" ".join(arguments) + "\\n")
if arguments[:1] == ["-c"]:
    os.execv({python!r}, [{python!r}, *arguments])
if arguments[:2] == ["-m", "venv"]:
    made = Path(arguments[2]) / "bin" / "python"
    made.parent.mkdir(parents=True)
    made.write_text(me.read_text())
    made.chmod(0o755)
elif arguments[:2] == ["-m", "pip"]:
    assert Path(arguments[arguments.index("-r") + 1]).read_text()
    (me.parent.parent / "installing").touch()
    if Path({refuse!r}).exists():
        sys.exit("no network")
    (me.parent.parent / "installing").rename(me.parent.parent / "installed")
else:
    os.execv({python!r}, [{python!r}, *arguments])
"""


@dataclass
class Device:
    """Folders as a nucleus makes them, in a place with a blank in its name."""

    root: Path
    work: Path = field(init=False)
    artefacts: Path = field(init=False)

    def __post_init__(self) -> None:
        self.work = self.root / "work folder"
        self.artefacts = self.root / "artefacts"
        for each in (self.work, self.artefacts):
            each.mkdir()
        with zipfile.ZipFile(device_package().path) as archive:
            archive.extractall(self.artefacts / "program")  # noqa: S202 - it is ours
        text = STAND_IN.format(
            python=sys.executable, log=str(self.root / "log"), refuse=str(self.root / "no-network")
        )
        self.python.write_text(text)
        self.python.chmod(0o755)

    @property
    def python(self) -> Path:
        return self.root / "python"

    @property
    def program(self) -> EdgeProgram:
        return EdgeProgram(python=str(self.python))

    @property
    def log(self) -> list[str]:
        path = self.root / "log"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def environments(self) -> set[str]:
        return {each.name for each in self.work.glob("venv-*")}

    @property
    def current(self) -> Path:
        return (self.work / "venv").resolve()

    def resolved(self, text: str, configuration: Mapping[str, Any] | None = None) -> str:
        """As the nucleus fills it in."""
        known = {
            "artifacts:path": str(self.artefacts),
            "artifacts:decompressedPath": str(self.artefacts),
            "work:path": str(self.work),
            "cameras.Runtime:work:path": str(self.work),
            "cameras.Runtime:artifacts:decompressedPath": str(self.artefacts),
            "configuration:/program": json.dumps(configuration),
        }
        return VARIABLE.sub(lambda found: known[found[1]], text)

    def sh(self, text: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-c", text],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env={"PATH": os.environ["PATH"], **environment},
        )

    def run(self, script: Script, **environment: str) -> subprocess.CompletedProcess[str]:
        told = {name: self.resolved(value, CONFIGURATION) for name, value in script.environment.items()}
        return self.sh(self.resolved(script.text), **told, **environment)

    def install_script(self) -> str:
        return self.resolved(runtime_recipe(NAMES, self.program).lifecycle["Install"].text)

    def install(self) -> subprocess.CompletedProcess[str]:
        return self.sh(self.install_script())

    def is_ready(self) -> bool:
        return (self.current / "complete").exists() and (self.current / "installed").exists()


@pytest.fixture
def device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Device:
    lock(monkeypatch, "aaaaaaaaaaaa")
    return Device(tmp_path)


def lock(monkeypatch: pytest.MonkeyPatch, digest: str) -> None:
    """Let the program stand on other packages."""
    monkeypatch.setattr(components, "lock_digest", lambda: digest)


def test_an_install_makes_an_environment_of_what_the_lock_names(device: Device) -> None:
    found = device.install()
    assert (found.returncode, found.stderr) == (0, "")
    assert device.is_ready()
    assert device.current.name == "venv-aaaaaaaaaaaa"
    assert (device.work / "state").is_dir()
    (pip,) = [each for each in device.log if each.startswith("-m pip")]
    assert pip == (
        f"-m pip install --quiet --require-hashes --no-deps -r {device.artefacts}/program/requirements.txt"
    )


def test_a_second_install_fetches_nothing(device: Device) -> None:
    device.install()
    before = device.log
    (device.work / "state" / "kept").touch()
    assert device.install().returncode == 0
    assert [each for each in device.log[len(before) :] if each.startswith("-m")] == []
    assert device.is_ready()
    assert (device.work / "state" / "kept").exists()


def test_without_a_network_it_fails_and_what_runs_goes_on(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    device.install()
    lock(monkeypatch, "bbbbbbbbbbbb")
    (device.root / "no-network").touch()
    found = device.install()
    assert found.returncode != 0
    assert "no network" in found.stderr
    assert device.current.name == "venv-aaaaaaaaaaaa"
    assert device.is_ready()
    (device.root / "no-network").unlink()
    assert device.install().returncode == 0
    assert device.current.name == "venv-bbbbbbbbbbbb"
    assert device.is_ready()


def test_of_three_locks_the_last_two_stay_and_going_back_fetches_nothing(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    for digest in ("aaaaaaaaaaaa", "bbbbbbbbbbbb", "cccccccccccc"):
        lock(monkeypatch, digest)
        assert device.install().returncode == 0
    assert device.environments == {"venv-bbbbbbbbbbbb", "venv-cccccccccccc"}
    before = len(device.log)
    lock(monkeypatch, "bbbbbbbbbbbb")
    assert device.install().returncode == 0
    assert not [each for each in device.log[before:] if each.startswith("-m pip")]
    assert device.current.name == "venv-bbbbbbbbbbbb"
    assert device.environments == {"venv-bbbbbbbbbbbb", "venv-cccccccccccc"}


def test_a_link_that_was_left_half_made_is_made_anew(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut off between making and renaming it, and then told of another lock."""
    device.install()
    (device.work / "venv.next").symlink_to(device.current)
    lock(monkeypatch, "bbbbbbbbbbbb")
    assert device.install().returncode == 0
    assert device.current.name == "venv-bbbbbbbbbbbb"
    assert device.is_ready()


def cuts(script: str) -> Iterator[tuple[str, str]]:
    """The script killed before each of its lines, and at its end: that line, and the script."""
    lines = script.splitlines()
    for number in range(1, len(lines) + 1):
        if not lines[number - 1].endswith("\\"):
            cut = [*lines[:number], "kill -9 $$", *lines[number:]]
            yield lines[number] if number < len(lines) else "the end", "\n".join(cut)


def test_cut_off_before_any_line_what_ran_still_runs_and_the_next_try_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = 0
    lock(monkeypatch, "bbbbbbbbbbbb")
    number = len(list(cuts(runtime_recipe(NAMES, PROGRAM).lifecycle["Install"].text)))
    assert number > 12
    for index in range(number):
        (tmp_path / str(index)).mkdir()
        device = Device(tmp_path / str(index))
        lock(monkeypatch, "aaaaaaaaaaaa")
        device.install()
        lock(monkeypatch, "bbbbbbbbbbbb")
        line, script = list(cuts(device.install_script()))[index]
        found = device.sh(script)
        killed += found.returncode == -signal.SIGKILL
        assert device.is_ready(), f"cut off before {line!r}"
        assert device.install().returncode == 0, line
        assert device.is_ready(), line
        assert device.current.name == "venv-bbbbbbbbbbbb", line
        assert device.environments == {"venv-aaaaaaaaaaaa", "venv-bbbbbbbbbbbb"}, line
    # All but the line that no run reaches: there is no third environment to remove.
    assert killed >= number - 2


def test_an_interpreter_that_is_too_old_is_told(device: Device) -> None:
    real = device.python.read_text()
    old = real.replace(
        'if arguments[:1] == ["-c"]:',
        'if arguments[:1] == ["-c"]:\n    '
        'arguments[1] = "import sys; sys.version_info = (3, 10); " + arguments[1]',
    )
    device.python.write_text(old)
    found = device.install()
    assert found.returncode == 1
    assert "Python 3.11 or newer is needed, this is 3." in found.stderr
    assert device.environments == set()


def test_a_program_with_wheels_asks_no_index(tmp_path: Path) -> None:
    (tmp_path / "a.whl").touch()
    text = runtime_recipe(NAMES, EdgeProgram(wheels=str(tmp_path))).lifecycle["Install"].text
    assert '--no-index --find-links "$program/wheels" -r "$program/requirements.txt"' in text
    assert str(tmp_path) not in text


# --- the model and the program -----------------------------------------------------------------------------


def an_archive(device: Device, content: bytes = b"a model") -> None:
    with tarfile.open(device.artefacts / "model.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("model.onnx")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))


def startup(device: Device, version: str = "1.2.3") -> subprocess.CompletedProcess[str]:
    script = model_recipe(NAMES, device.program).lifecycle["Startup"]
    return device.run(replace(script, text=script.text.replace("@VERSION@", version)))


def test_the_model_is_handed_over_before_any_program_runs(device: Device) -> None:
    device.install()
    an_archive(device)
    for _ in range(2):
        found = startup(device)
        assert found.returncode == 0, found.stderr
        assert "no program answers: it takes the model when it starts" in found.stdout
    state = device.work / "state"
    assert (state / "models" / "1.2.3" / "model.onnx").read_bytes() == b"a model"
    assert json.loads((state / "models" / "offered.json").read_text())["version"] == "1.2.3"


def test_an_archive_that_is_none_fails_with_the_reason(device: Device) -> None:
    device.install()
    (device.artefacts / "model.tar.gz").write_bytes(b"none")
    found = startup(device)
    assert found.returncode == 1
    assert found.stderr.startswith("the model is not handed over: ")


def test_a_socket_of_ones_own_is_where_the_model_is_announced() -> None:
    text = model_recipe(NAMES, EdgeProgram(socket="/run/edge.sock")).lifecycle["Startup"].text
    assert '--socket "/run/edge.sock"' in text
    assert "--socket" not in model_recipe(NAMES, PROGRAM).lifecycle["Startup"].text


def test_the_program_is_started_with_a_configuration_that_it_takes(device: Device) -> None:
    """The script runs; without the nucleus's SDK it ends by saying so, not by refusing what it was told."""
    device.install()
    run = inference_recipe(NAMES, CONFIGURATION).lifecycle["Run"]
    told = device.resolved(run.environment["EDGE_CONFIG"], CONFIGURATION)
    surroundings = {"AWS_IOT_THING_NAME": "cam-1"}
    found = config_of(told, surroundings, root="/state")  # the path of a socket is short
    assert (found.fleet, found.thing, found.transport.kind) == ("cameras", "cam-1", "greengrass")
    assert found.buffer.max_bytes == 64 << 20
    wrong = {**CONFIGURATION, "fleet": "No Fleet"}
    environment = {name: device.resolved(value, wrong) for name, value in run.environment.items()}
    refused = device.sh(device.resolved(run.text), **environment, AWS_IOT_THING_NAME="cam-1")
    assert refused.returncode == 2
    assert "fleet" in refused.stderr
