"""The JSON Schema that editors use says the same as the models, and describes every field."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from constructs_lib.delivery.__main__ import schema_text
from constructs_lib.delivery.checking import deployment
from constructs_lib.delivery.folder import load
from constructs_lib.delivery.reading import read
from constructs_lib.delivery.schema.document import KINDS
from tests.support.manifests import realtime

DEPLOYMENTS = Path("deployments")
SCHEMA: dict[str, Any] = json.loads((DEPLOYMENTS / "schema.json").read_text())


def test_the_schema_that_is_checked_in_is_that_of_the_models() -> None:
    assert (DEPLOYMENTS / "schema.json").read_text() == schema_text(), (
        "python -m constructs_lib.delivery schema > deployments/schema.json"
    )


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_examples_fit_the_schema(environment: str) -> None:
    validator = jsonschema.Draft202012Validator(SCHEMA)
    read_environment = load(DEPLOYMENTS, environment)
    assert read_environment.manifests
    for each in (read_environment, *read_environment.manifests):
        assert list(validator.iter_errors(each.node.plain())) == []


def test_every_kind_has_an_example() -> None:
    assert {each.document.kind for each in load(DEPLOYMENTS, "dev").manifests} == set(KINDS)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("instanceCount", "instanceCuont"),
        ("instanceCount: 2", "instanceCount: two"),
        ("ml.m5.large", "large"),
        ("dev/v1", "dev/v2"),
        ("name: fraud", "name: Fraud"),
        ("instanceCount: 2", "rollout: {canary: {wait: 5 minutes}}"),
        ("image:", "picture:"),
    ],
)
def test_editors_refuse_what_the_command_refuses(old: str, new: str) -> None:
    text = realtime().replace(old, new)
    node, _ = read(text, "fraud.yaml")
    assert node is not None
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(node.plain())
    assert deployment(node, "fraud")[1]


def test_every_definition_is_described() -> None:
    bare = [name for name, each in SCHEMA["$defs"].items() if not each.get("description")]
    assert bare == []


def test_constructs_need_neither_pydantic_nor_yaml() -> None:
    program = (
        "import sys, constructs_lib\n"
        "for name in constructs_lib.__all__:\n"
        "    if name not in ('Deployments', 'ManifestError'): getattr(constructs_lib, name)\n"
        "print(sorted({'pydantic', 'yaml'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_schema_and_reading_start_no_cdk() -> None:
    program = (
        "import sys\n"
        "import constructs_lib.delivery.__main__ as main, constructs_lib.delivery.folder\n"
        "main.schema_text()\n"
        "print(sorted({'aws_cdk', 'jsii'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "text", re.findall(r"```yaml\n(.*?)```", Path("docs/manifests.md").read_text(), re.DOTALL)
)
def test_manifests_of_the_page_fit_the_schema(text: str) -> None:
    node, problems = read(text, "docs.yaml")
    assert problems == ()
    assert node is not None
    assert list(jsonschema.Draft202012Validator(SCHEMA).iter_errors(node.plain())) == []
