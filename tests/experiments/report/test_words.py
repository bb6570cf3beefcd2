"""The verdict in words says what is known, how sure it is, and what speaks against it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from constructs_lib.experiments.report.findings import Findings
from constructs_lib.experiments.report.words import STALE_AFTER, question, story
from constructs_lib.experiments.runtime.decision import SampleRatio, Verdict
from tests.support.experiment_findings import (
    BINARY,
    NUMERIC,
    SPLIT,
    findings,
    renamed,
    tripped,
    verdict,
    with_verdicts,
)


def split(*verdicts: Verdict, **decision: object) -> Findings:
    return with_verdicts(findings(SPLIT), *verdicts, **decision)


def test_a_better_variant_is_named_with_its_difference_and_interval() -> None:
    told = story(split(verdict("bold", "better", 0.002, 0.022), verdict("shy", "inconclusive", -0.01, 0.012)))

    assert (told.tone, told.headline) == ("good", "bold is better than the control")
    assert told.sentences[0] == (
        "bold is better than control by 1.2 percentage points, relatively by 24 %. "
        "The difference lies between +0.2 and +2.2 percentage points, with 95 % confidence."
    )
    assert told.sentences[1] == (
        "shy may be better or worse than control: the difference of its mean reward lies "
        "between −1.0 and +1.2 percentage points, with 95 % confidence."
    )
    assert told.notices == ()


def test_the_control_is_called_by_its_name() -> None:
    both = findings(renamed(SPLIT, ("today", "bold")))

    told = story(with_verdicts(both, verdict("bold", "better", 0.01, 0.02)))

    assert told.headline == "bold is better than today, the control"


def test_the_most_probable_of_several_better_variants_comes_first() -> None:
    told = story(split(verdict("shy", "better", 0.001, 0.01), verdict("bold", "better", 0.002, 0.022)))

    assert told.headline == "bold is better than the control; so is shy"


def test_less_can_be_better() -> None:
    told = story(with_verdicts(findings(NUMERIC), verdict("bold", "better", -12.0, -6.0)))

    assert told.sentences[0].startswith("bold is better than control by 9.0, relatively by 16 %.")
    assert "between −12.0 and −6.0, with" in told.sentences[0]


def test_all_worse() -> None:
    told = story(split(verdict("bold", "worse", -0.02, -0.01), verdict("shy", "worse", -0.03, -0.01)))

    assert (told.tone, told.headline) == ("bad", "bold and shy are worse than the control")


def test_inconclusive() -> None:
    told = story(split(verdict("bold", "inconclusive", -0.01, 0.02), verdict("shy", "worse", -0.03, -0.01)))

    assert (told.tone, told.headline) == (
        "open",
        "Inconclusive: nothing is known to be better than the control",
    )


def test_many_of_which_nothing_is_known_share_a_sentence() -> None:
    arms = ["control", "a", "b", "c"]
    of = findings(renamed(SPLIT, arms))

    told = story(with_verdicts(of, *(verdict(arm, "inconclusive", -0.01, 0.01) for arm in arms[1:])))

    assert told.sentences[:-1] == (
        "a, b and c may be better or worse than control: see the table of variants.",
    )


def test_too_little_data_says_what_there_is_and_what_is_needed() -> None:
    told = story(findings(days=1))

    assert (told.tone, told.headline) == ("waiting", "There is too little data for a verdict")
    assert told.sentences[0] == (
        "Too little is known of bold and shy. A verdict needs 100 answers whose time for a reward is over, "
        "of the control too: control has 0, bold has 0 and shy has 0."
    )
    assert "still gain" not in " ".join(told.sentences)
    assert "so far" not in " ".join(told.sentences)
    assert told.notices == ()


def test_too_few_numeric_rewards_are_counted_as_rewards() -> None:
    of = findings(NUMERIC, days=2, per_day=30)

    told = story(of)

    assert "A verdict needs 100 rewards, of the control too: control has 0, bold has 1" in told.sentences[0]


def test_nothing_looked_at_yet() -> None:
    told = story(findings(looks=()))

    assert (told.tone, told.headline) == ("waiting", "Nothing has been looked at yet")


def test_a_sample_ratio_mismatch_comes_before_any_result() -> None:
    mismatch = SampleRatio(p=0.01, always_valid=0.00002, mismatch=True)

    told = story(split(verdict("bold", "better", 0.002, 0.022), sample_ratio=mismatch))

    assert told.tone == "bad"
    assert told.headline == "The traffic is not what it should be: do not trust the results"
    assert [notice.title for notice in told.notices] == ["Sample ratio mismatch"]
    assert "(p = 2e-05, however often one looks)" in told.notices[0].text


def test_sizes_after_adaptive_allocation_are_called_biased() -> None:
    assert "The sizes of the differences are biased" in titles(findings(BINARY))
    assert "The sizes of the differences are biased" not in titles(findings(SPLIT))


def test_a_tripped_guardrail_says_since_when_and_how_to_let_the_variant_back_in() -> None:
    told = story(tripped(findings(), "shy"))
    (notice,) = [each for each in told.notices if "guardrail" in each.title]

    assert notice.title == "A guardrail has taken shy out"
    assert notice.text == (
        "One of its alarms went off; it has had no traffic since 26 Jan 2027, 08:00 UTC. It stays out until a "
        "person lets it back in: python -m constructs_lib.experiments reset pricing --arm shy"
    )


def test_the_alarm_is_named() -> None:
    (notice, *_) = story(tripped(findings(), "bold")).notices

    assert notice.text.startswith("The alarm pricing-bold-errors went off; it has had no traffic since")


def test_several_alarms_are_named_together() -> None:
    guardrails = (*BINARY.guardrails, replace(BINARY.guardrails[0], alarm="slow", arm=None))

    (notice, *_) = story(tripped(findings(replace(BINARY, guardrails=guardrails)))).notices

    assert notice.text.startswith("One of its alarms (pricing-bold-errors and slow) went off")


def test_a_trip_that_the_endpoint_has_not_followed() -> None:
    of = tripped(findings())
    of = replace(of, trips=(replace(of.trips[0], at=None),))

    assert "the endpoint's weights have not followed yet" in story(of).notices[0].text


def test_a_variant_that_a_guardrail_took_out_does_not_win() -> None:
    better = verdict("bold", "better", 0.002, 0.022)

    told = story(tripped(split(better, verdict("shy", "inconclusive", -0.1, 0.1))))

    assert told.tone == "bad"
    assert told.headline == "bold is better than the control, but taken out by a guardrail"


@pytest.mark.parametrize(
    ("best", "headline"),
    [("bold", "It is decided: keep bold"), ("control", "It is decided: keep the control")],
)
def test_stopped(best: str, headline: str) -> None:
    told = story(findings(stopped=True, best=best))

    assert (told.tone, told.headline) == ("good", headline)
    assert (
        f"of the variants that may have traffic, {best} is the best with a probability of"
        in told.sentences[0]
    )
    assert not [
        sentence for sentence in told.sentences if "stops by itself" in sentence or "so far" in sentence
    ]


def test_a_winner_that_a_guardrail_took_out_afterwards() -> None:
    told = story(tripped(findings(stopped=True, best="bold"), "bold"))

    assert (told.tone, told.headline) == ("bad", "bold was kept, but a guardrail has taken it out")


def test_a_bandit_says_when_it_stops_and_what_may_still_be_gained() -> None:
    told = " ".join(story(findings()).sentences)

    assert "Most probably the best so far: bold, with 90 %." in told
    assert "Another choice might still gain 0.3 % at most, relative." in told
    assert "when a variant is the best with 95 % probability" in told
    assert "not before 29 Jan 2027, 08:00 UTC" in told


def test_a_gain_beyond_measure_is_not_told() -> None:
    of = findings()

    told = story(with_verdicts(of, *of.looks[-1].decision.verdicts, value_remaining=1e30))

    assert "still gain" not in " ".join(told.sentences)


def test_a_controller_that_does_not_look_is_noticed() -> None:
    of = findings(SPLIT)
    late = replace(of, made_at=of.made_at + STALE_AFTER + 60)

    assert titles(of) == []
    assert titles(late) == ["The controller has not looked for a while"]
    assert titles(replace(late, seen_at=late.made_at)) == []


@pytest.mark.parametrize(
    ("of", "words"),
    [
        (findings(BINARY), "success or none, within 1 day of the answer"),
        (findings(NUMERIC), "a number from −5 to 250, less is better, within 1 hour of the answer"),
    ],
)
def test_the_question(of: Findings, words: str) -> None:
    assert words in question(of)


def titles(of: Findings) -> list[str]:
    return [notice.title for notice in story(of).notices]
