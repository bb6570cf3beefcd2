"""Every block of Python in the documentation, and every docstring's example, runs and synthesizes."""

from __future__ import annotations

import json
from pathlib import Path

import boto3
import pytest

from tests.support import synth

from . import markdown, snippets
from .offline import OfflineAws

# A lab's blocks stand on each other, and on an AWS: tests/deploy/test_labs.py follows them.
BLOCKS = [
    block
    for page in markdown.PAGES
    if page.parent.name != "labs"
    for block in markdown.blocks(page, "python")
]
EXAMPLES = dict(snippets.docstring_examples())
README = markdown.ROOT / "README.md"
DOCS = markdown.ROOT / "docs"
ENDPOINT_OF = {
    "RealtimeEndpoint": (README, "realtime-endpoint"),
    "ServerlessEndpoint": (DOCS / "serverless.md", "serverless-endpoint"),
    "AsyncEndpoint": (DOCS / "asynchronous.md", "async-endpoint"),
    "MultiModelEndpoint": (DOCS / "multi-model.md", "multimodel-endpoint"),
    "InferencePipeline": (DOCS / "pipeline.md", "pipeline-endpoint"),
    "ComponentEndpoint": (DOCS / "components.md", "components-endpoint"),
    "ShadowTest": (DOCS / "shadow.md", "shadow-endpoint"),
}
"""The page that calls an endpoint of each kind, and the endpoint that its stack makes."""


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> OfflineAws:
    """The stacks of this repository, with nothing behind them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(markdown.ROOT)  # app.py names the examples relative to it
        return OfflineAws(tmp_path_factory.mktemp("aws"))


@pytest.fixture
def furnished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, aws: OfflineAws) -> Path:
    """A working folder with what the pages take for granted, and no AWS within reach."""
    snippets.furnish(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(boto3, "client", aws.client)
    return tmp_path


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.place)
def test_a_block_runs(block: markdown.Block, furnished: Path) -> None:
    snippets.run(block.code, place=block.place)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_docstring_example_runs(name: str, furnished: Path) -> None:
    snippets.run(EXAMPLES[name], place=f"Example of {name}")


def test_the_main_constructs_show_an_example() -> None:
    assert {"Model", *ENDPOINT_OF} <= set(EXAMPLES)


@pytest.mark.parametrize("kind", ENDPOINT_OF)
def test_a_page_shows_what_the_endpoint_answers(
    kind: str, furnished: Path, aws: OfflineAws, capsys: pytest.CaptureFixture[str]
) -> None:
    page, endpoint = ENDPOINT_OF[kind]
    calls = [block for block in markdown.blocks(page, "python") if ".invoke_endpoint" in block.code]
    shown = [json.loads(block.code) for block in markdown.blocks(page, "json")]
    aws.called.clear()

    for call in calls:
        snippets.run(call.code, place=call.place)

    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == shown
    assert set(aws.called) == {endpoint}


POLICIES = [block for page in markdown.PAGES for block in markdown.blocks(page, "jsonc")]


@pytest.mark.parametrize("policy", POLICIES, ids=lambda block: block.place)
def test_a_grant_yields_the_statement_shown(policy: markdown.Block, furnished: Path) -> None:
    before = [each for each in markdown.blocks(policy.page, "python") if each.line < policy.line]

    stack = snippets.run(before[-1].code, place=before[-1].place)["self"]

    granted = [deployed(each) for each in synth.statements(synth.synthesized(stack))]
    assert json.loads(policy.code) in granted


def deployed(value: object) -> object:
    """A part of a template with the place filled in that the pages speak of."""
    if isinstance(value, list):
        return [deployed(each) for each in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"Ref": str(name)}:
            return PLACE.get(name, name)
        case {"Fn::Join": [str(separator), list(parts)]}:
            return separator.join(str(deployed(part)) for part in parts)
    return {name: deployed(each) for name, each in value.items()}


PLACE = {"AWS::Partition": "aws", "AWS::Region": "eu-central-1", "AWS::AccountId": synth.ACCOUNT}
