"""The command line: what it writes, and how it says what went wrong, to somebody at two in the morning."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from constructs_lib.monitoring.report import cli
from tests.support import monitoring_findings as made


@pytest.fixture
def window(tmp_path: Path) -> Path:
    return made.write(tmp_path / "prefix", {**made.past("data_quality", 30), **made.data_quality()})


def test_it_writes_a_page_and_says_where(
    window: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    assert cli.main(["report", str(window)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "3 of 32 features drifted: scanner, mean radius and worst area.",
        "monitoring-report.html",
    ]
    assert (tmp_path / "monitoring-report.html").read_text().startswith("<!doctype html>")


def test_it_writes_where_it_is_told(window: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "here.html"

    assert cli.main(["report", str(window), "-o", str(target), "--days", "2"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(target)
    assert "The last 2 days" in target.read_text()


def test_a_file_that_cannot_be_written(window: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["report", str(window), "-o", str(window / "no" / "where.html")]) == 1
    assert capsys.readouterr().err.startswith("error: [Errno 2] No such file or directory")


def test_no_window(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["report", str(tmp_path / "nowhere")]) == 1
    assert capsys.readouterr().err.startswith("error: there is no window of a monitor in ")


def test_days_need_a_window_in_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made.write(tmp_path, made.data_quality())
    (tmp_path / "2026/11/28/1000").rename(tmp_path / "mine")

    assert cli.main(["report", str(tmp_path / "mine"), "--days", "3"]) == 1
    assert "--days needs a folder that lies where the monitor has written it" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["report"],
        ["report", "x", "--days", "0"],
        ["report", "x", "--days", "93"],
        ["report", "x", "--days", "½"],
    ],
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
        [sys.executable, "-m", "constructs_lib.monitoring", *arguments],
        env={"PATH": os.environ["PATH"], **nowhere, "AWS_EC2_METADATA_DISABLED": "true", **environment},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_without_credentials_it_says_so() -> None:
    done = program("report", "s3://bucket/monitoring/fraud/Data/2026/11/28/1000/")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: cannot read s3://bucket/monitoring/")
    assert "credentials" in done.stderr


def test_the_endpoint_url_is_asked() -> None:
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_MAX_ATTEMPTS": "1"}
    done = program(
        "report", "s3://bucket/x", "--region", "eu-west-1", "--endpoint-url", "http://127.0.0.1:9", **keys
    )

    assert done.returncode == 1
    assert "Could not connect to the endpoint URL" in done.stderr


def test_an_endpoint_url_that_is_none() -> None:
    done = program("report", "s3://bucket/x", "--region", "eu-west-1", "--endpoint-url", "nowhere")

    assert (done.returncode, done.stderr) == (1, "error: Invalid endpoint: nowhere\n")


def test_a_folder_starts_neither_the_cdk_nor_boto3(window: Path, tmp_path: Path) -> None:
    code = (
        "import sys, runpy\n"
        f"sys.argv = ['x', 'report', {str(window)!r}, '-o', {str(tmp_path / 'x.html')!r}]\n"
        "try:\n    runpy.run_module('constructs_lib.monitoring', run_name='__main__')\n"
        "except SystemExit as end: print(end.code)\n"
        "print(sorted({'aws_cdk', 'jsii', 'constructs', 'boto3', 'botocore'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )

    assert done.stdout.splitlines()[-2:] == ["0", "[]"]


def test_without_boto3_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)

    assert cli.main(["report", "s3://bucket/x"]) == 1
    assert capsys.readouterr().err == "error: boto3 is not installed, and S3 needs it: pip install boto3\n"
