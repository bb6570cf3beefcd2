"""Where a construct is: its path, its stack, and the environment that the stack is deployed into.

None of it changes once a construct is made, and each is a call into Node: so each is asked for once, or
not at all where it follows from the scope. The caches keep their constructs: Node lets go of none either, and
jsii would hand out a plain stand-in for a construct of ours that Python has let go of.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import aws_cdk as cdk
import constructs

_paths: dict[constructs.IConstruct, str] = {}
_stacks: dict[constructs.IConstruct, cdk.Stack] = {}


def note_place(construct: constructs.IConstruct, scope: constructs.IConstruct, id: str) -> None:
    """Tell that `construct`, which is no stack, was just made as `id` in `scope`."""
    _paths[construct] = construct_path(scope, id)
    _stacks[construct] = stack_of(scope)


def path_of(construct: constructs.IConstruct) -> str:
    """``construct.node.path``."""
    if construct not in _paths:
        _paths[construct] = construct.node.path
    return _paths[construct]


def construct_path(scope: constructs.IConstruct, id: str) -> str:
    """The path that a construct `id` in `scope` has, also before it is made."""
    own = id.replace("/", "--")  # as the CDK does
    parent = path_of(scope)
    return f"{parent}/{own}" if parent else own


def stack_of(construct: constructs.IConstruct) -> cdk.Stack:
    """``Stack.of(construct)``."""
    if construct not in _stacks:
        _stacks[construct] = construct if isinstance(construct, cdk.Stack) else cdk.Stack.of(construct)
    return _stacks[construct]


@cache
def name_of(stack: cdk.Stack) -> str:
    """``stack.stack_name``."""
    return stack.stack_name


@dataclass(frozen=True, slots=True)
class Environment:
    """What a stack is deployed into; each may be a token."""

    partition: str
    region: str
    account: str

    def arn(
        self, service: str, resource: str, *, region: str | None = None, account: str | None = None
    ) -> str:
        """The ARN of a resource, here or where `region` and `account` say."""
        region = self.region if region is None else region
        account = self.account if account is None else account
        return f"arn:{self.partition}:{service}:{region}:{account}:{resource}"


def environment_of(construct: constructs.IConstruct) -> Environment:
    """The environment of the stack that `construct` is in."""
    return _environment(stack_of(construct))


@cache
def _environment(stack: cdk.Stack) -> Environment:
    return Environment(stack.partition, stack.region, stack.account)
