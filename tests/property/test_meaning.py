"""The template says what was given, to the number, and says it again on the next synthesis."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from constructs_lib import Rollout

from .given.ab_tests import ab_tests
from .given.batches import batch_stacks
from .given.endpoints import KINDS, stacks
from .given.optimisations import device_stacks
from .made import Made
from .meaning import (
    assert_capture,
    assert_retention,
    assert_rollout,
    assert_variant,
    assert_volume_key,
    variants_of,
)
from .meaning_of_ab_tests import assert_ab_test
from .meaning_of_batches import assert_batch
from .meaning_of_edge import MEANING as MEANING_OF_EDGE
from .meaning_of_kinds import MEANING, UNGUARDED
from .synthesis import synthesized

EXAMPLES = 30 if settings.get_current_profile_name() == "ci" else 300
STACKS = stacks(3, 4)


@given(described=STACKS)
@settings(max_examples=EXAMPLES)
def test_the_template_says_what_was_given(described: list[Made]) -> None:
    result = synthesized(described, None, validate=False)
    for each, endpoint in result.endpoints:
        config = result.properties(endpoint.cfn_endpoint_config)
        variants = variants_of(each)
        if variants:
            for one, said in zip(variants, config["ProductionVariants"], strict=True):
                assert_variant(one, said)
        assert_capture(each, config)
        assert_volume_key(each.given.get("encryption_key"), config)
        said = result.properties(endpoint.cfn_endpoint)
        assert_retention(each, variants, said)
        if each.factory in UNGUARDED:
            assert "DeploymentConfig" not in said
        else:
            assert_rollout(each.given.get("rollout", Made(Rollout.all_at_once)), said["DeploymentConfig"])
        MEANING[each.factory](each, endpoint, result)


@given(described=batch_stacks(2))
@settings(max_examples=EXAMPLES)
def test_the_machine_says_what_a_batch_transform_was_given(described: list[Made]) -> None:
    result = synthesized(described, None, validate=False)
    for each, batch in result.endpoints:
        assert_batch(each, batch, result)


@given(described=ab_tests())
@settings(max_examples=EXAMPLES)
def test_the_template_says_what_an_experiment_was_given(described: Made) -> None:
    result = synthesized([described], None, validate=False)
    for each, test in result.endpoints:
        assert_ab_test(each, test, result)


@given(described=device_stacks(2))
@settings(max_examples=EXAMPLES)
def test_the_template_says_what_a_fleet_was_given(described: list[Made]) -> None:
    result = synthesized(described, None, validate=False)
    for each, made in result.endpoints:
        MEANING_OF_EDGE[each.factory](each, made, result)


def test_every_kind_has_a_meaning() -> None:
    assert len(MEANING) == len(KINDS)


@given(described=STACKS | batch_stacks(2) | device_stacks(2) | st.lists(ab_tests(), min_size=1, max_size=1))
@settings(max_examples=max(8, EXAMPLES // 6))
def test_synthesis_repeats_itself(described: list[Made]) -> None:
    first, second = (synthesized(described, None, validate=False).template for _ in range(2))
    assert first == second
