"""``python -m constructs_lib.rules check``: exit codes, formats, and that it starts no jsii."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from constructs_lib.rules.__main__ import main
from constructs_lib.rules.registry import TEMPLATE_RULES
from tests.rules.support import changed, realtime, text_of

BROKEN = changed(realtime(), "Config.ProductionVariants.0.VolumeSizeInGB", 600)
ADVISED = changed(realtime(), "Config.ProductionVariants.0.InstanceType", "ml.m99.large")


@pytest.fixture
def written(tmp_path: Path) -> dict[str, str]:
    made = {"good": realtime(), "broken": BROKEN, "advised": ADVISED}
    files = {name: tmp_path / f"{name}.template.json" for name in made}
    for name, file in files.items():
        file.write_text(text_of(made[name]), encoding="utf-8")
    return {name: str(file) for name, file in files.items()}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["good"], 0),
        (["broken"], 1),
        (["good", "broken"], 1),
        (["advised"], 0),
        (["advised", "--strict"], 1),
        (["broken", "--ignore", "SM-VARIANT-004"], 0),
        (["broken", "--ignore", "SM-TEST-001"], 2),
        (["nowhere"], 2),
        ([], 2),
    ],
)
def test_the_exit_code_tells_what_was_found(
    written: dict[str, str], capsys: pytest.CaptureFixture[str], arguments: list[str], code: int
) -> None:
    assert main(["check", *(written.get(each, each) for each in arguments)]) == code
    assert (capsys.readouterr().err != "") is (code == 2)


def test_text_says_where_what_and_who_says_so(
    written: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    main(["check", written["broken"]])
    line = next(n for n, text in enumerate(text_of(BROKEN).splitlines(), 1) if '"VolumeSizeInGB"' in text)
    assert capsys.readouterr().out.splitlines() == [
        f"{written['broken']}:{line}: error SM-VARIANT-004 Config (AWS::SageMaker::EndpointConfig)",
        "    ProductionVariants[0].VolumeSizeInGB: got 600; allowed: a whole number from 1 to 512",
        "    Instance count at least 1 and weight at least 0; a volume of 1–512 GiB. "
        "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProductionVariant.html",
        "1 error, 0 warnings",
    ]


def test_json_has_every_part_of_a_finding(
    written: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    main(["check", "--format", "json", written["broken"]])
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["file"], told["rule"], told["severity"]) == (written["broken"], "SM-VARIANT-004", "error")
    assert (told["resource"], told["property"]) == ("Config", "ProductionVariants[0].VolumeSizeInGB")
    assert (told["given"], told["allowed"]) == (600, "a whole number from 1 to 512")


def test_github_annotates_the_line(written: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    main(["check", "--format", "github", written["broken"], written["advised"]])
    error, warning = capsys.readouterr().out.splitlines()
    assert error.startswith(f"::error file={written['broken']},line=")
    assert ",title=SM-VARIANT-004::Config: ProductionVariants[0].VolumeSizeInGB: got 600" in error
    assert warning.startswith(f"::warning file={written['advised']},line=")


def test_github_is_given_no_line_ends_of_a_template(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a,b.json"
    sly = changed(realtime(), "Config.ProductionVariants.0.VariantName", "x\n::error::y")
    file.write_text(text_of(sly), encoding="utf-8")
    main(["check", "--format", "github", str(file)])
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith("::error file=") and "a%2Cb.json" in line for line in lines)


def test_sarif_names_rules_levels_and_lines(
    written: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    main(["check", "--format", "sarif", written["broken"], written["advised"]])
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    listed = [each["id"] for each in run["tool"]["driver"]["rules"]]
    assert listed == sorted({each["ruleId"] for each in run["results"]})
    for each in run["results"]:
        assert listed[each["ruleIndex"]] == each["ruleId"]
        assert each["locations"][0]["physicalLocation"]["region"]["startLine"] > 1
    assert {each["level"] for each in run["results"]} == {"error", "warning"}


def test_the_list_has_every_rule_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--list"]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert listed == sorted({rule.id for rule in TEMPLATE_RULES})


def test_the_command_starts_no_jsii(written: dict[str, str]) -> None:
    program = (
        "import sys; from constructs_lib.rules.__main__ import main; code = main(sys.argv[1:]);"
        "print(code, sorted({'jsii', 'aws_cdk', 'constructs', 'boto3', 'yaml'} & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, "check", written["good"]], capture_output=True, text=True, check=True
    )
    assert run.stdout.splitlines()[-1] == "0 []"
