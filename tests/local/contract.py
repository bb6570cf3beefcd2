"""Looking private names of ministack up, in the environment that has it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from functools import cache

from tools.embedded_aws import PYTHON

Contract = Mapping[str, list[str] | None]
"""Each callable with the parameters that we pass, by name and in order; None for what is not called."""
_LOOK_UP = """
import inspect, json, pkgutil, sys
found = {}
for name in json.load(sys.stdin):
    try:
        value = pkgutil.resolve_name(name)
    except (AttributeError, ImportError):
        continue
    found[name] = list(inspect.signature(value).parameters) if inspect.isroutine(value) else None
from importlib.metadata import version
json.dump({"version": version("ministack"), "found": found}, sys.stdout)
"""


@cache
def looked_up(*names: str) -> dict[str, dict[str, list[str] | None]]:
    """``version`` of ministack, and of the names those that are ``found``, once a process."""
    done = subprocess.run(
        [str(PYTHON), "-c", _LOOK_UP], input=json.dumps(names), capture_output=True, text=True, check=True
    )
    return dict(json.loads(done.stdout))


def check(name: str, contract: Contract) -> None:
    """The name is there, with the parameters that we pass."""
    found = looked_up(*contract)["found"]
    assert name in found, f"{name} is gone"
    expected = contract[name]
    if expected is not None:
        assert found[name] == expected
