"""The private names of ministack that the plug-in stands on, in the pinned version of it."""

from __future__ import annotations

import subprocess

import pytest

from tools.embedded_aws import PYTHON, ROOT

NAMES = (
    "ministack.app.call_service_handler_sync",
    "ministack.core.concurrency.run_reentrant",
    "ministack.core.responses.AccountRegionScopedDict.all_items",
    "ministack.services.cloudwatch._alarms",
    "ministack.services.cloudwatch._evaluate_alarm",
    "ministack.services.cloudwatch.cloudformation_put_metric_alarm",
    "ministack.services.cloudwatch.cloudformation_delete_metric_alarm",
    "ministack.services.cloudformation.provisioners._RESOURCE_HANDLERS",
    "ministack.services.cloudformation.provisioners._REPLACING_PROPERTIES",
    "ministack.services.cloudformation.provisioners._STACK_TAG_PROPERTY",
    "ministack.services.cloudformation.stacks._runs_on_worker_thread",
)
LOOK_UP = """
import pkgutil, sys
for name in sys.argv[1:]:
    try:
        pkgutil.resolve_name(name)
    except (AttributeError, ImportError):
        print(name)
"""
FREE_TYPES = """
from ministack.services.cloudformation.provisioners import _RESOURCE_HANDLERS
print(*(name for name in _RESOURCE_HANDLERS if "ApplicationAutoScaling" in name))
"""


def run(code: str, *arguments: str) -> str:
    """The output of a program in the environment of the embedded AWS."""
    command = [str(PYTHON), "-c", code, *arguments]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    ).stdout.strip()


def test_the_names_are_there() -> None:
    assert run(LOOK_UP, *NAMES) == ""


def test_ministack_still_has_no_such_types_of_its_own() -> None:
    assert run(FREE_TYPES) == ""


@pytest.mark.parametrize("module", ["decide", "alarms", "expressions", "schedule"])
def test_the_decisions_import_nothing_of_the_emulator(module: str) -> None:
    code = f"import sys, constructs_lib.local.autoscaling.{module}; print(*sorted(sys.modules))"
    imported = run(code).split()
    assert not [name for name in imported if name.partition(".")[0] in ("ministack", "boto3", "aws_cdk")]
