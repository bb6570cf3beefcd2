"""Facts about instance types: against botocore's list, and each by examples of both answers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from constructs_lib.core import instance_types
from tools import instance_types as generator


def test_the_checked_in_list_is_botocores() -> None:
    assert sorted(instance_types.hosting_types()) == generator.types_of("hosting")
    assert sorted(instance_types.transform_types()) == generator.types_of("transform")


def test_every_listed_type_has_the_spelling_that_the_rule_asks_for() -> None:
    assert [
        each for each in instance_types.hosting_types() if not instance_types.PATTERN.fullmatch(each)
    ] == []


def families(fact: Callable[[str], bool]) -> set[str]:
    return {instance_types.family(each) for each in instance_types.hosting_types() if fact(each)}


def test_only_t2_is_burstable() -> None:
    assert families(instance_types.is_burstable) == {"t2"}


def test_only_inf1_is_inf1() -> None:
    assert families(instance_types.is_inf1) == {"inf1"}


def test_inferentia_and_trainium_are_neuron() -> None:
    assert {"inf1", "inf2", "trn1"} <= families(instance_types.has_neuron)
    assert all(each.startswith(("inf", "trn")) for each in families(instance_types.has_neuron))


def test_accelerators_are_told_apart() -> None:
    assert families(instance_types.has_gpu).isdisjoint(families(instance_types.has_neuron))


@pytest.mark.parametrize(
    "type", ["ml.g4dn.xlarge", "ml.g5.xlarge", "ml.g6e.xlarge", "ml.p4d.24xlarge", "ml.p5.48xlarge"]
)
def test_graphics_families_have_gpus(type: str) -> None:
    assert instance_types.has_gpu(type)


@pytest.mark.parametrize(
    "type", ["ml.m5.large", "ml.c6g.large", "ml.r5d.large", "ml.inf2.xlarge", "ml.t2.medium"]
)
def test_others_have_none(type: str) -> None:
    assert not instance_types.has_gpu(type)


@pytest.mark.parametrize(
    "type", ["ml.m6g.large", "ml.c7g.large", "ml.r6gd.large", "ml.m6gd.large", "ml.c6gn.large"]
)
def test_graviton_families_are_arm(type: str) -> None:
    assert instance_types.is_arm(type)


@pytest.mark.parametrize(
    "type", ["ml.m5.large", "ml.g5.xlarge", "ml.g4dn.xlarge", "ml.m6i.large", "ml.inf1.xlarge"]
)
def test_x86_families_are_not_arm(type: str) -> None:
    assert not instance_types.is_arm(type)


@pytest.mark.parametrize(
    "type",
    [
        "ml.m5d.large",
        "ml.c5d.large",
        "ml.m6gd.large",
        "ml.r5d.large",
        "ml.g4dn.xlarge",
        "ml.g5.xlarge",
        "ml.g6.xlarge",
        "ml.p4d.24xlarge",
        "ml.p5.48xlarge",
        "ml.trn1.2xlarge",
    ],
)
def test_families_with_nvme_have_local_storage(type: str) -> None:
    assert instance_types.has_local_storage(type)


@pytest.mark.parametrize(
    "type",
    ["ml.m5.large", "ml.c5.large", "ml.p3.2xlarge", "ml.p2.xlarge", "ml.inf1.xlarge", "ml.inf2.xlarge"],
)
def test_families_on_ebs_have_none(type: str) -> None:
    assert not instance_types.has_local_storage(type)


def test_a_family_of_a_new_shape_answers_no_to_all() -> None:
    facts = (
        instance_types.is_burstable,
        instance_types.has_gpu,
        instance_types.has_neuron,
        instance_types.is_inf1,
        instance_types.is_arm,
        instance_types.has_local_storage,
    )
    assert [fact("ml.quantum.large") for fact in facts] == [False] * len(facts)
