"""The comment on a pull request: what the real CLI says of a change, told so that nobody misses what goes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from constructs_lib.delivery.pipeline.__main__ import main
from constructs_lib.delivery.pipeline.assembly import PipelineError
from constructs_lib.delivery.pipeline.changes import Change, Kind, changes
from constructs_lib.delivery.pipeline.comment import MARKER, MOST_CHARACTERS, comment
from constructs_lib.delivery.pipeline.github import PullRequest, output
from tests.support.github import GitHub
from tests.support.workflows import ROOT

PRINTED = """\
Stack Fraud
IAM Statement Changes
┌───┬──────┐
│ + │ Allow│
└───┴──────┘
Parameters
[+] Parameter BootstrapVersion BootstrapVersion: {"Type":"AWS::SSM::Parameter::Value<String>"}

Resources
[+] AWS::Lambda::Function Guard/Function GuardFunction1
[~] AWS::SageMaker::EndpointConfig Endpoint/Config EndpointConfig2 replace
 └─ [~] ProductionVariants (requires replacement)
[~] AWS::SageMaker::Endpoint Endpoint EndpointA3 may be replaced
 └─ [~] EndpointName (may cause replacement)
[-] AWS::S3::Bucket Endpoint/Capture Bucket/with spaces EndpointBucket4 destroy
[-] AWS::KMS::Key Endpoint/Key EndpointKey5 orphan

Outputs
[-] Output Old Old: {"Value":"AWS::S3::Bucket x destroy"}

Stack Churn
Resources
[~] AWS::IAM::Role Role Role6
 └─ [~] Description
     ├─ [-] old
     └─ [+] new

