"""Manifests against the schema: each problem with its file, line, path, what was given and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from constructs_lib.delivery.__main__ import main
from constructs_lib.delivery.folder import load
from constructs_lib.delivery.schema.endpoints import RealtimeSpec
from tests.support.manifests import IMAGE, problems, realtime, sole, write

UNKNOWN = "SM-DELIVERY-002"
UNFIT = "SM-DELIVERY-003"
GROUP = "arn:aws:sagemaker:eu-central-1:111122223333:model-package/fraud"


def changed(old: str, new: str) -> str:
    text = realtime()
    assert old in text
    return text.replace(old, new)


@pytest.mark.parametrize(
    ("text", "line", "path", "given", "allowed", "fix", "rule"),
    [
        (
            changed("RealtimeEndpoint", "RealTimeEndpoint"),
            2, "kind", "'RealTimeEndpoint'", "RealtimeEndpoint, ServerlessEndpoint", "did you mean RealtimeEndpoint?",
            UNKNOWN,
        ),
        (
            changed("dev/v1", "dev/v2"),
            1, "apiVersion", "'constructs-lib.dev/v2'", "constructs-lib.dev/v1", "did you mean constructs-lib.dev/v1?",
            UNKNOWN,
        ),
        (
            changed("name: fraud", "name: frauds"),
            3, "metadata.name", "'frauds'", "'fraud', as the file is called", "", UNKNOWN,
        ),
        (
            changed("instanceCount", "instanceCuont"),
            8, "spec.instanceCuont", "the unknown field 'instanceCuont'", "instanceCount",
            "did you mean instanceCount?", UNFIT,
        ),
        (
            changed("instanceCount: 2", 'instanceCount: "2"'),
            8, "spec.instanceCount", "'2'", "a whole number", "without quotes: 2", UNFIT,
        ),
        (
            changed("instanceCount: 2", "instanceCount: 0"),
            8, "spec.instanceCount", "0", "at least 1", "", UNFIT,
        ),
        (
            changed("ml.m5.large", "m5.large"),
            7, "spec.instanceType", "'m5.large'", "ml.<family>.<size>, such as ml.m5.large", "", UNFIT,
        ),
        (
            realtime(more="  scaling: {minCapacity: 1}\n"),
            9, "spec.scaling.maxCapacity", "nothing", "required", "", UNFIT,
        ),
        (
            realtime(more="  rollout: {canary: {wait: 5 minutes}}\n"),
            9, "spec.rollout.canary.wait", "'5 minutes'", "a length of time such as 30s, 5m", "", UNFIT,
        ),
        (
            realtime(more="  capture: {captureInput: yes}\n"),
            9, "spec.capture.captureInput", "'yes'", "true or false", "true", UNFIT,
        ),
        (
            changed(f'uri: "{IMAGE}"', "framework: {name: sklearn, version: 1.20}"),
            6, "spec.model.image.framework.version", "1.2", "text", 'in quotes it is text: "1.20"', UNFIT,
        ),
        (
            changed("name: fraud}", "name: fraud, labels: {team: 7}}"),
            3, "metadata.labels.team", "7", "text", 'in quotes it is text: "7"', UNFIT,
        ),
        (
            changed(f'uri: "{IMAGE}"', "uri: 111122223333.dkr.ecr.eu-central-1.amazonaws.com/fraud:latest"),
            6, "spec.model.image.uri", "'111122223333.dkr.ecr.eu-central-1.amazonaws.com/fraud:latest'",
            "an image by its digest", "", "SM-DELIVERY-004",
        ),
        (
            changed("  instanceType", "    data: {uri: s3://models/fraud.tar.gz}\n  instanceType"),
            7, "spec.model.data.uri", "'s3://models/fraud.tar.gz'", "versionId or digest beside it", "",
            "SM-DELIVERY-004",
        ),
        (
            changed(f'image: {{uri: "{IMAGE}"}}', f"modelPackage: {GROUP}"),
            6, "spec.model.modelPackage", f"'{GROUP}'",
            "with its version", "", "SM-DELIVERY-004",
        ),
        (
            changed(f'image: {{uri: "{IMAGE}"}}', "environment: {}"),
            5, "spec.model", "a map of environment", "exactly one of image, modelPackage", "", UNFIT,
        ),
        (
            changed("  instanceType", "    data: {asset: ../secrets}\n  instanceType"),
            7, "spec.model.data.asset", "'../secrets'", "a path below the folder", "", UNFIT,
        ),
        (
            changed("  instanceType", "    data: {asset: /etc}\n  instanceType"),
            7, "spec.model.data.asset", "'/etc'", "a path below the folder", "", UNFIT,
        ),
        (
            changed("  instanceCount: 2", "  variants: []"),
            8, "spec.variants", "a list of 0", "at least 1", "", UNFIT,
        ),
        ("- a\n", 1, "", "a list of 1", "a map with apiVersion, kind, metadata and spec", "", UNKNOWN),
    ],
)  # fmt: skip
def test_each_problem_says_where_what_and_how(
    tmp_path: Path, text: str, line: int, path: str, given: str, allowed: str, fix: str, rule: str
) -> None:
    problem = sole(lambda: load(write(tmp_path, dev__fraud=text), "dev"))
    assert problem.mark.file == "deployments/dev/fraud.yaml"
    assert (problem.mark.line, problem.path, problem.given) == (line, path, given)
    assert allowed in problem.allowed
    assert problem.fix == fix
    assert problem.rule == rule


def test_unknown_kinds_and_fields_that_do_not_fit_have_rules_of_their_own(tmp_path: Path) -> None:
    kind = sole(lambda: load(write(tmp_path, dev__fraud=changed("RealtimeEndpoint", "Webhook")), "dev"))
    text = realtime(more="  color: red\n")
    field = sole(lambda: load(write(tmp_path, dev__fraud=text), "dev"))
    assert kind.rule == "SM-DELIVERY-002"
    assert field.rule == "SM-DELIVERY-003"


def test_every_problem_of_every_file_is_told_in_one_run(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        dev__a=realtime("a", "  instanceTipe: x\n  capture: {samplingPercent: 200}\n"),
        dev__b="a: 1\na: 2\n",
        dev__c=realtime("other"),
    )
    found = problems(lambda: load(folder, "dev"))
    assert [(each.mark.file[-6:], each.mark.line, each.path) for each in found] == [
        ("a.yaml", 9, "spec.instanceTipe"),
        ("a.yaml", 10, "spec.capture.samplingPercent"),
        ("b.yaml", 2, "a"),
        ("c.yaml", 3, "metadata.name"),
    ]


def test_a_problem_in_a_base_is_told_where_the_base_says_it(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        base__fraud=realtime(more="  capture: {samplingPercent: 0}\n"),
        dev__fraud="metadata: {name: fraud}\n",
    )
    problem = sole(lambda: load(folder, "dev"))
    assert (problem.mark.file, problem.mark.line) == ("deployments/_base/fraud.yaml", 9)


def test_an_environment_outranks_the_base_and_the_base_the_defaults(tmp_path: Path) -> None:
    environment = """
        apiVersion: constructs-lib.dev/v1
        kind: Environment
        metadata: {name: dev}
        spec:
          defaults:
            RealtimeEndpoint: {instanceCount: 7, instanceType: ml.c5.large, capture: {prefix: p, samplingPercent: 5}}
    """
    folder = write(
        tmp_path,
        dev___environment=environment,
        base__fraud=realtime(
            more="  capture: {samplingPercent: 50}\n  scaling: {minCapacity: 1, maxCapacity: 2}\n"
        ),
        dev__fraud="metadata: {name: fraud}\nspec: {instanceCount: 3, scaling: null}\n",
    )
    (manifest,) = load(folder, "dev").manifests
    spec = manifest.document.spec
    assert isinstance(spec, RealtimeSpec)
    assert (spec.instance_count, spec.instance_type, spec.scaling) == (3, "ml.m5.large", None)
    assert spec.capture is not None
    assert (spec.capture.sampling_percent, spec.capture.prefix) == (50, "p")


@pytest.mark.parametrize(
    ("files", "place", "given", "rule"),
    [
        (
            {"dev__a": realtime("a", "  endpointName: shared\n"), "dev__b": realtime("b", "  endpointName: shared\n")},
            "deployments/dev/b.yaml", "'shared', which is also that of a", "SM-DELIVERY-005",
        ),
        (
            {"dev__a": realtime("a"), "dev__b": realtime("b", "  endpointName: dev-a\n")},
            "deployments/dev/b.yaml", "'dev-a', which is also that of a", "SM-DELIVERY-005",
        ),
        (
            {"dev___environment": "apiVersion: constructs-lib.dev/v1\nkind: Environment\nmetadata: {name: prod}\n"},
            "deployments/dev/_environment.yaml", "'prod'", UNKNOWN,
        ),
        (
            {
                "dev___environment": "apiVersion: constructs-lib.dev/v1\nkind: Environment\nmetadata: {name: dev}\n"
                "spec: {account: 012345678901}\n"
            },
            "deployments/dev/_environment.yaml", "12345678901", UNFIT,
        ),
        (
            {
                "dev___environment": "apiVersion: constructs-lib.dev/v1\nkind: Environment\nmetadata: {name: dev}\n"
                "spec: {defaults: {Realtime: {}}}\n"
            },
            "deployments/dev/_environment.yaml", "'Realtime'", UNKNOWN,
        ),
    ],
)  # fmt: skip
def test_what_collides_or_stands_in_the_environment_wrongly(
    tmp_path: Path, files: dict[str, str], place: str, given: str, rule: str
) -> None:
    problem = sole(lambda: load(write(tmp_path, **files), "dev"))
    assert (problem.mark.file, problem.given, problem.rule) == (place, given, rule)


@pytest.mark.parametrize("stranger", ["b.yml", "b.YAML", "b.json", "_other.yaml", "team/a.yaml"])
def test_what_would_silently_not_be_read_is_refused(tmp_path: Path, stranger: str) -> None:
    folder = write(tmp_path, dev__fraud=realtime())
    file = folder / "dev" / stranger
    file.parent.mkdir(exist_ok=True)
    file.write_text(realtime())
    problem = sole(lambda: load(folder, "dev"))
    rule = problem.rule
    assert rule == "SM-DELIVERY-007"
    assert problem.mark.file == f"deployments/dev/{stranger.split('/')[0]}"


def test_an_environment_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    problem = sole(lambda: load(write(tmp_path, dev__fraud=realtime()), "stage"))
    assert (problem.given, problem.allowed) == ("no environment 'stage'", "dev")


def test_an_environment_needs_its_file(tmp_path: Path) -> None:
    folder = write(tmp_path, dev__fraud=realtime())
    (folder / "dev" / "_environment.yaml").unlink()
    assert sole(lambda: load(folder, "dev")).given == "no such file"


@pytest.mark.parametrize(
    ("block", "path"),
    [
        ("  instanceType: |\n    ml.m5.large\n", "spec.instanceType"),
        ("  scaling: {minCapacity: 1, maxCapacity: 2, scaleInCooldown: \"5m\\n\"}\n", "spec.scaling.scaleInCooldown"),
        ("  instanceType: \"ml.m5.large\\n\"\n", "spec.instanceType"),
    ],
)  # fmt: skip
def test_a_line_break_at_the_end_of_a_text_is_no_part_of_it(tmp_path: Path, block: str, path: str) -> None:
    text = realtime().replace("  instanceType: ml.m5.large\n", "") if "instanceType" in block else realtime()
    assert sole(lambda: load(write(tmp_path, dev__fraud=text + block), "dev")).path == path


@pytest.mark.parametrize("version", ["null", "latest", " "])
def test_an_id_that_s3_gives_no_version_pins_nothing(tmp_path: Path, version: str) -> None:
    data = f'    data: {{uri: "s3://models/fraud.tar.gz", versionId: "{version}"}}\n  instanceType'
    text = realtime().replace("  instanceType", data)
    problem = sole(lambda: load(write(tmp_path, dev__fraud=text), "dev"))
    rule = problem.rule
    assert rule == "SM-DELIVERY-004"
    assert (problem.path, problem.given) == ("spec.model.data.versionId", repr(version))


@pytest.mark.parametrize("metadata", ['owner: "a\\nb"', "labels: {AWS:x: y}", 'labels: {a: "b\\n"}'])
def test_owners_and_labels_are_tags_that_aws_takes(tmp_path: Path, metadata: str) -> None:
    text = realtime().replace("{name: fraud", f"{{name: fraud, {metadata}")
    assert sole(lambda: load(write(tmp_path, dev__fraud=text), "dev")).allowed.startswith("a tag of AWS")


def test_a_base_that_would_not_be_read_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path, dev__fraud=realtime(), base__fraud="[1]\n")
    (folder / "_base" / "other.yml").write_text(realtime())
    found = problems(lambda: load(folder, "dev"))
    assert [(each.mark.file, each.given) for each in found] == [
        ("deployments/_base/fraud.yaml", "a list of 1"),
        ("deployments/_base/other.yml", "other.yml"),
    ]


def test_a_link_to_nothing_is_no_deployment_that_went_away(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "dev" / "fraud.yaml").symlink_to("nowhere.yaml")
    assert sole(lambda: load(folder, "dev")).given == "unreadable: FileNotFoundError"


@pytest.mark.parametrize("name", ["/etc", "../deployments/dev", "", "Dev"])
def test_an_environment_is_no_path(tmp_path: Path, name: str) -> None:
    assert sole(lambda: load(write(tmp_path), name)).given == f"the environment {name!r}"


def test_no_stack_is_called_as_one_of_another_environment(tmp_path: Path) -> None:
    files = {"dev__eu-x": realtime("eu-x"), "dev-eu__x": realtime("x")}
    problem = sole(lambda: load(write(tmp_path, **files), "dev"))
    rule = problem.rule
    assert rule == "SM-DELIVERY-005"
    assert problem.given == "'eu-x', whose stack would be called as one of dev-eu"


def test_a_folder_without_environments_is_not_right(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["validate", "--folder", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"no environment in {tmp_path}\n"


def test_a_manifest_is_no_link_out_of_the_repository(tmp_path: Path) -> None:
    folder = write(tmp_path / "repository")
    (tmp_path / "fraud.yaml").write_text(realtime())
    (folder / "dev" / "fraud.yaml").symlink_to(tmp_path / "fraud.yaml")
    problem = sole(lambda: load(folder, "dev"))
    rule = problem.rule
    assert rule == "SM-DELIVERY-006"
    assert problem.given == "a link that leaves the repository"
