"""The private names of ministack's own CloudFormation types; emulator.py's companion."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ministack.services.cloudformation import provisioners

from .emulator import Provisioned


def check_properties(name: str, check: Callable[[dict[str, Any]], None]) -> None:
    """Let `check` see the properties before ministack's own provisioner of a type does; it raises ValueError."""
    handlers = provisioners._RESOURCE_HANDLERS[name]
    create, update = handlers["create"], handlers.get("update")

    @functools.wraps(create)
    def checked_create(logical_id: str, properties: dict[str, Any], *rest: Any, **more: Any) -> Provisioned:
        check(properties)
        created: Provisioned = create(logical_id, properties, *rest, **more)
        return created

    handlers["create"] = checked_create
    if update is None:
        return

    @functools.wraps(update)
    def checked_update(
        physical_id: str, old: dict[str, Any], new: dict[str, Any], *rest: Any, **more: Any
    ) -> Provisioned:
        check(new)
        updated: Provisioned = update(physical_id, old, new, *rest, **more)
        return updated

    handlers["update"] = checked_update