✨  Number of stacks with differences: 2
"""


def test_what_is_printed_is_read_line_by_line() -> None:
    assert changes(PRINTED) == [
        Change(
            stack="Fraud",
            type="AWS::Lambda::Function",
            where="Guard/Function GuardFunction1",
            kind=Kind.ADDED,
        ),
        Change(
            stack="Fraud",
            type="AWS::SageMaker::EndpointConfig",
            where="Endpoint/Config EndpointConfig2",
            kind=Kind.REPLACED,
        ),
        Change(
            stack="Fraud",
            type="AWS::SageMaker::Endpoint",
            where="Endpoint EndpointA3",
            kind=Kind.PERHAPS_REPLACED,
        ),
        Change(
            stack="Fraud",
            type="AWS::S3::Bucket",
            where="Endpoint/Capture Bucket/with spaces EndpointBucket4",
            kind=Kind.REMOVED,
        ),
        Change(stack="Fraud", type="AWS::KMS::Key", where="Endpoint/Key EndpointKey5", kind=Kind.KEPT),
        Change(stack="Churn", type="AWS::IAM::Role", where="Role Role6", kind=Kind.CHANGED),
    ]


def test_what_the_real_cli_prints_is_read(tmp_path: Path) -> None:
    """So that a new CLI with other words is noticed here."""
    app = tmp_path / "app.py"
    app.write_text(
        "import aws_cdk as cdk\nfrom aws_cdk import aws_sns as sns, aws_sqs as sqs\n"
        "app = cdk.App(builtin_cloud_formation_validation=False)\nstack = cdk.Stack(app, 'Fraud')\n"
        "sns.Topic(stack, 'Same', display_name='new')\nsqs.Queue(stack, 'New')\n"
        "sns.Topic(stack, 'Named', topic_name='b')\n"
        "app.synth()\n"
    )
    before = {
        "Same": ("AWS::SNS::Topic", {"DisplayName": "old"}, {}),
        "Named": ("AWS::SNS::Topic", {"TopicName": "a"}, {}),
        "Gone": ("AWS::SQS::Queue", {}, {}),
        "Kept": ("AWS::SQS::Queue", {}, {"DeletionPolicy": "Retain"}),
    }
    template = tmp_path / "before.json"
    environment = {**os.environ, "NO_COLOR": "1", "CI": "1", "CDK_DISABLE_CLI_TELEMETRY": "1"}
    environment["PATH"] = f"{ROOT / '.venv/bin'}{os.pathsep}{environment['PATH']}"
    cdk = [
        str(ROOT / "node_modules/.bin/cdk"),
        "--app",
        f"{sys.executable} {app}",
        "--output",
        str(tmp_path / "out"),
    ]
    subprocess.run([*cdk, "synth", "--quiet"], env=environment, cwd=tmp_path, check=True, capture_output=True)
    made = json.loads((tmp_path / "out" / "Fraud.template.json").read_text())["Resources"]
    ids = {name: next((id for id in made if id.startswith(name)), name) for name in before}
    resources = {
        ids[name]: {"Type": type, "Properties": properties, **more}
        for name, (type, properties, more) in before.items()
    }
    template.write_text(json.dumps({"Resources": resources}))
    printed = subprocess.run(
        [*cdk, "diff", "Fraud", "--template", str(template)],
        env=environment,
        cwd=tmp_path,
        check=True,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ).stdout
    found = {each.where.split()[-1].rstrip("0123456789ABCDEF"): each for each in changes(printed)}
    assert {name: each.kind for name, each in found.items()} == {
        "Same": Kind.CHANGED,
        "New": Kind.ADDED,
        "Named": Kind.REPLACED,
        "Gone": Kind.REMOVED,
        "Kept": Kind.KEPT,
    }, printed
    assert {each.stack for each in found.values()} == {"Fraud"}
    assert {name for name, each in found.items() if each.takes_away} == {"Named", "Gone"}


# --- what is told -------------------------------------------------------------------------------------------


def test_what_goes_is_on_top_and_what_is_routine_is_not_called_out() -> None:
    told = comment({"dev": PRINTED, "prod": ""}, commit="abc")
    lines = told.splitlines()
    assert lines[0] == MARKER
    alarm = [line for line in lines if line.startswith(">")]
    assert alarm == [
        "> [!CAUTION]",
        "> This takes away something that may be in use:",
        "> - **perhaps replaced** in `dev`: `AWS::SageMaker::Endpoint` `Endpoint EndpointA3`",
        "> - **removed** in `dev`: `AWS::S3::Bucket` `Endpoint/Capture Bucket/with spaces EndpointBucket4`",
    ]
    assert lines.index(alarm[0]) < next(index for index, line in enumerate(lines) if line.startswith("| Env"))
    assert "| `dev` | `Fraud` | 1 |  | 1 | 1 | 1 | 1 |" in lines
    assert "| `dev` | `Churn` |  | 1 |  |  |  |  |" in lines
    assert "| `prod` | nothing changes |" in told
    assert "commit `abc`" in lines[-1]
    assert PRINTED.strip() in told


def test_where_nothing_goes_there_is_no_alarm() -> None:
    harmless = "Stack A\nResources\n[~] AWS::SageMaker::Model Model M1 replace\n[+] AWS::S3::Bucket B B2\n"
    assert "CAUTION" not in comment({"dev": harmless}, commit="abc")


def test_environments_stand_in_the_order_they_are_deployed_in() -> None:
    told = comment(dict.fromkeys(("dev", "staging", "prod"), PRINTED), commit="abc")
    assert told.index("`dev` | `Fraud`") < told.index("`staging` | `Fraud`") < told.index("`prod` | `Fraud`")


def test_names_cannot_leave_their_place() -> None:
    evil = (
        "Stack A|b`</details>\nResources\n[-] AWS::S3::Bucket <img>`|@everyone E1 destroy\n```\n~~~\n````\n"
    )
    told = comment({"dev": evil}, commit="abc")
    (alarm,) = (line for line in told.splitlines() if "removed**" in line)
    assert "`?img???@everyone E1`" in alarm
    assert "| `A?b??/details?` |" in told
    assert "\n`````diff\n" in told, "a fence longer than any in it"


@pytest.mark.parametrize("environments", [1, 3, 12])
@pytest.mark.parametrize("stacks", [0, 1, 60])
@pytest.mark.parametrize("lines", [1, 20])
def test_a_comment_is_never_longer_than_github_takes(environments: int, stacks: int, lines: int) -> None:
    line = "[-] AWS::S3::Bucket " + "x`" * 300 + " E1 destroy\n"
    printed = "".join(f"Stack {'s' * 90}{index}\nResources\n" + line * lines for index in range(stacks))
    told = comment({f"environment-{index}": printed for index in range(environments)}, commit="a" * 40)
    assert len(told) <= MOST_CHARACTERS
    assert told.startswith(MARKER)
    assert told.count("<details>") == told.count("</details>")
    assert "For commit `aaaa" in told


def test_what_is_cut_says_so() -> None:
    long = PRINTED + "Stack Big\nResources\n" + "[+] AWS::SQS::Queue Q Q1\n" * 5000
    told = comment({"dev": long, "prod": PRINTED}, commit="abc")
    assert "cut here" in told
    assert PRINTED.strip() in told.rpartition("cut here")[2], "and the others are whole"


# --- whom it is told ----------------------------------------------------------------------------------------


def test_a_second_comment_takes_the_place_of_the_first() -> None:
    others = ["hello"] * 150
    with GitHub(*others) as github:
        request = PullRequest(7, github.environment)
        request.tell(f"{MARKER}\none")
        request.tell(f"{MARKER}\ntwo")
        assert list(github.comments.values()) == [*others, f"{MARKER}\ntwo"]
        assert github.authorizations == {"Bearer secret"}


def test_a_comment_that_only_quotes_ours_is_left_alone() -> None:
    with GitHub(f"> {MARKER}") as github:
        PullRequest(7, github.environment).tell(f"{MARKER}\none")
        assert list(github.comments.values()) == [f"> {MARKER}", f"{MARKER}\none"]


def test_that_github_refuses_is_told() -> None:
    with GitHub(refuses=403) as github, pytest.raises(PipelineError, match=r"GitHub refuses GET .*: 403"):
        PullRequest(7, github.environment).tell(MARKER)


@pytest.mark.parametrize("name", ["GITHUB_TOKEN", "GITHUB_REPOSITORY"])
def test_outside_of_a_workflow_a_comment_says_what_is_missing(name: str) -> None:
    environment = {"GITHUB_TOKEN": "secret", "GITHUB_REPOSITORY": "acme/models"}
    with pytest.raises(PipelineError, match=name):
        PullRequest(7, {**environment, name: ""})


def test_the_step_reads_the_diffs_and_comments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("dev", "prod"):
        (tmp_path / f"{name}.diff").write_text(PRINTED, encoding="utf-8")
    with GitHub() as github:
        for name, value in github.environment.items():
            monkeypatch.setenv(name, value)
        step = ["comment", "prod", "dev", "--diffs", str(tmp_path), "--pull-request", "7", "--commit", "abc"]
        assert main(step) == 0
        assert github.comments == {1: comment({"prod": PRINTED, "dev": PRINTED}, commit="abc")}


def test_the_step_prints_where_no_pull_request_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["comment", "--diffs", str(tmp_path)]) == 1
    assert "no diff of any environment" in capsys.readouterr().err
    assert main(["comment", "dev", "--diffs", str(tmp_path)]) == 1
    assert "no diff of dev" in capsys.readouterr().err
    (tmp_path / "dev.diff").write_text(PRINTED, encoding="utf-8")
    assert main(["comment", "--diffs", str(tmp_path), "--commit", "abc"]) == 0
    assert capsys.readouterr().out == comment({"dev": PRINTED}, commit="abc")


def test_outputs_are_for_the_steps_that_follow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    output("digest", "abc")
    output("other", "def")
    assert (tmp_path / "output").read_text() == "digest=abc\nother=def\n"
    monkeypatch.delenv("GITHUB_OUTPUT")
    output("digest", "abc")
    assert capsys.readouterr().out.splitlines()[-1] == "digest=abc"
