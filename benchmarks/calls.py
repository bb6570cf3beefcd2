"""How often Python calls into Node: on a busy machine a steadier figure than any time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import jsii

OPERATIONS = ("create", "get", "set", "invoke", "sget", "sset", "sinvoke", "sync_complete")


@contextmanager
def counted() -> Iterator[list[str]]:
    """The operations that Node is asked for in the block, one by one."""
    made: list[str] = []
    process = type(jsii.kernel.provider)

    def counting(name: str, asked: Callable[..., Any]) -> Callable[..., Any]:
        def ask(*given: Any) -> Any:
            made.append(name)
            return asked(*given)

        return ask

    with ExitStack() as patches:
        for name in OPERATIONS:
            spy = counting(name, getattr(process, name))
            patches.enter_context(mock.patch.object(process, name, spy))
        yield made
