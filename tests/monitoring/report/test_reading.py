"""From files to findings: all four kinds, every status, and files that an analyzer alone has written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from constructs_lib.monitoring.report.findings import Categories, Findings, Numbers
from constructs_lib.monitoring.report.page import page
from constructs_lib.monitoring.report.place import Folder, Place, ReportError, place_of
from constructs_lib.monitoring.report.read_features import distribution
from constructs_lib.monitoring.report.reading import findings_of
from tests.support import monitoring_findings as made


def opened(text: str) -> Place:
    def s3() -> Any:
        raise ReportError(f"asked for {text}")

    return place_of(text, s3)


def read(folder: Path, files: dict[str, Any], **options: Any) -> Findings:
    return findings_of(Folder(made.write(folder, files)), opened, **options)


def alone(files: dict[str, Any]) -> dict[str, Any]:
    """The same without our result: as Model Monitor leaves it."""
    return {name: content for name, content in files.items() if not name.endswith("result.json")}


# --- data quality ---------------------------------------------------------------------------------------


def test_the_features_that_drifted_come_first(tmp_path: Path) -> None:
    found = read(tmp_path, made.data_quality())

    assert (found.kind, found.status, found.records, found.records_before) == (
        "data_quality",
        "violated",
        284,
        285,
    )
    assert set(found.drifted) == set(made.DRIFTED)
    assert [feature.name for feature in found.features[:4]] == [*found.drifted, "mean texture"]
    assert len(found.features) == 32
    assert found.doubts == ()


def test_a_feature_is_read_as_it_was_then_and_now(tmp_path: Path) -> None:
    found = {feature.name: feature for feature in read(tmp_path, made.data_quality()).features}
    radius, scanner, texture = (found[name] for name in ("mean radius", "scanner", "mean texture"))

    assert isinstance(radius.before, Numbers)
    assert isinstance(radius.now, Numbers)
    assert radius.now.mean == pytest.approx(1.4 * sum(made._DATA.data[1::2, 0]) / 284)
    assert len(radius.now.points) == 284
    assert radius.drift is not None
    assert (radius.drift.method, radius.drift.threshold) == ("ks", 0.1)
    assert isinstance(scanner.before, Categories)
    assert scanner.new_categories == ("Z2",)
    assert (texture.missing_before, texture.missing) == (0.0, pytest.approx(15 / 284))
    assert [each.check for each in texture.violations] == ["completeness_check"]


def test_without_drift_nothing_has(tmp_path: Path) -> None:
    found = read(tmp_path, made.data_quality(drifted=False))

    assert (found.status, found.drifted, found.violations) == ("passed", [], ())


def test_levels_of_a_sketch_have_weights() -> None:
    sketch = {"data": [[3.0], [1.0, "NaN", None], "no level", [2.0]]}
    found = distribution({"numerical_statistics": {"distribution": {"kll": {"sketch": sketch}}}})

    assert isinstance(found, Numbers)
    assert found.points == ((1.0, 2.0), (2.0, 8.0), (3.0, 1.0))


def test_model_monitors_own_files_say_what_they_can(tmp_path: Path) -> None:
    found = read(tmp_path, alone(made.data_quality()), baseline=str(tmp_path / made.BASELINE))
    by_name = {feature.name: feature.drift for feature in found.features}

    assert (found.kind, found.status) == ("data_quality", "violated")
    assert set(found.drifted) == set(made.DRIFTED)
    drift, other = by_name["mean radius"], by_name["mean area"]
    assert drift is not None
    assert (drift.distance, drift.threshold, drift.p_value) == (pytest.approx(0.603, abs=0.001), 0.1, None)
    assert other is not None
    assert (other.drifted, other.distance) == (False, None)
    assert "no p-values" in " ".join(found.doubts)
    assert found.start == made.START.timestamp()


def test_without_a_verdict_nothing_is_known(tmp_path: Path) -> None:
    files = {name: each for name, each in alone(made.data_quality()).items() if "violations" not in name}
    found = read(tmp_path, files)

    assert found.status == "unknown"
    assert found.baseline == ""
    assert any("--baseline" in doubt for doubt in found.doubts)


# --- the others -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("written_by", [dict, alone], ids=["owned", "model monitor"])
def test_quality(tmp_path: Path, written_by: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    found = read(tmp_path, written_by(made.model_quality()), baseline=str(tmp_path / made.BASELINE))

    assert found.quality is not None
    metrics = {each.name: each for each in found.quality.metrics}
    assert {name for name, each in metrics.items() if each.violated} == {"recall", "accuracy"}
    assert (metrics["recall"].threshold, metrics["recall"].rises) == (0.9, False)
    assert metrics["recall"].before is not None
    assert metrics["recall_best_constant_classifier"].deviation is None  # "NaN"
    assert found.quality.curves["roc"][0] == (0.0, 0.0)
    assert set(found.quality.matrix) == {"0", "1"}
    assert sum(many for _, _, many in found.quality.reliability) == 284


def test_errors_must_not_rise(tmp_path: Path) -> None:
    found = read(tmp_path, made.model_quality("regression"))

    assert found.quality is not None
    assert {each.name: each.rises for each in found.quality.metrics if each.violated} == {
        "mae": True,
        "r2": False,
    }


def test_bias(tmp_path: Path) -> None:
    found = read(tmp_path, made.bias())

    assert [(facet.name, facet.value) for facet in found.facets] == [("sex", "female"), ("age", "(0, 25]")]
    sex = {each.name: each for each in found.facets[0].metrics}
    assert (sex["DPPL"].before, sex["DPPL"].value, sex["DPPL"].violated) == (0.04, 0.31, True)
    assert sex["CI"].violated is False
    assert [each.subject for each in found.violations] == ["DPPL of sex = female", "DI of sex = female"]


@pytest.mark.parametrize("written_by", [dict, alone], ids=["owned", "clarify"])
def test_attribution(tmp_path: Path, written_by: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    found = read(tmp_path, written_by(made.attribution()), baseline=str(tmp_path / made.BASELINE))
    (label,) = found.attributions

    assert (label.label, label.violated, label.threshold) == ("label0", True, 0.9)
    assert label.score == pytest.approx(0.394, abs=0.001)
    assert len(label.before) == len(label.now) == 30


def test_clarify_calls_its_files_analysis(tmp_path: Path) -> None:
    files = {
        name.replace("statistics.json", "analysis.json"): each for name, each in alone(made.bias()).items()
    }
    found = read(tmp_path, files, baseline=str(tmp_path / made.BASELINE))

    assert (found.kind, found.status) == ("bias", "violated")
    assert found.facets[0].metrics[0].before == 0.12


# --- windows without a verdict --------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["too_few", "no_data", "no_baseline"])
@pytest.mark.parametrize("kind", ["data_quality", "model_quality", "bias", "attribution"])
def test_a_result_alone_is_enough(tmp_path: Path, kind: str, status: str) -> None:
    found = read(tmp_path, made.quiet(kind, status, baseline=""))

    assert (found.kind, found.status, found.features, found.quality) == (kind, status, (), None)


def test_the_latest_window_stands_for_a_prefix(tmp_path: Path) -> None:
    made.write(tmp_path, {**made.past("data_quality", 30), **made.data_quality()})

    assert findings_of(Folder(tmp_path), opened).records == 284


# --- the baseline ---------------------------------------------------------------------------------------


def test_a_copied_prefix_needs_no_s3(tmp_path: Path) -> None:
    assert read(tmp_path, made.data_quality()).baseline == str(tmp_path / made.BASELINE)


def test_a_baseline_out_of_reach_is_a_doubt(tmp_path: Path) -> None:
    files = {name: each for name, each in made.data_quality().items() if "baseline" not in name}
    found = read(tmp_path, files)

    assert found.baseline == ""
    assert set(found.drifted) == set(made.DRIFTED)  # of these the result tells
    assert any("asked for s3://bucket/" in doubt for doubt in found.doubts)


def test_a_baseline_that_was_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="there is no baseline in"):
        read(tmp_path, made.data_quality(), baseline=str(tmp_path / "nowhere"))


# --- what is wrong --------------------------------------------------------------------------------------


def test_an_empty_folder_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(
        ReportError, match=r"there is no window of a monitor in .*: none of result.json, statistics"
    ):
        findings_of(Folder(tmp_path), opened)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is no JSON"),
        ("[]", "no object"),
        ("[" * 100_000, "is no JSON"),
        ('{"kind": "other"}', "what kind"),
    ],
)
def test_files_that_no_monitor_has_written(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "result.json").write_text(content)

    with pytest.raises(ReportError, match=words):
        findings_of(Folder(tmp_path), opened)


def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "result.json").mkdir()

    with pytest.raises(ReportError, match=r"cannot read .*result.json: Is a directory"):
        findings_of(Folder(tmp_path), opened)


WRONG: list[Any] = [None, 1e308, "NaN", [], ["x"], {"x": []}, [{"name": 3}]]
OWN = (
    "kind",
    "status",
    "baseline",
)  # of the result: what is wrong there is an error, or changes what is read


def few_features(files: dict[str, Any]) -> dict[str, Any]:
    """The same with three features, for there are many pages to make."""
    for content in files.values():
        features = content.get("features")
        if isinstance(features, list):
            content["features"] = features[-3:]
        elif isinstance(features, dict):
            content["features"] = dict(list(features.items())[-3:])
    return files


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
@pytest.mark.parametrize("make", [made.data_quality, made.model_quality, made.bias, made.attribution])
def test_values_of_a_wrong_kind_are_as_good_as_none(tmp_path: Path, make: Any, wrong: Any) -> None:
    files = few_features(make())
    made.write(tmp_path, files)
    for name, content in files.items():
        for key in set(content) - set(OWN):
            made.write(tmp_path, {name: {**content, key: wrong}})
            html = page(findings_of(Folder(tmp_path / "2026/11/28/1000"), opened))
            assert html.startswith("<!doctype html>")
        made.write(tmp_path, {name: content})
