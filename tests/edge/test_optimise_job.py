"""The job on real models and records: what it publishes, what it refuses, and that it is the same each time."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from tests.support.optimise import (
    ROOT,
    Job,
    a_folded_network,
    a_forest,
    a_network,
    a_table,
    an_archive,
    data,
    pickled,
    some_arrays,
)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


def given(job: Job, estimator: Any) -> Path:
    return an_archive(job.folder, {"model.joblib": pickled(estimator)})


def session(job: Job) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(job.archive()["model.onnx"])


def accuracy(job: Job, name: str) -> float:
    """Of what was published, one record a call, as a device does it: without any code of the job."""
    _, _, features, labels = data(name)
    served = session(job)
    said = [served.run(["label"], {"features": row[None].astype(np.float32)})[0][0] for row in features]
    return float(np.mean(np.asarray(said) == labels))


# --- what it publishes -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["cancer", "digits"])
def test_a_network_is_published_in_8_bits_with_figures_that_are_true(job: Job, name: str) -> None:
    assert job.run(given(job, a_network(name)), a_table(job.folder, name)) == 0
    _, _, features, labels = data(name)
    report, figures = job.report, job.report["comparison"]
    assert report["result"] == "published"
    assert report["quantisation"]["applied"]
    assert report["quantisation"]["operators"]["MatMulInteger"] == 3
    assert "MatMul" not in report["quantisation"]["operators"]
    assert figures["before"] == pytest.approx(a_network(name).score(features, labels))
    assert figures["after"] == pytest.approx(accuracy(job, name))
    assert figures["drop"] == pytest.approx(figures["before"] - figures["after"])
    assert figures["drop"] <= figures["max_drop"] == 0.01
    assert figures["rows"] == len(labels)
    assert report["size"]["after"] == len(job.archive()["model.onnx"]) < 0.5 * report["size"]["before"]
    assert report["latency_ms"]["ratio"] == pytest.approx(
        report["latency_ms"]["after"] / report["latency_ms"]["before"]
    )
    assert report["archive"]["sha256"] == sha256((job.output / "model.tar.gz").read_bytes()).hexdigest()


def test_boosted_trees_have_nothing_to_quantise_and_are_published_as_they_are(job: Job) -> None:
    assert job.run(given(job, a_forest("cancer")), a_table(job.folder, "cancer")) == 0
    told = job.report["quantisation"]
    assert not told["applied"]
    assert "nothing to quantise" in told["why"]
    assert "TreeEnsembleClassifier" in told["why"]
    assert told["weight_type"] is None
    assert job.report["size"]["ratio"] == 1
    assert accuracy(job, "cancer") == pytest.approx(job.report["comparison"]["before"])
    assert told["why"] in (job.report_folder / "report.md").read_text(encoding="utf-8")


def test_numbers_are_compared_by_their_error_over_the_labels_deviation(job: Job) -> None:
    table = a_table(job.folder, "diabetes")
    assert job.run(given(job, a_network("diabetes")), table, "--metric=rmse", "--max-drop=0.05") == 0
    _, _, features, labels = data("diabetes")
    figures = job.report["comparison"]
    before = np.sqrt(np.mean((a_network("diabetes").predict(features) - labels) ** 2))
    assert figures["before"] == pytest.approx(before)
    assert figures["drop"] == pytest.approx((figures["after"] - figures["before"]) / np.std(labels))
    assert figures["after"] != figures["before"]


@pytest.mark.parametrize(("metric", "named"), [("macro_f1", "macro_f1"), ("top_k", "top_3")])
def test_other_measures_of_classes(job: Job, metric: str, named: str) -> None:
    table = a_table(job.folder, "digits")
    assert job.run(given(job, a_network("digits")), table, f"--metric={metric}", "--k=3") == 0
    assert job.report["comparison"]["metric"] == named
    assert 0.95 < job.report["comparison"]["before"] <= 1


def test_what_the_state_machine_is_told_fits_into_a_kilobyte_of_json(job: Job) -> None:
    job.run(given(job, a_network("digits")), a_table(job.folder, "digits"))
    told, report = json.loads(job.message), job.report
    assert len(job.message.encode()) <= 1000
    assert told["result"] == "published"
    assert told["sha256"] == report["archive"]["sha256"]
    assert told["before"] == pytest.approx(report["comparison"]["before"], rel=1e-5)
    assert told["quantised"] is True


def test_the_metadata_tells_the_ports_the_classes_and_the_figures(job: Job) -> None:
    job.run(given(job, a_network("cancer")), a_table(job.folder, "cancer"))
    told = job.metadata()
    assert told["inputs"] == [{"name": "features", "type": "tensor(float)", "shape": [None, 30]}]
    assert [each["name"] for each in told["outputs"]] == ["label", "probabilities"]
    assert told["classes"] == ["bösartig", "gutartig"]
    assert told["features"] == [f"f{at}" for at in range(30)]
    assert told["metric"] == job.report["comparison"]
    assert told["quantisation"]["weight_type"] == "int8"
    assert told["held_out"]["rows"] == 228
    assert told["tolerance"] == job.report["archive"]["tolerance"] > 0
    assert set(told["tools"]) >= {"onnx", "onnxruntime", "skl2onnx"}


# --- the golden sample -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["cancer", "digits"])
def test_a_device_that_runs_the_golden_sample_gets_what_is_in_it(job: Job, name: str) -> None:
    job.run(given(job, a_network(name)), a_table(job.folder, name))
    sample = np.load(io.BytesIO(job.archive()["golden.npz"]), allow_pickle=False)
    assert set(sample) == {"input_features", "output_label", "output_probabilities"}
    assert len(sample["input_features"]) == 8
    assert len(np.unique(sample["output_label"])) == min(8, len(np.unique(data(name)[3])))
    tolerance = job.metadata()["tolerance"]
    for rows in (slice(None), *(slice(at, at + 1) for at in range(8))):
        label, scores = session(job).run(None, {"features": sample["input_features"][rows]})
        assert list(label) == list(sample["output_label"][rows])
        assert np.abs(scores - sample["output_probabilities"][rows]).max() <= tolerance


def test_another_model_fails_the_golden_sample(job: Job) -> None:
    job.run(given(job, a_network("digits")), a_table(job.folder, "digits"))
    sample = np.load(io.BytesIO(job.archive()["golden.npz"]))
    scores = a_forest("digits").predict_proba(sample["input_features"])
    assert np.abs(scores - sample["output_probabilities"]).max() > job.metadata()["tolerance"]


# --- what it refuses ---------------------------------------------------------------------------------------


def test_a_drop_beyond_the_limit_is_refused_with_its_figures_and_nothing_is_published(job: Job) -> None:
    assert job.run(given(job, a_folded_network()), a_table(job.folder, "cancer")) == 7
    assert job.published == []
    report = job.report
    assert (report["result"], report["error"]) == ("refused", "AccuracyDrop")
    assert report["comparison"]["before"] > 0.95
    assert report["comparison"]["drop"] > 0.2
    assert job.message.startswith("AccuracyDrop: accuracy went from 0.9")
    assert "0.01 is the limit" in job.message
    assert "Not published: AccuracyDrop" in (job.report_folder / "report.md").read_text(encoding="utf-8")


def test_the_same_model_is_published_where_it_is_not_quantised(job: Job) -> None:
    assert job.run(given(job, a_folded_network()), a_table(job.folder, "cancer"), "--no-quantise") == 0
    assert job.report["comparison"]["drop"] == 0
    assert job.report["quantisation"]["why"] == "not asked for"


def test_the_same_model_is_published_where_so_great_a_drop_is_allowed(job: Job) -> None:
    assert job.run(given(job, a_folded_network()), a_table(job.folder, "cancer"), "--max-drop=0.9") == 0


def test_what_devices_read_is_not_written_twice(job: Job) -> None:
    model, table = given(job, a_forest("cancer")), a_table(job.folder, "cancer")
    assert job.run(model, table) == 0
    before = (job.output / "model.tar.gz").read_bytes()
    assert job.run(model, table) == 3
    assert (job.output / "model.tar.gz").read_bytes() == before
    assert "already" in job.message


def test_a_small_held_out_set_is_told_of(job: Job) -> None:
    assert job.run(given(job, a_forest("cancer")), a_table(job.folder, "cancer", rows=40)) == 0
    (told,) = job.report["warnings"]
    assert "one record of 40 weighs 0.025" in told


# --- each time the same ------------------------------------------------------------------------------------


def test_the_same_inputs_give_the_same_bytes_in_other_processes(tmp_path: Path) -> None:
    found = []
    for seed in ("1", "2"):
        folder = tmp_path / seed
        folder.mkdir()
        each = Job(folder)
        process = each.start(given(each, a_network("digits")), a_table(folder, "digits"), PYTHONHASHSEED=seed)
        assert process.wait(120) == 0, process.stderr.read() if process.stderr else ""
        found.append((each.output / "model.tar.gz").read_bytes())
        process.communicate()
    assert found[0] == found[1]


def test_options_change_what_is_published(tmp_path: Path) -> None:
    published = set()
    for number, more in enumerate(([], ["--per-channel"], ["--weight-type=uint8"], ["--reduce-range"])):
        folder = tmp_path / str(number)
        folder.mkdir()
        each = Job(folder)
        assert each.run(given(each, a_network("digits")), a_table(folder, "digits"), *more) == 0
        published.add(each.archive()["model.onnx"])
    assert len(published) == 4


KILLED_WHILE_WRITING = """
import os, signal, sys
from constructs_lib.edge.runtime.optimise import archive, job, options
archive.os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
job.run(options.Options.parse(sys.argv[1:]))
"""


def test_a_job_that_is_killed_while_it_writes_leaves_nothing_that_looks_whole(job: Job) -> None:
    arguments = job.arguments(given(job, a_forest("cancer")), a_table(job.folder, "cancer"))
    found = subprocess.run([sys.executable, "-c", KILLED_WHILE_WRITING, *arguments], cwd=ROOT, timeout=120)
    assert found.returncode == -signal.SIGKILL
    assert job.published == [".model.tar.gz.partial"]
    assert job.run(given(job, a_forest("cancer")), a_table(job.folder, "cancer")) == 0
    assert job.published == ["model.tar.gz"]


@pytest.mark.parametrize("seconds", [0.5, 2.0, 2.5])
def test_a_job_that_is_killed_sometime_has_published_all_or_nothing(job: Job, seconds: float) -> None:
    process = job.start(given(job, a_network("digits")), a_table(job.folder, "digits"))
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    if "model.tar.gz" in job.published:
        assert set(job.archive()) == {"model.onnx", "metadata.json", "golden.npz"}


def test_an_archive_that_cannot_be_written_to_its_end_is_not_there(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_file: int) -> None:
        raise OSError(28, "No space left on device")

    model, table = given(job, a_forest("cancer")), a_table(job.folder, "cancer")
    monkeypatch.setattr("constructs_lib.edge.runtime.optimise.archive.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        job.run(model, table)
    assert job.published == []


# --- models in ONNX ----------------------------------------------------------------------------------------


def network_in_onnx(job: Job, name: str) -> bytes:
    folder = job.folder / "first"
    folder.mkdir()
    first = Job(folder)
    assert first.run(given(first, a_network(name)), a_table(folder, name), "--no-quantise") == 0
    return first.archive()["model.onnx"]


def test_a_model_that_is_onnx_already_is_quantised_and_compared_as_well(job: Job) -> None:
    content = network_in_onnx(job, "digits")
    archive = an_archive(job.folder, {"./model.onnx": content})
    assert job.run(archive, a_table(job.folder, "digits")) == 0
    assert job.report["source"] == {"kind": "onnx", "sha256": sha256(content).hexdigest()}
    assert job.report["quantisation"]["applied"]
    assert "converted_alike" not in job.report
    assert job.metadata()["classes"] is None


@pytest.mark.parametrize("shape", [(-1, 64), (-1, 8, 8)])
@pytest.mark.parametrize("name", ["X", "features"])
def test_held_out_records_may_be_arrays(job: Job, name: str, shape: tuple[int, ...]) -> None:
    _, _, features, labels = data("digits")
    arrays = some_arrays(job.folder, **{name: features.reshape(shape)}, y=labels[:, None])
    assert job.run(an_archive(job.folder, {"model.onnx": network_in_onnx(job, "digits")}), arrays) == 0
    assert job.report["comparison"]["before"] == pytest.approx(a_network("digits").score(features, labels))


def a_graph(batch: int | None, *, classes: int = 10, sigmoid: bool = False) -> Callable[[np.ndarray], bytes]:
    """A linear model by hand, without an output that tells a class; for `batch` records, where that is given."""

    def made(weights: np.ndarray) -> bytes:
        nodes = [onnx.helper.make_node("MatMul", ["pixels", "w"], ["raw"])]
        nodes.append(onnx.helper.make_node("Sigmoid" if sigmoid else "Softmax", ["raw"], ["scores"]))
        float_ = onnx.TensorProto.FLOAT
        graph = onnx.helper.make_graph(
            nodes,
            "by hand",
            [onnx.helper.make_tensor_value_info("pixels", float_, [batch, 64])],
            [onnx.helper.make_tensor_value_info("scores", float_, [batch, classes])],
            [onnx.numpy_helper.from_array(weights.astype(np.float32), "w")],
        )
        opsets = [onnx.helper.make_opsetid("", 17)]
        return onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()

    return made


@pytest.mark.parametrize("batch", [None, 1, 4])
def test_scores_alone_tell_the_class_and_a_model_may_be_made_for_so_many_records(
    job: Job, batch: int | None
) -> None:
    features, labels, held_out, truth = data("digits")
    linear = LogisticRegression(fit_intercept=False, max_iter=300).fit(features, labels)
    archive = an_archive(job.folder, {"model.onnx": a_graph(batch)(linear.coef_.T)})
    assert job.run(archive, a_table(job.folder, "digits"), "--metric=top_k", "--k=1") == 0
    assert job.report["comparison"]["before"] == pytest.approx(linear.score(held_out, truth))
    sample = np.load(io.BytesIO(job.archive()["golden.npz"]))
    assert len(sample["input_pixels"]) == (batch or 8)
    (scores,) = session(job).run(None, {"pixels": sample["input_pixels"]})
    assert np.allclose(scores, sample["output_scores"])


def test_one_score_a_record_is_the_second_classs(job: Job) -> None:
    features, labels, held_out, truth = data("digits")
    odd = LogisticRegression(fit_intercept=False, max_iter=2000).fit(features, labels % 2)
    archive = an_archive(job.folder, {"model.onnx": a_graph(None, classes=1, sigmoid=True)(odd.coef_.T)})
    assert job.run(archive, some_arrays(job.folder, X=held_out, y=truth % 2)) == 0
    assert job.report["comparison"]["before"] == pytest.approx(odd.score(held_out, truth % 2))


def test_an_estimator_that_never_gives_dictionaries_is_converted_too(job: Job) -> None:
    estimator = LinearSVC(random_state=0).fit(*data("digits")[:2])
    assert job.run(given(job, estimator), a_table(job.folder, "digits")) == 0
