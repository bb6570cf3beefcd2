"""The package as users get it: built, installed where nothing else is, and synthesizing a team's stack."""

from __future__ import annotations

import email
import email.message
import json
import os
import re
import subprocess
import sys
import tarfile
import venv
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
TEAM = Path(__file__).with_name("team")

NEVER_TO_SYNTHESIZE = {"boto3", "botocore", "sagemaker", "numpy", "pandas", "sklearn", "cdk_nag", "ministack"}


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel built from that sdist."""
    folder = tmp_path_factory.mktemp("dist")
    run([sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT], cwd=folder)
    return folder


@pytest.fixture(scope="session")
def wheel(built: Path) -> Path:
    (found,) = built.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def contents(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


@pytest.fixture(scope="session")
def described(wheel: Path) -> email.message.Message:
    """The wheel's metadata."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [each for each in archive.namelist() if each.endswith(".dist-info/METADATA")]
        return email.message_from_bytes(archive.read(name))


@pytest.fixture(scope="session")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that has the wheel, the packages of the synth lock, and nothing else."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    run(
        [sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel],
        cwd=folder,
    )
    (site,) = folder.glob("lib/python*/site-packages")
    locked = tmp_path_factory.mktemp("locked")
    for name in re.findall(r"^([A-Za-z0-9_.-]+)==", (ROOT / "requirements.txt").read_text(), re.M):
        link_package(name, locked)
    (site / "locked.pth").write_text(f"{locked}\n")
    return python


def link_package(name: str, folder: Path) -> None:
    """Link what distribution `name` installed into `folder`, so that nothing needs downloading."""
    distribution = metadata.distribution(name)
    tops = {file.parts[0] for file in distribution.files or () if file.parts[0] not in ("..", "__pycache__")}
    assert tops, name
    for top in tops:
        link = folder / top
        if not link.exists():
            link.symlink_to(str(distribution.locate_file(top)))


def run(command: list[Any], *, cwd: Path) -> str:
    """Run isolated from this checkout: no PYTHONPATH, no working directory on the path."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    result = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_the_wheel_has_all_of_the_package(contents: list[str]) -> None:
    sources = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "constructs_lib").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    packed = {name for name in contents if not name.split("/")[0].endswith(".dist-info")}
    assert packed == sources
    assert {
        "constructs_lib/py.typed",
        "constructs_lib/model/images.json",
        "constructs_lib/core/hosting_types.txt",
        "constructs_lib/core/runtime/custom_resource.py",
        "constructs_lib/hosting/runtime/deploy_guard.py",
        "constructs_lib/hosting/runtime/model_placement.py",
        "constructs_lib/hosting/multi_model.py",
    } <= packed


def test_the_sdist_builds_it_and_has_the_papers(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    assert {"LICENSE", "README.md", "pyproject.toml", "constructs_lib/py.typed"} <= names
    assert not [name for name in names if name.startswith(("tests/", ".venv", "node_modules/"))]


def test_metadata(described: email.message.Message, contents: list[str]) -> None:
    assert described["Name"] == "constructs-lib"
    assert described["License-Expression"] == "Apache-2.0"
    assert described["Requires-Python"] == ">=3.11"
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in contents)
    always = [each for each in described.get_all("Requires-Dist", []) if "extra ==" not in each]
    assert sorted(re.split(r"[^a-z-]", each)[0] for each in always) == ["aws-cdk-lib", "constructs"]


@pytest.fixture(scope="session")
def synthesized(python: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a team's own app, outside of this repository, says of itself after synthesis."""
    folder = tmp_path_factory.mktemp("team")
    for name in ("model/model.json", "code/inference.py"):
        (folder / name).parent.mkdir()
        (folder / name).write_text("{}\n")
    report: dict[str, Any] = json.loads(run([python, "-I", TEAM / "app.py"], cwd=folder).splitlines()[-1])
    return report


def test_a_team_stack_synthesizes_from_the_wheel(python: Path, synthesized: dict[str, Any]) -> None:
    assert Path(synthesized["library"]).is_relative_to(python.parents[1])
    types = set(synthesized["types"])
    assert {
        "AWS::SageMaker::Endpoint",
        "AWS::SageMaker::EndpointConfig",
        "AWS::SageMaker::Model",
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        "AWS::Lambda::Function",
        "Custom::HostedModel",
    } <= types


def test_its_functions_have_their_code(synthesized: dict[str, Any]) -> None:
    modules = {handler.rpartition(".")[0] for handler in synthesized["handlers"]}
    where = "constructs_lib.hosting.runtime"
    assert modules == {f"{where}.deploy_guard", f"{where}.model_placement"}
    files = {f"{module.replace('.', '/')}.py" for module in modules}
    shared = {"constructs_lib/core/runtime/custom_resource.py", "constructs_lib/hosting/__init__.py"}
    assert files | shared <= set(synthesized["code"])


def test_the_environment_is_empty_otherwise(python: Path, tmp_path: Path) -> None:
    """Else the test above would prove little."""
    found = "import importlib.util; print([n for n in {names} if importlib.util.find_spec(n)])"
    names = [*sorted(NEVER_TO_SYNTHESIZE), "pytest", "pip", "hypothesis"]
    assert run([python, "-I", "-c", found.format(names=names)], cwd=tmp_path).strip() == "[]"


def test_synthesis_loads_nothing_heavy_where_it_could(tmp_path: Path) -> None:
    """In the development environment everything is there to be imported by mistake."""
    for name in ("model/model.json", "code/inference.py"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("{}\n")
    start = f"import runpy, sys; sys.path.insert(0, {str(ROOT)!r}); runpy.run_path({str(TEAM / 'app.py')!r})"
    report = json.loads(run([sys.executable, "-I", "-c", start], cwd=tmp_path).splitlines()[-1])
    assert NEVER_TO_SYNTHESIZE & set(report["modules"]) == set()


def test_importing_the_package_starts_no_cdk(python: Path, tmp_path: Path) -> None:
    loaded = "import sys, constructs_lib; print([n for n in ('aws_cdk', 'jsii', 'constructs') if n in sys.modules])"
    assert run([python, "-I", "-c", loaded], cwd=tmp_path).strip() == "[]"
