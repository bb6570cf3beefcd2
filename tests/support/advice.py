"""How advice is tested: it fires where it should, not beside it, and can be acknowledged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import aws_cdk as cdk
import constructs

from .synth import fresh_app

Build = Callable[[cdk.Stack], constructs.IConstruct]


@dataclass(frozen=True, slots=True)
class Advised:
    """A construct that is deployable, and what is said of it."""

    id: str
    build: Build
    says: str

    def check(self) -> None:
        """The warning is there with its id and words, and gone once acknowledged."""
        told = [each for each in warnings(self.build) if f"[ack: {self.id}]" in each]
        assert len(told) == 1, told
        assert self.says in told[0]
        assert not any(self.id in each for each in warnings(self.build, acknowledge=self.id))


def warnings(build: Build, *, acknowledge: str | None = None) -> list[str]:
    """The warnings of a stack with what `build` makes, one id acknowledged on what it returns."""
    stack = cdk.Stack(fresh_app(), "Advised")
    made = build(stack)
    if acknowledge is not None:
        cdk.Annotations.of(made).acknowledge_warning(acknowledge, "on purpose")
    return [
        str(entry.data)
        for each in stack.node.find_all()
        for entry in each.node.metadata
        if entry.type == "aws:cdk:warning"
    ]
