"""Application Auto Scaling, put into the ministack of this process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from constructs_lib.local import emulator
from constructs_lib.local.autoscaling import cloudformation, iam, neighbours, state, targets
from constructs_lib.local.autoscaling.loop import ScalingLoop
from constructs_lib.local.autoscaling.service import NAME, TARGET_PREFIX, Service
from constructs_lib.local.autoscaling.timing import Timing
from constructs_lib.local.sagemaker import hooks


def install_all() -> None:
    """The service, its CloudFormation types, its answers to SageMaker's questions, and the loop."""
    timing = Timing.from_environment()
    emulator.add_service(NAME, TARGET_PREFIX, Service())
    emulator.enforce_iam_for(NAME, [NAME], iam.resource_arn)
    cloudformation.install()
    neighbours.keep_hands_off_alarms(_calls_a_policy)
    _answer_sagemaker()
    ScalingLoop(timing).start()


def _calls_a_policy(alarm: Mapping[str, Any]) -> bool:
    """Does the alarm scale something of SageMaker's?"""
    return any(
        ":scalingPolicy:" in action and "/sagemaker/" in action for action in alarm.get("AlarmActions", ())
    )


def _answer_sagemaker() -> None:
    """Tell SageMaker which variants are scaled, and let it deregister those of a deleted endpoint."""
    hooks.scalable_targets = state.is_registered
    hooks.deregister_scalable_target = targets.forget_resource
