"""A name is a contract: what is deployed keeps its logical ids, and synthesis gives the same bytes twice.

A change of ``tests/identity.json`` replaces or deletes resources of everyone who upgrades. To accept one
on purpose: ``make identity``, which sets ``ACCEPT_IDENTITY``, and tell it in the CHANGELOG.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.identity import Identities, consequences, identities

ROOT = Path(__file__).parents[1]
KEPT = Path(__file__).with_name("identity.json")
STACKS = (
    *("Realtime", "Serverless", "Async", "MultiModel", "Pipeline", "Components", "Shadow", "Experiment"),
    *("Monitored", "Batch", "Edge", "Everything", "EveryKind", "EveryMonitor", "EveryBatch", "EveryFleet"),
    *("Api", "EveryApi", "EveryDirectApi"),
)
ACCEPT = "ACCEPT_IDENTITY"


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The reference stacks, synthesized by two processes that differ in all that must not matter."""
    folders = [tmp_path_factory.mktemp(name) for name in ("one", "two")]
    surroundings = [
        {"PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C"},
        {"PYTHONHASHSEED": "2", "TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8", "CDK_DEFAULT_REGION": "eu-west-1"},
    ]
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.support.reference", str(folder)],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), **differing},
            stderr=subprocess.PIPE,
            text=True,
        )
        for folder, differing in zip(folders, surroundings, strict=True)
    ]
    for process in running:
        told = process.communicate()[1]
        assert process.returncode == 0, told
    return [folder / "cdk.out" for folder in folders]


def templates(folder: Path) -> dict[str, dict[str, Any]]:
    return {name: json.loads((folder / f"{name}.template.json").read_text("utf-8")) for name in STACKS}


def test_upgrading_replaces_nothing_that_is_deployed(folders: list[Path]) -> None:
    after = {name: identities(template) for name, template in templates(folders[0]).items()}
    if os.environ.get(ACCEPT):
        KEPT.write_text(json.dumps(after, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    before = json.loads(KEPT.read_text(encoding="utf-8"))
    found = [f"{name}: {line}" for name in STACKS for line in consequences(before[name], after[name])]
    assert found == [], "\n".join(
        [
            "whoever upgrades would get:",
            *found,
            "to accept it: make identity",
        ]
    )


@pytest.mark.parametrize(
    "file", [f"{name}.{kind}.json" for name in STACKS for kind in ("template", "assets")]
)
def test_two_processes_synthesize_the_same_bytes(folders: list[Path], file: str) -> None:
    one, two = (folder / file for folder in folders)
    assert one.read_bytes() == two.read_bytes()


def test_their_assets_are_the_same_bytes_too(folders: list[Path]) -> None:
    archives = [{file.name: file.read_bytes() for file in folder.glob("asset.*.gz")} for folder in folders]
    assert len(archives[0]) > 1
    assert archives[0] == archives[1]


def test_no_path_of_the_machine_is_in_what_is_deployed(folders: list[Path]) -> None:
    for folder in folders:
        for file in (*folder.glob("*.template.json"), *folder.glob("*.assets.json")):
            assert str(folder.parent) not in file.read_text(encoding="utf-8")
            assert str(ROOT) not in file.read_text(encoding="utf-8")


ENDPOINT = 'AWS::SageMaker::Endpoint "fraud"'


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({"A": "AWS::X::Y"}, {"A": "AWS::X::Y"}, []),
        ({}, {"A": "AWS::X::Y"}, ["ADD AWS::X::Y A"]),
        ({"A": "AWS::X::Y"}, {}, ["DELETE AWS::X::Y A"]),
        ({"A": "AWS::X::Y"}, {"B": "AWS::X::Y"}, ["REPLACE AWS::X::Y A by B"]),
        ({"A": "AWS::X::Y"}, {"B": "AWS::X::Z"}, ["DELETE AWS::X::Y A", "ADD AWS::X::Z B"]),
        ({"A": "AWS::X::Y"}, {"A": "AWS::X::Z"}, ["REPLACE AWS::X::Y A: AWS::X::Y becomes AWS::X::Z"]),
        (
            {"A": "AWS::S3::Bucket"},
            {"B": "AWS::S3::Bucket"},
            ["REPLACE AWS::S3::Bucket A by B, with what it holds"],
        ),
        (
            {"E": ENDPOINT},
            {"E": ENDPOINT.replace("fraud", "spam")},
            [f"REPLACE AWS::SageMaker::Endpoint E: {ENDPOINT} becomes {ENDPOINT.replace('fraud', 'spam')}"],
        ),
    ],
)
def test_a_difference_is_told_by_what_it_does_to_a_deployed_stack(
    before: Identities, after: Identities, told: list[str]
) -> None:
    assert consequences(before, after) == told


def test_a_name_is_part_of_the_identity_where_it_cannot_change() -> None:
    endpoint = {"Type": "AWS::SageMaker::Endpoint", "Properties": {"EndpointName": "fraud"}}
    alarm = {"Type": "AWS::CloudWatch::Alarm", "Properties": {"AlarmName": "may change"}}
    custom = {"Type": "Custom::EndpointSettle"}
    template = {"Resources": {"E": endpoint, "A": alarm, "C": custom}}
    assert identities(template) == {
        "A": "AWS::CloudWatch::Alarm",
        "C": "Custom::EndpointSettle",
        "E": ENDPOINT,
    }
