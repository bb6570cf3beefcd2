"""Each rule of variants: the last value that passes, the first that does not, tokens, wrong types."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import aws_cdk as cdk
import pytest

from constructs_lib import AutoScaling, Model, Variant
from tests.support.refusals import (
    WRONG_DURATIONS,
    WRONG_NUMBERS,
    WRONG_OBJECTS,
    WRONG_SWITCHES,
    WRONG_TEXTS,
    WRONG_WHOLE_NUMBERS,
    Refusal,
    WrongType,
    as_parameters,
    refused,
    wrong_types,
)
from tests.support.synth import a_model

seconds, gibibytes = cdk.Duration.seconds, cdk.Size.gibibytes


@cache
def model() -> Model:
    return a_model(cdk.Stack(cdk.App(), "Variants"))


def variant(**props: object) -> Variant:
    return Variant(**{"name": "A", "model": model(), "instance_type": "ml.m5.large", **props})


def scaling(low: int = 2, high: int = 4) -> AutoScaling:
    return AutoScaling(min_capacity=low, max_capacity=high, invocations_per_instance=600)


REFUSALS = [
    Refusal("SM-VARIANT-001", lambda: variant(name=""), "name", "", "1–63 letters"),
    Refusal("SM-VARIANT-001", lambda: variant(name="a" * 64), "name", "a" * 64, "1–63 letters"),
    Refusal("SM-VARIANT-001", lambda: variant(name="a_b"), "name", "a_b", "hyphens"),
    Refusal("SM-VARIANT-001", lambda: variant(name="a-"), "name", "a-", "beginning and ending with a letter"),
    Refusal("SM-VARIANT-001", lambda: variant(name="-a"), "name", "-a", "beginning and ending with a letter"),
    Refusal("SM-VARIANT-001", lambda: variant(name="a\n"), "name", "a\n", "1–63 letters"),
    Refusal("SM-VARIANT-001", lambda: variant(name="modèle"), "name", "modèle", "1–63 letters"),
    Refusal("SM-VARIANT-002", lambda: variant(model="fraud"), "model", "fraud", "a Model"),
    Refusal("SM-VARIANT-002", lambda: variant(model=None), "model", None, "a Model"),
    Refusal(
        "SM-VARIANT-003",
        lambda: variant(instance_type="m5.large"),
        "instance_type",
        "m5.large",
        "ml.<family>.<size>",
    ),
    Refusal(
        "SM-VARIANT-003", lambda: variant(instance_type="ml.m5"), "instance_type", "ml.m5", "ml.<family>"
    ),
    Refusal("SM-VARIANT-003", lambda: variant(instance_type=""), "instance_type", "", "ml.<family>"),
    Refusal("SM-VARIANT-003", lambda: variant(instance_type=None), "instance_type", None, "a str"),
    Refusal("SM-VARIANT-004", lambda: variant(instance_count=0), "instance_count", 0, "from 1 to 10000"),
    Refusal(
        "SM-VARIANT-004", lambda: variant(instance_count=10_001), "instance_count", 10_001, "from 1 to 10000"
    ),
    Refusal("SM-VARIANT-004", lambda: variant(weight=-0.1), "weight", -0.1, "at least 0"),
    Refusal("SM-VARIANT-004", lambda: variant(weight=None), "weight", None, "at least 0"),
    Refusal(
        "SM-VARIANT-004",
        lambda: variant(volume_size=gibibytes(513)),
        "volume_size",
        "513 GiB",
        "from 1 to 512",
    ),
    Refusal(
        "SM-VARIANT-004", lambda: variant(volume_size=gibibytes(0)), "volume_size", "0 GiB", "from 1 to 512"
    ),
    Refusal(
        "SM-VARIANT-004",
        lambda: variant(volume_size=cdk.Size.mebibytes(1536)),
        "volume_size",
        "1.5 GiB",
        "whole GiB",
    ),
    Refusal(
        "SM-VARIANT-005",
        lambda: variant(download_timeout=seconds(59)),
        "download_timeout",
        "59 seconds",
        "from 1 minute to 1 hour",
    ),
    Refusal(
        "SM-VARIANT-005",
        lambda: variant(startup_timeout=seconds(3601)),
        "startup_timeout",
        "1 hour 1 second",
        "from 1 minute to 1 hour",
    ),
    Refusal("SM-VARIANT-006", lambda: variant(scaling=True), "scaling", True, "AutoScaling"),
    Refusal("SM-VARIANT-006", lambda: variant(routing="RANDOM"), "routing", "RANDOM", "RoutingStrategy"),
    Refusal("SM-VARIANT-006", lambda: variant(ssm_access=None), "ssm_access", None, "a bool"),
    Refusal(
        "SM-VARIANT-006",
        lambda: variant(inference_ami_version=2),
        "inference_ami_version",
        2,
        "a name such as",
    ),
    Refusal(
        "SM-VARIANT-007",
        lambda: variant(instance_type="ml.t2.medium", scaling=scaling()),
        "instance_type",
        "ml.t2.medium",
        "not burstable",
    ),
    Refusal(
        "SM-VARIANT-008",
        lambda: variant(instance_count=1, scaling=scaling(2, 4)),
        "instance_count",
        1,
        "2–4, the scaling's bounds",
    ),
    Refusal(
        "SM-VARIANT-008",
        lambda: variant(instance_count=5, scaling=scaling(2, 4)),
        "instance_count",
        5,
        "2–4, the scaling's bounds",
    ),
]


@pytest.mark.parametrize("refusal", as_parameters(REFUSALS))
def test_a_broken_rule_is_named_with_what_was_given_and_what_is_allowed(refusal: Refusal) -> None:
    refusal.check()


def token() -> int:
    return cdk.Token.as_number({"Ref": "Number"})


ACCEPTED: dict[str, Callable[[], Variant]] = {
    "a name of one character": lambda: variant(name="0"),
    "a name of 63 characters": lambda: variant(name="a" * 63),
    "a name with two hyphens in a row": lambda: variant(name="a--b"),
    "a token for the name": lambda: variant(name=cdk.Fn.ref("Name")),
    "a token for the type": lambda: variant(instance_type=cdk.Fn.ref("Type"), scaling=scaling()),
    "a type newer than this release": lambda: variant(instance_type="ml.m99.900xlarge"),
    "a type with a hyphen in its family": lambda: variant(instance_type="ml.p6-b200.48xlarge"),
    "weight 0": lambda: variant(weight=0),
    "a great weight": lambda: variant(weight=1e9),
    "one instance": lambda: variant(instance_count=1),
    "ten thousand instances": lambda: variant(instance_count=10_000),
    "tokens for numbers": lambda: variant(instance_count=token(), weight=token()),
    "a token for the count beside scaling": lambda: variant(instance_count=token(), scaling=scaling()),
    "tokens for the bounds beside a count": lambda: variant(
        instance_count=1, scaling=scaling(token(), token())
    ),
    "the smallest volume": lambda: variant(volume_size=gibibytes(1)),
    "the greatest volume": lambda: variant(volume_size=gibibytes(512)),
    "a volume told in MiB": lambda: variant(volume_size=cdk.Size.mebibytes(2048)),
    "a token for the volume": lambda: variant(volume_size=gibibytes(token())),
    "the shortest timeouts": lambda: variant(download_timeout=seconds(60), startup_timeout=seconds(60)),
    "the longest timeouts": lambda: variant(download_timeout=seconds(3600), startup_timeout=seconds(3600)),
    "a token for a timeout": lambda: variant(startup_timeout=seconds(token())),
    "a burstable type that does not scale": lambda: variant(instance_type="ml.t2.medium"),
    "the scaling's minimum at first": lambda: variant(instance_count=2, scaling=scaling(2, 4)),
    "the scaling's maximum at first": lambda: variant(instance_count=4, scaling=scaling(2, 4)),
}


@pytest.mark.parametrize("accepted", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_what_is_just_allowed_passes(accepted: Callable[[], Variant]) -> None:
    assert accepted() is not None


@pytest.mark.parametrize(
    "wrong",
    wrong_types(
        variant,
        name=(None, *WRONG_TEXTS),
        model=(None, *WRONG_OBJECTS),
        instance_type=(None, *WRONG_TEXTS),
        instance_count=WRONG_WHOLE_NUMBERS,
        weight=(None, *WRONG_NUMBERS),
        scaling=WRONG_OBJECTS,
        volume_size=(50, "50", True, cdk.Duration.seconds(50)),
        download_timeout=WRONG_DURATIONS,
        startup_timeout=WRONG_DURATIONS,
        routing=WRONG_OBJECTS,
        inference_ami_version=WRONG_TEXTS,
        ssm_access=WRONG_SWITCHES,
    ),
)
def test_a_wrong_type_is_refused_for_its_property(wrong: WrongType) -> None:
    wrong.check()


def test_several_broken_rules_are_reported_together_under_the_variants_name() -> None:
    error = refused(
        lambda: variant(name="champion!", instance_type="large", weight=-1, startup_timeout=seconds(1))
    )
    assert error.path == "Variant 'champion!'"
    assert error.rules == ("SM-VARIANT-001", "SM-VARIANT-003", "SM-VARIANT-004", "SM-VARIANT-005")
