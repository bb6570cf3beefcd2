"""What makes an experiment another one, whose counts begin anew."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import pytest

from constructs_lib.experiments.runtime.experiment import Arm, Experiment
from tests.support.experiment_events import EXPERIMENT

FIRST, *_ = EXPERIMENT.arms


@pytest.mark.parametrize(
    "change",
    [
        {"endpoint": "another"},
        {"arms": EXPERIMENT.arms[:2]},
        {"arms": (replace(FIRST, model="another"), *EXPERIMENT.arms[1:])},
        {"reward": replace(EXPERIMENT.reward, kind="numeric")},
        {"reward": replace(EXPERIMENT.reward, high=2.0)},
        {"reward": replace(EXPERIMENT.reward, minimize=True)},
        {"reward": replace(EXPERIMENT.reward, window=7201.0)},
        {"period": 1800.0},
    ],
)
def test_another_question_is_another_generation(change: dict[str, Any]) -> None:
    assert replace(EXPERIMENT, **change).generation != EXPERIMENT.generation


@pytest.mark.parametrize(
    "change",
    [
        {"arms": tuple(Arm(name=arm.name, model=arm.model, share=1 / 3) for arm in EXPERIMENT.arms)},
        {"allocation": replace(EXPERIMENT.allocation, floor=0.1)},
        {"period": 3600},  # JSON does not tell it from 3600.0
    ],
)
def test_another_allocation_is_not(change: dict[str, Any]) -> None:
    assert replace(EXPERIMENT, **change).generation == EXPERIMENT.generation


def test_a_description_survives_its_way_through_the_environment() -> None:
    assert Experiment.from_environment({"EXPERIMENT": json.dumps(asdict(EXPERIMENT))}) == EXPERIMENT
