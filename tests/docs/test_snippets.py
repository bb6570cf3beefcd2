"""Every block of Python in the documentation, and every docstring's example, runs and synthesizes."""

from __future__ import annotations

import json
from pathlib import Path

import aws_cdk as cdk
import boto3
import pytest

from stacks.realtime import RealtimeStack
from tests.support import synth

from . import markdown, snippets

BLOCKS = [block for page in markdown.PAGES for block in markdown.blocks(page, "python")]
EXAMPLES = dict(snippets.docstring_examples())
README = markdown.ROOT / "README.md"


@pytest.fixture
def furnished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with what the pages take for granted, and no AWS within reach."""
    snippets.furnish(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(boto3, "client", snippets.OfflineAws("realtime-endpoint").client)
    return tmp_path


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.place)
def test_a_block_runs(block: markdown.Block, furnished: Path) -> None:
    snippets.run(block.code, place=block.place)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_docstring_example_runs(name: str, furnished: Path) -> None:
    snippets.run(EXAMPLES[name], place=f"Example of {name}")


def test_the_main_constructs_show_an_example() -> None:
    assert {"Model", "RealtimeEndpoint"} <= set(EXAMPLES)


def test_the_readme_shows_what_the_model_answers(furnished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    calls = [block for block in markdown.blocks(README, "python") if "invoke_endpoint(" in block.code]
    shown = [json.loads(block.code) for block in markdown.blocks(README, "json")]

    for call in calls:
        snippets.run(call.code, place=call.place)

    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == shown


def test_the_readme_calls_the_endpoint_that_the_stack_makes(app: cdk.App) -> None:
    example = markdown.ROOT / "examples" / "breast_cancer"
    stack = RealtimeStack(app, "Realtime", model=str(example / "model"), code=str(example / "code"))

    (parameter,) = synth.resources(synth.synthesized(stack), "AWS::SSM::Parameter").values()

    called = "".join(block.code for block in markdown.blocks(README, "python"))
    assert f'"{parameter["Properties"]["Name"]}"' in called
    assert stack.endpoint.endpoint_name in README.read_text(encoding="utf-8")
