"""Counting for bias: against Clarify's own library on a real data set, shards, what cannot be read."""

from __future__ import annotations

import json
import math
import pickle
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_diabetes

from constructs_lib.monitoring.runtime.bias import bias as module
from constructs_lib.monitoring.runtime.bias.bias import Bias, Rule

LABEL = Rule(column="label", values=(1,))
Record = tuple[dict[str, object], object, object]


def _patients() -> Iterator[Record]:
    """Is the disease progressing, as a rule of thumb of the body mass index says it is; facets are sex and age."""
    data = load_diabetes(scaled=False)
    for (age, sex, bmi, *_), progression in zip(data.data, data.target, strict=True):
        band = "old" if age >= 60 else "middle" if age >= 40 else "young"
        yield {"sex": int(sex), "age": float(age), "band": band}, bool(progression > 140), bool(bmi > 26)


def _bias(facet: Rule, group: str | None = "band") -> Bias:
    bias = Bias(LABEL, [facet], group=group)
    for place, record in enumerate(_patients()):
        bias.add(*record, key=str(place))
    return bias


# smclarify 0.5, Clarify's open library, on the same 442 records.
CLARIFY = {
    Rule(column="sex", values=(2,)): {
        "CI": 0.06334841628959276,
        "DPL": -0.0045431185116661665,
        "KL": 4.128017503258162e-05,
        "JS": 1.0319999261192191e-05,
        "LP": 0.0064249398146665245,
        "TVD": 0.004543118511666139,
        "KS": 0.0045431185116661665,
        "CDDL": 0.013987129155623258,
        "DPPL": -0.04536951382464799,
        "DI": 1.102517651430695,
        "CDDPL": -0.03131212469447763,
        "GE": 0.15760761753620295,
        "DCA": 0.09529702970297027,
        "DCR": 0.07093475442892128,
        "RD": -0.09722222222222221,
        "SD": 0.01028467994076021,
        "DAR": -0.040651180502665696,
        "DRR": 0.06229295693504244,
        "AD": -0.053448453078425384,
        "TE": -0.30397022332506207,
    },
    Rule(column="age", threshold=50): {
        "CI": 0.027149321266968326,
        "DPL": -0.15848785985042518,
        "KL": 0.05068840767699803,
        "JS": 0.012612552714180728,
        "LP": 0.22413568087195762,
        "TVD": 0.15848785985042518,
        "KS": 0.15848785985042518,
        "CDDL": -0.06334841628959276,
        "DPPL": -0.1202950517365024,
        "DI": 1.2968149646107179,
        "CDDPL": -0.027149321266968326,
        "GE": 0.15760761753620295,
        "DCA": -0.06271642939592148,
        "DCR": -0.08801742919389977,
        "RD": -0.06058333333333332,
        "SD": -0.05224766751484311,
        "DAR": -0.10686802616390922,
        "DRR": -0.11328976034858385,
        "AD": 0.006925519926237023,
        "TE": 0.3325062034739452,
    },
}


@pytest.mark.parametrize("facet", CLARIFY, ids=lambda facet: facet.column)
def test_every_metric_is_clarifys(facet: Rule) -> None:
    found = {name: measure.value for (_, _, name), measure in _bias(facet).measures().items()}
    assert found == pytest.approx(CLARIFY[facet], rel=1e-9)


def test_the_deviation_of_a_share_is_that_of_the_formula() -> None:
    measures = _bias(Rule(column="sex", values=(2,))).measures()
    deviation = measures["sex", "2", "CI"].standard_deviation
    assert deviation == pytest.approx(1 / math.sqrt(442), rel=0.35)


def test_the_body_is_clarifys() -> None:
    bias = _bias(Rule(column="age", threshold=50), group=None)
    body = json.loads(json.dumps(bias.statistics(), allow_nan=False))
    assert body["version"] == "1.0"
    before, after = body["pre_training_bias_metrics"], body["post_training_bias_metrics"]
    assert (before["label"], before["label_value_or_threshold"]) == ("label", "1")
    assert [entry["value_or_threshold"] for entry in before["facets"]["age"]] == ["50"]
    metrics = before["facets"]["age"][0]["metrics"]
    assert metrics[0] == {
        "name": "CI",
        "description": "Class Imbalance (CI)",
        "value": pytest.approx(0.027149321266968326),
    }
    # Without a group there are no metrics under a condition.
    assert [metric["name"] for metric in metrics] == ["CI", "DPL", "JS", "KL", "KS", "LP", "TVD"]
    assert [metric["name"] for metric in after["facets"]["age"][0]["metrics"]] == [
        "AD", "DAR", "DCA", "DCR", "DI", "DPPL", "DRR", "GE", "RD", "SD", "TE",
    ]  # fmt: skip


def test_a_facet_without_values_is_looked_at_value_by_value() -> None:
    each = _bias(Rule(column="sex"))
    assert {value for _, value, _ in each.measures()} == {"1", "2"}
    one = _bias(Rule(column="sex", values=("2.0",)))
    assert one.values() == {name: value for name, value in each.values().items() if name.endswith(".2")}


