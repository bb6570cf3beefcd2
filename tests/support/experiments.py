"""Experiments with the least of everything, unless told otherwise."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
import constructs

from constructs_lib import ABTest, Reward, Variant

from .synth import a_model


def arms(scope: constructs.Construct, *names: str, **props: Any) -> list[Variant]:
    """Variants of these names, each with a model of its own."""
    return [
        Variant(
            name=name, **{"model": a_model(scope, f"Model{name}"), "instance_type": "ml.m5.large", **props}
        )
        for name in names
    ]


def an_ab_test(scope: constructs.Construct, id: str = "Test", **props: Any) -> ABTest:
    """A test of A against B on a binary reward."""
    if "variants" not in props:
        props["variants"] = arms(scope, "A", "B")
    return ABTest(scope, id, **{"reward": Reward.binary(window=cdk.Duration.hours(1)), **props})
