"""The report of an experiment on the embedded AWS: found, read and written by the command line as it is."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from constructs_lib.experiments.runtime.decide import decide
from constructs_lib.experiments.runtime.decision import Decision, Situation
from constructs_lib.experiments.runtime.experiment import Experiment
from constructs_lib.experiments.runtime.state import StateStore
from tests.support.controlled import Bench
from tests.support.experiment_events import EXPERIMENT
from tools.embedded_aws import LocalAws

ROOT = Path(__file__).parents[3]
NAME = "reported"
REPORTED = replace(EXPERIMENT, name=NAME)
CONTROLLER = "def handle(event, context):\n    return {'outcome': f'looked, {event}'}\n"


@pytest.fixture
def experiment(aws: LocalAws) -> Iterator[None]:
    """A table that a controller has looked after, and where the construct says that it is."""
    dynamodb, ssm, functions = aws.client("dynamodb"), aws.client("ssm"), aws.client("lambda")
    dynamodb.create_table(
        TableName=NAME,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
    )
    functions.create_function(
        FunctionName=NAME,
        Runtime="python3.12",
        Role="arn:aws:iam::000000000000:role/none",
        Handler="controller.handle",
        Code={"ZipFile": packed(CONTROLLER)},
        Environment={"Variables": {"EXPERIMENT": json.dumps(asdict(REPORTED))}},
    )
    where = {"table": NAME, "endpoint": "pricing", "stream": "none", "controller": NAME}
    ssm.put_parameter(Name=f"/constructs-lib/experiments/{NAME}", Type="String", Value=json.dumps(where))
    yield
    ssm.delete_parameter(Name=f"/constructs-lib/experiments/{NAME}")
    functions.delete_function(FunctionName=NAME)
    dynamodb.delete_table(TableName=NAME)


def packed(source: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("controller.py", source)
    return file.getvalue()


def looked_after(aws: LocalAws) -> None:
    """Many looks, more than a page of them."""
    bench = Bench(REPORTED)
    bench.store = StateStore(aws.client("dynamodb"), NAME)
    bench.wanted = lambda situation: decided(REPORTED, situation)
    for _ in range(40):
        bench.look(later=3600)
        bench.endpoint.settle()


def decided(experiment: Experiment, situation: Situation) -> Decision:
    return decide(experiment, situation, [])


def run(aws: LocalAws, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "constructs_lib.experiments", *arguments],
        env={**aws.environment(), "PYTHONPATH": str(ROOT)},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_report(aws: LocalAws, experiment: None, tmp_path: Path) -> None:
    early = run(aws, "report", NAME, folder=tmp_path)
    looked_after(aws)
    done = run(aws, "report", NAME, folder=tmp_path)

    assert (early.returncode, early.stdout) == (1, "")
    assert early.stderr.startswith("error: nothing has been looked at yet: the controller of 'reported'")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "There is too little data for a verdict.\nreported.html\n"
    page = (tmp_path / "reported.html").read_text()
    assert "Experiment reported" in page
    assert "began" in page


def test_look_and_reset(aws: LocalAws, experiment: None, tmp_path: Path) -> None:
    look = run(aws, "look", NAME, folder=tmp_path)
    reset = run(aws, "reset", NAME, "--arm", "bold", folder=tmp_path)

    assert (look.returncode, look.stdout) == (0, "looked, {}\n")
    assert (reset.returncode, reset.stdout) == (0, "looked, {'reset': 'bold'}\n")


def test_no_such_experiment(aws: LocalAws, tmp_path: Path) -> None:
    done = run(aws, "report", "nowhere", folder=tmp_path)

    assert done.returncode == 1
    assert done.stderr.startswith("error: there is no experiment 'nowhere' in this account in ")
    assert "Traceback" not in done.stderr