def test_infinite_values_are_text() -> None:
    bias = Bias(LABEL, [Rule(column="sex", values=("f",))])
    for sex, label, prediction in (("m", 1, 0), ("m", 0, 0), ("f", 1, 1), ("f", 0, 1)):
        bias.add({"sex": sex}, label, prediction)
    body = json.loads(json.dumps(bias.statistics(), allow_nan=False))
    told = {m["name"]: m["value"] for m in body["post_training_bias_metrics"]["facets"]["sex"][0]["metrics"]}
    assert told["DI"] == told["DCA"] == "Infinity"
    assert told["TE"] == "-Infinity"
    assert not any(name.startswith("DI.") for name in bias.values())


def test_without_labels_there_are_the_metrics_of_predictions() -> None:
    bias = Bias(LABEL, [Rule(column="sex", values=(2,))], group="band")
    for cells, _, prediction in _patients():
        bias.add(cells, None, prediction)
    found = {name: measure.value for (_, _, name), measure in bias.measures().items()}
    assert found.keys() == {"CI", "DPPL", "DI", "CDDPL"}
    expected = CLARIFY[Rule(column="sex", values=(2,))]
    assert found == pytest.approx({name: expected[name] for name in found})


def test_positive_may_be_a_threshold() -> None:
    bias = Bias(Rule(column="label", threshold=0.5), [Rule(column="sex", values=("f",))])
    for sex, label, prediction in (("m", "0.5", 0.6), ("f", 0.51, "0.4"), ("f", "high", 0.9)):
        bias.add({"sex": sex}, label, prediction)
    assert bias.values()["DPL.sex.f"] == -1
    assert bias.values()["DPPL.sex.f"] == 0.5


@pytest.mark.parametrize(
    ("cells", "label", "prediction"),
    [
        ({}, 1, 1),
        ({"sex": None}, 1, 1),
        ({"sex": ["f"]}, 1, 1),
        ({"sex": "f"}, None, ""),
        ({"sex": "f"}, [1], math.nan),
    ],
)
def test_a_bad_row_is_counted_and_not_raised(
    cells: dict[str, object], label: object, prediction: object
) -> None:
    bias = Bias(LABEL, [Rule(column="sex", values=("f",))])
    bias.add(cells, label, prediction)
    assert (bias.size, bias.unread) == (0, 1)
    assert bias.values() == bias.measures() == {}
    json.dumps(bias.statistics(), allow_nan=False)


def test_a_missing_facet_is_missing_for_that_facet_only() -> None:
    bias = Bias(LABEL, [Rule(column="sex", values=("f",)), Rule(column="age", threshold=40)])
    for age in (30, 50):
        bias.add({"age": age}, 1, 1)
    assert bias.size == 2
    assert {facet for facet, _, _ in bias.measures()} == {"age"}


def test_values_and_groups_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_VALUES", 3)
    monkeypatch.setattr(module, "MOST_GROUPS", 2)
    bias = Bias(LABEL, [Rule(column="town")], group="street")
    for place in range(1000):
        bias.add({"town": f"t{place % 10}", "street": f"s{place}"}, place % 2, place % 3 == 0)
    assert {value for _, value, _ in bias.measures()} == {"t0", "t1", "t2"}
    assert bias.measures()["town", "t0", "CI"].value == 0.8
    assert len(pickle.dumps(bias)) < 20_000


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="facet"):
        Bias(LABEL, [])
    with pytest.raises(ValueError, match="positive"):
        Bias(Rule(column="label"), [Rule(column="sex")])
    with pytest.raises(ValueError, match="not both"):
        Rule(column="age", values=(1,), threshold=2)
    with pytest.raises(ValueError, match="truth value"):
        Rule(column="age", values=("",))
    with pytest.raises(ValueError, match="same rules"):
        Bias(LABEL, [Rule(column="sex")]).merge(Bias(LABEL, [Rule(column="age")]))


_CELL = st.sampled_from(["f", "m", 1, "1", None])
_RECORDS = st.lists(
    st.tuples(
        st.fixed_dictionaries({"sex": _CELL, "age": st.sampled_from([20, "60", None, "old"]), "town": _CELL}),
        st.sampled_from([0, 1, "1", None]),
        st.sampled_from([0, 1, True, None]),
    ),
    max_size=60,
)


@settings(max_examples=60, deadline=None)
@given(_RECORDS, st.integers(0, 60))
def test_shards_are_the_whole(records: list[Record], cut: int) -> None:
    facets = [Rule(column="sex"), Rule(column="sex", values=("f",)), Rule(column="age", threshold=40)]
    whole, first, second = (Bias(LABEL, facets, group="town") for _ in range(3))
    for place, record in enumerate(records):
        for bias in (whole, first if place < cut else second):
            bias.add(*record, key=str(place))
    first.merge(pickle.loads(pickle.dumps(second)))  # noqa: S301 - our own
    assert (first.size, first.unread) == (whole.size, whole.unread)
    assert first.measures() == whole.measures()
    assert first.statistics() == whole.statistics()
