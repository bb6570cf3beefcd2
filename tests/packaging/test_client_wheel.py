"""The client as applications get it: a wheel of its own, installed where there is no CDK."""

from __future__ import annotations

import email
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.access.client.server import answer, serving

from .test_wheel import link_package, run

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "constructs_lib" / "access" / "client"
BOTO3 = ("boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3")

ASK = """
import sys
from constructs_lib_client import InferenceClient, NotAuthorised, Npy
client = InferenceClient.for_api(sys.argv[1], auth=None)
assert client.predict([1]).value == [0.5]
InferenceClient.for_endpoint("fraud").close()
try:
    Npy().dump([1])
except ImportError:
    pass
else:
    raise AssertionError("numpy is here")
print(sorted({"aws_cdk", "constructs", "jsii", "constructs_lib", "numpy", "pydantic"} & set(sys.modules)))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    project = ROOT / "packaging" / "client"
    run([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, project], cwd=folder)
    (found,) = folder.glob("*.whl")
    return found


def test_it_has_the_client_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = [each for each in archive.namelist() if ".dist-info/" not in each]
        (described,) = [each for each in archive.namelist() if each.endswith("/METADATA")]
        metadata = email.message_from_bytes(archive.read(described))
    sources = {f"constructs_lib_client/{each.name}" for each in SOURCES.glob("*.py")}
    assert set(names) == {*sources, "constructs_lib_client/py.typed"}
    assert metadata["Name"] == "constructs-lib-client"
    needed = [each for each in metadata.get_all("Requires-Dist", []) if "extra ==" not in each]
    assert sorted(re.split(r"[<>]", each)[0] for each in needed) == ["boto3", "urllib3"]


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that has the wheel, boto3, and nothing else."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    command = [sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel]
    run(command, cwd=folder)
    (site,) = folder.glob("lib/python*/site-packages")
    locked = tmp_path_factory.mktemp("locked")
    for name in BOTO3:
        link_package(name, locked)
    (site / "locked.pth").write_text(f"{locked}\n")
    return python


def test_it_asks_where_there_is_no_cdk(python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with serving() as server:
        server.play(answer(body=b"[0.5]", Content_Type="application/json"))
        assert run([python, "-I", "-c", ASK, server.url], cwd=tmp_path).strip() == "[]"


def test_its_types_reach_the_application(python: Path, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "from constructs_lib_client import CsvNumbers, InferenceClient\n"
        "client = InferenceClient.for_endpoint('fraud')\n"
        "reveal_type(client.predict([1]))\n"
        "reveal_type(client.predict([1], deserializer=CsvNumbers()).value)\n"
        "client.predict([1], deserialiser=CsvNumbers())\n"
    )
    command = [sys.executable, "-m", "mypy", "--strict", "--python-executable", str(python), "app.py"]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False).stdout
    assert 'app.py:3: note: Revealed type is "constructs_lib_client.predictions.Prediction[' in told
    # mypy writes builtins with their module or without, by its version.
    assert re.search(r'app\.py:4: note: Revealed type is "(builtins\.)?list\[(builtins\.)?list\[', told)
    assert {line.split(":")[1] for line in told.splitlines() if ": error:" in line} == {"5"}
