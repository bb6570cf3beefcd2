"""The command line: what it writes, what it asks the controller, and how it says what went wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from constructs_lib.experiments.report import cli
from tests.support.controlled import Bench
from tests.support.experiment_clients import Answers
from tests.support.experiment_events import EXPERIMENT


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    bench = Bench()
    bench.look()
    bench.look()
    found = Answers(bench.table)
    monkeypatch.setattr(cli, "_clients", lambda _: found.clients)
    return found


def run(answers: Answers, *arguments: str) -> int:
    with answers.ready():
        return cli.main(arguments)


def test_report_writes_a_page(
    answers: Answers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    answers.place()
    answers.description(EXPERIMENT)

    assert run(answers, "report", "pricing") == 0
    assert (tmp_path / "pricing.html").read_text().startswith("<!doctype html>")
    assert capsys.readouterr().out.splitlines()[-1] == "pricing.html"


def test_report_writes_where_it_is_told(answers: Answers, tmp_path: Path) -> None:
    answers.place()
    answers.description(EXPERIMENT)

    assert run(answers, "report", "pricing", "-o", str(tmp_path / "here.html")) == 0
    assert (tmp_path / "here.html").exists()


def test_a_file_that_cannot_be_written(
    answers: Answers, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers.place()
    answers.description(EXPERIMENT)

    assert run(answers, "report", "pricing", "-o", str(tmp_path / "no" / "where.html")) == 1
    assert capsys.readouterr().err.startswith("error: [Errno 2] No such file or directory")


def test_look_lets_the_controller_look(answers: Answers, capsys: pytest.CaptureFixture[str]) -> None:
    answers.place()
    answers.invoked({}, json.dumps({"outcome": "no change: The split is fixed."}).encode())

    assert run(answers, "look", "pricing") == 0
    assert capsys.readouterr().out == "no change: The split is fixed.\n"


def test_reset_names_the_arm(answers: Answers, capsys: pytest.CaptureFixture[str]) -> None:
    answers.place()
    answers.description(EXPERIMENT)
    answers.invoked({"reset": "bold"}, b'{"outcome": "epoch 4: ..."}')

    assert run(answers, "reset", "pricing", "--arm", "bold") == 0
    assert capsys.readouterr().out == "epoch 4: ...\n"


def test_reset_of_an_arm_that_there_is_not(answers: Answers, capsys: pytest.CaptureFixture[str]) -> None:
    answers.place()
    answers.description(EXPERIMENT)

    assert run(answers, "reset", "pricing", "--arm", "bald") == 1
    assert capsys.readouterr().err == "error: 'pricing' has no arm 'bald': it has control, bold, shy\n"


def test_a_controller_that_fails(answers: Answers, capsys: pytest.CaptureFixture[str]) -> None:
    answers.place()
    answers.invoked({}, b'{"errorMessage": "out of memory"}', FunctionError="Unhandled")

    assert run(answers, "look", "pricing") == 1
    assert capsys.readouterr().err == "error: the controller has failed: out of memory\n"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("AccessDeniedException", "error: no access: not for you (test.grants.read(…) allows the report"),
        ("ThrottlingException", "error: AWS refuses GetParameter: not for you (ThrottlingException)"),
        ("ParameterNotFound", "error: there is no experiment 'pricing'"),
    ],
)
def test_what_aws_refuses(
    answers: Answers, code: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answers.ssm.add_client_error("get_parameter", code, "not for you")

    assert run(answers, "report", "pricing") == 1
    assert capsys.readouterr().err.startswith(words)


@pytest.mark.parametrize(
    "arguments", [[], ["report"], ["report", "../x"], ["report", "A"], ["reset", "pricing"]]
)
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        cli.main(arguments)

    assert raised.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


# --- as a program ---------------------------------------------------------------------------------------


def program(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    nowhere = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    return subprocess.run(
        [sys.executable, "-m", "constructs_lib.experiments", *arguments],
        env={"PATH": os.environ["PATH"], **nowhere, "AWS_EC2_METADATA_DISABLED": "true", **environment},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_without_a_region_it_says_so() -> None:
    done = program("report", "pricing")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: You must specify a region.\n"


def test_the_endpoint_url_is_asked() -> None:
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_MAX_ATTEMPTS": "1"}
    done = program("look", "pricing", "--region", "eu-west-1", "--endpoint-url", "http://127.0.0.1:9", **keys)

    assert done.returncode == 1
    assert done.stderr == 'error: Could not connect to the endpoint URL: "http://127.0.0.1:9/"\n'


def test_help_starts_neither_the_cdk_nor_boto3() -> None:
    code = (
        "import sys, runpy\n"
        "sys.argv = ['x', '--help']\n"
        "try:\n    runpy.run_module('constructs_lib.experiments', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "print(sorted({'aws_cdk', 'jsii', 'constructs', 'boto3'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "[]"


def test_without_boto3_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "botocore.exceptions", None)

    assert cli.main(["look", "pricing"]) == 1
