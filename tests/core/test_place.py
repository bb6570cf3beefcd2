"""Where constructs are, as the CDK itself would tell it."""

from __future__ import annotations

import aws_cdk as cdk
import constructs
import pytest

from constructs_lib.core.place import construct_path, environment_of, name_of, note_place, path_of, stack_of
from tests.support.synth import fresh_app


def test_a_path_is_known_before_the_construct_is_made(stack: cdk.Stack) -> None:
    assert construct_path(stack, "Endpoint") == "Test/Endpoint"
    assert construct_path(fresh_app(), "Endpoint") == "Endpoint"


@pytest.mark.parametrize("id", ["Plain", "with/slashes/in", "Default"])
def test_what_is_noted_of_a_construct_is_what_the_cdk_says(stack: cdk.Stack, id: str) -> None:
    scope = constructs.Construct(stack, "Scope")
    noted = constructs.Construct(scope, id)
    note_place(noted, scope, id)
    assert path_of(noted) == noted.node.path
    assert stack_of(noted) is cdk.Stack.of(noted)


def test_what_was_not_noted_is_asked_for(stack: cdk.Stack) -> None:
    nested = cdk.NestedStack(stack, "Nested")
    construct = constructs.Construct(nested, "Scope")
    assert path_of(construct) == "Test/Nested/Scope"
    assert stack_of(construct) is nested
    assert stack_of(nested) is nested


@pytest.mark.parametrize("partition_literals", [True, False])
@pytest.mark.parametrize("env", [cdk.Environment(), cdk.Environment(region="cn-north-1", account="1" * 12)])
def test_an_arn_is_the_one_the_stack_formats(env: cdk.Environment, partition_literals: bool) -> None:
    app = fresh_app(**{"@aws-cdk/core:enablePartitionLiterals": partition_literals})
    stack = cdk.Stack(app, "Stack", env=env)
    here = environment_of(constructs.Construct(stack, "Scope"))
    formatted = stack.format_arn(service="sagemaker", resource="endpoint", resource_name="*")
    assert stack.resolve(here.arn("sagemaker", "endpoint/*")) == stack.resolve(formatted)
    elsewhere = stack.format_arn(service="iam", region="", account="2", resource="role", resource_name="a")
    assert stack.resolve(here.arn("iam", "role/a", region="", account="2")) == stack.resolve(elsewhere)


def test_each_stack_has_its_own_environment(app: cdk.App) -> None:
    stacks = [cdk.Stack(app, name, env=cdk.Environment(region=name)) for name in ("eu-west-1", "eu-west-3")]
    assert [environment_of(stack).region for stack in stacks] == ["eu-west-1", "eu-west-3"]


def test_a_stack_is_named_as_it_is_deployed(app: cdk.App) -> None:
    assert name_of(cdk.Stack(app, "Id", stack_name="given")) == "given"
    assert name_of(cdk.Stack(cdk.Stage(app, "Prod"), "Serving")) == "Prod-Serving"


def test_what_was_told_once_is_not_asked_again(stack: cdk.Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    scope = constructs.Construct(stack, "Scope")
    told = (path_of(scope), stack_of(scope))

    def asked(_construct: constructs.IConstruct) -> cdk.Stack:
        raise AssertionError("asked")

    monkeypatch.setattr(cdk.Stack, "of", staticmethod(asked))
    assert (path_of(scope), stack_of(scope)) == told
