"""One measurement in a process of its own: makes endpoints, synthesizes, prints what it cost as JSON."""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import aws_cdk as cdk

from .calls import counted

PER_STACK = 25
"""Endpoints a stack: below CloudFormation's 500 resources."""

MORE = 10
"""Endpoints that the cost of one more is taken over."""


def maker(kind: str) -> Callable[[cdk.Stack, int], None]:
    """The function that makes the endpoint of an index in a stack, of ``module:function``."""
    module, function = kind.split(":")
    return getattr(import_module(f"benchmarks.{module}"), function)  # type: ignore[no-any-return]


def main(kind: str, count: int, per_stack: int = PER_STACK) -> dict[str, float]:
    """Make `count` endpoints of ``module:function``, so many a stack, and synthesize them."""
    make = maker(kind)
    with tempfile.TemporaryDirectory() as folder:
        # Started and warm: both sides pay for Node once, and that is not the question.
        cdk.App(outdir=f"{folder}/warm", builtin_cloud_formation_validation=False).synth()
        app = cdk.App(outdir=f"{folder}/out", builtin_cloud_formation_validation=False)
        started = time.perf_counter()
        for index in range(count):
            if index % per_stack == 0:
                stack = cdk.Stack(app, f"Stack{index // per_stack}", env=cdk.Environment(region="eu-west-1"))
            make(stack, index)
        constructed = time.perf_counter()
        assembly = app.synth()
        finished = time.perf_counter()
        resources = sum(len(each.template["Resources"]) for each in assembly.stacks[:1])
        calls = _calls_for_one_more(make)
        one_more = _seconds_for_one_more(make, folder)
    return {
        "construct": constructed - started,
        "synth": finished - constructed,
        "total": finished - started,
        "memory": _peak_memory(),
        "resources": resources / min(count, per_stack),
        "calls": calls,
        "one_more": one_more,
    }


def _calls_for_one_more(make: Callable[[cdk.Stack, int], None]) -> int:
    """Calls into Node for an endpoint in a stack that has one already, and with it all that is made once."""
    app = cdk.App(builtin_cloud_formation_validation=False)
    stack = cdk.Stack(app, "Counted", env=cdk.Environment(region="eu-west-1"))
    make(stack, 0)
    with counted() as made:
        make(stack, 1)
    return len(made)


def _seconds_for_one_more(make: Callable[[cdk.Stack, int], None], folder: str) -> float:
    """Construct and synthesize an endpoint in a stack that has some already, in a process that is warm."""
    _made(make, f"{folder}/first", MORE + 1)
    _, alone = _made(make, f"{folder}/alone", 1)
    constructing, together = _made(make, f"{folder}/more", MORE + 1)
    return statistics.median(constructing[1:]) + (together - alone) / MORE


def _made(make: Callable[[cdk.Stack, int], None], folder: str, count: int) -> tuple[list[float], float]:
    """Seconds to construct each of `count` endpoints in one stack, and seconds to synthesize them."""
    app = cdk.App(outdir=folder, builtin_cloud_formation_validation=False)
    stack = cdk.Stack(app, "Stack", env=cdk.Environment(region="eu-west-1"))
    moments = [time.perf_counter()]
    for index in range(count):
        make(stack, index)
        moments.append(time.perf_counter())
    app.synth()
    seconds = [later - earlier for earlier, later in pairwise([*moments, time.perf_counter()])]
    return seconds[:-1], seconds[-1]


def _peak_memory() -> float:
    """MiB at the highest, of this process and its Node."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    grandchildren = [each for child in children for each in _children(child)]
    return sum(_high_water(pid) for pid in ("self", *children, *grandchildren))


def _children(pid: str) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def _high_water(pid: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], *map(int, sys.argv[2:]))))
