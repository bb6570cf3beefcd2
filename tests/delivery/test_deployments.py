"""Manifests as constructs: what each kind makes, and constructs' refusals back at the manifest's lines."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

from constructs_lib import Deployments
from constructs_lib.delivery.__main__ import main
from constructs_lib.delivery.planning import plan
from tests.support.manifests import ENVIRONMENT, IMAGE, problems, realtime, sole, write

Template = dict[str, Any]


def synthesized(folder: Path, out: Path, environment: str = "dev") -> dict[str, Template]:
    app = cdk.App(outdir=str(out))
    deployments = Deployments(app, folder, environment)
    app.synth()
    return {name: json.loads((out / f"{name}.template.json").read_text()) for name in deployments.stacks}


def of_type(template: Template, type: str) -> list[dict[str, Any]]:
    return [each["Properties"] for each in template["Resources"].values() if each["Type"] == type]


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Template]]:
    yield synthesized(Path("deployments"), tmp_path_factory.mktemp("out"))


@pytest.mark.parametrize(
    ("name", "type", "expected"),
    [
        ("breast-cancer", "AWS::SageMaker::Endpoint", {"EndpointName": "dev-breast-cancer"}),
        (
            "breast-cancer",
            "AWS::ApplicationAutoScaling::ScalableTarget",
            {"MinCapacity": 1, "MaxCapacity": 2},
        ),
        ("cheap-scores", "AWS::SageMaker::Endpoint", {"EndpointName": "dev-cheap-scores"}),
        ("slides", "AWS::SageMaker::Endpoint", {"EndpointName": "dev-slides"}),
        ("digits", "AWS::SageMaker::Endpoint", {"EndpointName": "dev-digits"}),
        ("wine", "AWS::SageMaker::Endpoint", {"EndpointName": "dev-wine"}),
        ("shared-fleet", "AWS::SageMaker::InferenceComponent", {"EndpointName": "dev-shared-fleet"}),
        ("watched", "AWS::SageMaker::Endpoint", {"EndpointName": "dev-watched"}),
        ("which-trees", "AWS::SageMaker::Endpoint", {"EndpointName": "dev-which-trees"}),
        ("challenger", "AWS::SageMaker::Endpoint", {"EndpointName": "dev-challenger"}),
        ("nightly", "AWS::Scheduler::Schedule", {"ScheduleExpressionTimezone": "Europe/Berlin"}),
        ("scopes", "AWS::IoT::ThingGroup", {}),
    ],
)
def test_every_kind_becomes_what_it_says(
    examples: dict[str, Template], name: str, type: str, expected: dict[str, object]
) -> None:
    found = of_type(examples[f"dev-{name}"], type)
    assert found
    assert expected in [{key: each.get(key) for key in expected} for each in found]


def test_owners_labels_and_the_environments_tags_are_on_resources(examples: dict[str, Template]) -> None:
    (model,) = of_type(examples["dev-breast-cancer"], "AWS::SageMaker::Model")
    assert {"Key": "owner", "Value": "team-diagnostics"} in model["Tags"]
    assert {"Key": "environment", "Value": "dev"} in model["Tags"]


def test_an_api_of_an_experiment_takes_rewards_and_lets_in_who_is_named(
    examples: dict[str, Template], tmp_path: Path
) -> None:
    routes = {each["RouteKey"] for each in of_type(examples["dev-which-trees"], "AWS::ApiGatewayV2::Route")}
    assert routes == {"POST /invocations", "GET /ping", "POST /rewards"}

    role = "arn:aws:iam::111122223333:role/Shop"
    folder = write(
        tmp_path, dev__fraud=realtime(more=f"  api: {{authorization: {{iam: {{roles: ['{role}']}}}}}}\n")
    )
    template = synthesized(folder, tmp_path / "out")["dev-fraud"]
    attached = [each for each in of_type(template, "AWS::IAM::Policy") if "Shop" in each["Roles"]]
    assert len(attached) == 1


def test_who_is_named_hears_of_alarms_of_every_kind_of_endpoint(tmp_path: Path) -> None:
    topic = "arn:aws:sns:eu-central-1:111122223333:on-call"
    environment = f"{ENVIRONMENT}spec: {{notify: ['{topic}']}}\n".lstrip()
    folder = tmp_path / "deployments"
    shutil.copytree("deployments", folder)
    shutil.copytree("examples", tmp_path / "examples")
    (folder / "dev" / "_environment.yaml").write_text(environment)
    quiet = {
        name
        for name, template in synthesized(folder, tmp_path / "out").items()
        if not any(
            topic in each.get("AlarmActions", ()) for each in of_type(template, "AWS::CloudWatch::Alarm")
        )
    }
    assert quiet <= {"dev-which-trees"}  # its alarms are its manager's


def test_two_syntheses_give_the_same_bytes(tmp_path: Path) -> None:
    folder = write(tmp_path, dev__fraud=realtime(), dev__other=realtime("other"))
    assert synthesized(folder, tmp_path / "1") == synthesized(folder, tmp_path / "2")


def test_a_deployment_alone_is_the_same_whatever_else_there_is(tmp_path: Path) -> None:
    alone = synthesized(write(tmp_path / "a", dev__fraud=realtime()), tmp_path / "1")
    more = synthesized(write(tmp_path / "b", dev__fraud=realtime(), dev__a=realtime("a")), tmp_path / "2")
    assert alone["dev-fraud"] == more["dev-fraud"]


@pytest.mark.parametrize(
    ("more", "line", "path", "rule"),
    [
        (
            "  scaling: {minCapacity: 3, maxCapacity: 2, cpuUtilization: 5}\n", 9, "spec.scaling.minCapacity",
            "SM-SCALING",
        ),
        ("  scaling: {minCapacity: 1, maxCapacity: 2}\n", 9, "spec.scaling.invocationsPerInstance", "SM-SCALING"),
        ("  capture:\n    prefix: /x\n", 10, "spec.capture.prefix", "SM-CAPTURE"),
        ("  metrics: {every: 7s}\n", 9, "spec.metrics.every", "SM-ENDPOINT"),
    ],
)  # fmt: skip
def test_what_a_construct_refuses_is_told_at_the_manifests_line(
    tmp_path: Path, more: str, line: int, path: str, rule: str
) -> None:
    folder = write(tmp_path, dev__fraud=realtime(more=more))
    problem = sole(lambda: Deployments(cdk.App(), folder, "dev"))
    assert (problem.mark.file, problem.mark.line) == ("deployments/dev/fraud.yaml", line)
    assert problem.path == path
    assert problem.rule.rsplit("-", 1)[0] == rule
    assert problem.source.startswith("https://docs.aws.amazon.com/")


def test_refusals_of_several_parts_and_files_are_told_together(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        dev__a=realtime("a", "  capture: {prefix: /x}\n  scaling: {minCapacity: 1, maxCapacity: 2}\n"),
        dev__b=realtime("b").replace(f'uri: "{IMAGE}"', 'framework: {name: sklearn, version: "0.0"}'),
    )
    found = problems(lambda: Deployments(cdk.App(), folder, "dev"))
    assert [(each.mark.file[-6:], each.mark.line) for each in found] == [
        ("a.yaml", 9),
        ("a.yaml", 10),
        ("b.yaml", 6),
    ]


def test_data_is_compared_with_its_digest(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights").write_text("1")
    wrong = "sha256:" + "0" * 64
    text = realtime().replace(
        "  instanceType", f"    data: {{asset: model, digest: '{wrong}'}}\n  instanceType"
    )
    folder = write(tmp_path, dev__fraud=text)
    problem = sole(lambda: Deployments(cdk.App(), folder, "dev"))
    rule = problem.rule
    assert rule == "SM-DELIVERY-004"
    right = problem.allowed.split(",")[0]
    write(tmp_path, dev__fraud=text.replace(wrong, right))
    Deployments(cdk.App(), folder, "dev")
    (tmp_path / "model" / "weights").write_text("2")
    assert sole(lambda: Deployments(cdk.App(), folder, "dev")).path == "spec.model.data.digest"


def test_a_link_that_leaves_the_repository_is_refused(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("s")
    inside = tmp_path / "repository"
    text = realtime().replace("  instanceType", "    data: {asset: model}\n  instanceType")
    folder = write(inside, dev__fraud=text)
    (inside / "model").symlink_to(outside)
    found = problems(lambda: Deployments(cdk.App(), folder, "dev"))
    assert {each.path for each in found if each.rule == "SM-DELIVERY-006"} == {"spec.model.data.asset"}


def test_plan_tells_what_a_change_replaces(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write(tmp_path, dev__fraud=realtime(), dev__gone=realtime("gone"))
    synthesized(folder, tmp_path / "cdk.out")
    (folder / "dev" / "gone.yaml").unlink()
    write(tmp_path, dev__fraud=realtime(more="  capture: {}\n"), dev__new=realtime("new"))
    planned = plan(folder, "dev", against=tmp_path / "cdk.out")
    assert planned.removed == ("dev-gone",)
    fraud, new = planned.stacks
    assert {each.what for each in new.changes or ()} == {"added"}
    by_type = {each.type: each.what for each in fraud.changes or ()}
    assert by_type["AWS::SageMaker::Endpoint"] == "changed"
    assert by_type["AWS::S3::Bucket"] == "added"

    arguments = ["plan", "--folder", str(folder), "--against", str(tmp_path / "cdk.out")]
    assert main([*arguments, "--format", "json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["plans"]
    assert told["removed"] == ["dev-gone"]
    assert {each["name"] for each in told["stacks"]} == {"dev-fraud", "dev-new"}
    assert main([*arguments, "--format", "github"]) == 0
    assert "| dev-gone | none any more |" in capsys.readouterr().out


@pytest.mark.parametrize("format", ["text", "json", "github"])
def test_validate_tells_problems_of_all_environments(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], format: str
) -> None:
    folder = write(tmp_path, dev__fraud=realtime(more="  capture: {prefix: /x}\n"))
    shutil.copytree(folder / "dev", folder / "prod")
    (folder / "prod" / "_environment.yaml").unlink()
    assert main(["validate", "--folder", str(folder), "--format", format]) == 1
    out = capsys.readouterr().out
    if format == "text":
        assert "deployments/dev/fraud.yaml:9:21 spec.capture.prefix: '/x'; allowed:" in out
    if format == "json":
        files = [each["file"] for each in json.loads(out)["problems"]]
        assert files == ["deployments/dev/fraud.yaml", "deployments/prod/_environment.yaml"]
    if format == "github":
        assert out.startswith("::error file=deployments/dev/fraud.yaml,line=9,col=21,title=SM-")


def test_validate_is_content_with_what_is_right(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "--folder", str(write(tmp_path, dev__fraud=realtime()))]) == 0
    assert capsys.readouterr().out == "1 deployments are right\n"
    assert main(["validate", "--folder", str(tmp_path / "nowhere")]) == 2


@pytest.mark.parametrize("file", ["nowhere.csv", "deployments"])
def test_a_smoke_test_without_its_file_is_not_left_out(tmp_path: Path, file: str) -> None:
    tested = f"  smokeTest: {{request: {{contentType: text/csv, file: {file}}}}}\n"
    folder = write(tmp_path, dev__fraud=realtime(more=tested))
    problem = sole(lambda: Deployments(cdk.App(outdir=str(tmp_path / "out")), folder, "dev"))
    rule = problem.rule
    assert rule == "SM-DELIVERY-006"
    assert (problem.path, problem.given) == ("spec.smokeTest.request.file", repr(file))


def test_a_value_of_none_of_several_types_is_told_all_of_them(tmp_path: Path) -> None:
    expect = "{jsonPath: $.a, equals: {b: 1}}"
    tested = f"  smokeTest: {{request: {{contentType: text/csv, body: a}}, expect: {expect}}}\n"
    folder = write(tmp_path, dev__fraud=realtime(more=tested))
    problem = sole(lambda: Deployments(cdk.App(outdir=str(tmp_path / "out")), folder, "dev"))
    assert problem.allowed == "text, or a whole number, or a number, or true or false"


def test_more_tags_than_a_resource_takes_are_refused(tmp_path: Path) -> None:
    labels = ", ".join(f"l{number}: x" for number in range(30))
    tags = ", ".join(f"t{number}: x" for number in range(20))
    environment = ENVIRONMENT.lstrip() + f"spec: {{tags: {{{tags}}}}}\n"
    text = realtime().replace("{name: fraud", f"{{name: fraud, owner: us, labels: {{{labels}}}")
    folder = write(tmp_path, dev___environment=environment, dev__fraud=text)
    problem = sole(lambda: Deployments(cdk.App(outdir=str(tmp_path / "out")), folder, "dev"))
    assert (problem.path, problem.allowed) == ("metadata.labels", "at most 50")
