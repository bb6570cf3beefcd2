"""What the job is given wrong: each has an exit status, a name and a reason, and publishes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from constructs_lib.edge.runtime.optimise.errors import LONGEST_MESSAGE, OptimiseError
from constructs_lib.edge.runtime.optimise.options import Options
from tests.support.optimise import (
    Job,
    a_forest,
    a_network,
    a_table,
    an_archive,
    data,
    pickled,
    some_arrays,
    write_table,
)

Make = Callable[[Job], Path]


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


def refused(job: Job, model: Path, held_out: Path, *more: str) -> str:
    """What it says; it says the same in its report, and publishes nothing."""
    status = job.run(model, held_out, *more)
    assert status != 0
    assert job.published == []
    report = job.report
    name, _, reason = job.message.partition(": ")
    assert (report["result"], report["error"]) == ("refused", name)
    assert reason in " ".join(report["reason"].split())
    return f"{status} {job.message}"


def forest(job: Job) -> Path:
    return an_archive(job.folder, {"model.joblib": pickled(a_forest("cancer"))})


# --- archives ----------------------------------------------------------------------------------------------


def raw(job: Job, content: bytes) -> Path:
    path = job.folder / "given.tar.gz"
    path.write_bytes(content)
    return path


def cut(job: Job) -> Path:
    whole = forest(job).read_bytes()
    return raw(job, whole[: len(whole) // 2])


def of(**members: bytes) -> Make:
    return lambda job: an_archive(
        job.folder, {name.replace("__", "/").replace("_", "."): each for name, each in members.items()}
    )


def a_list(job: Job) -> Path:
    return an_archive(job.folder, {"model.pkl": pickled([1, 2])})


ARCHIVES: dict[str, tuple[Make, str]] = {
    "empty file": (lambda job: raw(job, b""), "3 BadModel: given.tar.gz is no complete gzipped tar archive"),
    "no archive": (lambda job: raw(job, b"x" * 99), "3 BadModel: given.tar.gz is no complete gzipped tar"),
    "cut off": (cut, "3 BadModel: given.tar.gz is no complete gzipped tar archive"),
    "nothing in it": (of(), "3 BadModel: the archive has no file"),
    "another framework's": (of(model_pth=b"1"), "exported to ONNX where it was trained"),
    "too deep": (of(a__model_onnx=b"1"), "3 BadModel: the archive has a/model.onnx, and none of"),
    "two of them": (of(model_joblib=b"1", model_pkl=b"1"), "has model.joblib and model.pkl: leave one"),
    "an empty model": (of(model_onnx=b""), "3 BadModel: model.onnx has 0 bytes"),
    "no onnx": (of(model_onnx=b"junk"), "3 BadModel: it is no ONNX model"),
    "no pickle": (of(model_joblib=b"junk"), "3 BadModel: model.joblib cannot be unpickled"),
    "no estimator": (a_list, "3 BadModel: model.pkl holds a list, which cannot predict"),
}


@pytest.mark.parametrize(("make", "told"), ARCHIVES.values(), ids=ARCHIVES)
def test_an_archive_without_a_model_is_refused(job: Job, make: Make, told: str) -> None:
    assert told in refused(job, make(job), a_table(job.folder, "cancer"))


def test_a_pickle_of_a_module_that_is_not_there_says_what_to_do(job: Job) -> None:
    content = b"cxgboost_of_old\nBooster\n."
    told = refused(job, an_archive(job.folder, {"model.joblib": content}), a_table(job.folder, "cancer"))
    assert "No module named 'xgboost_of_old'" in told
    assert "export it to ONNX where it was trained" in told


def test_no_file_at_all(job: Job) -> None:
    empty = job.folder / "empty"
    empty.mkdir()
    assert "3 BadModel: there is no archive" in refused(job, empty, a_table(job.folder, "cancer"))
    assert "4 BadHeldOut: there is no file" in refused(job, forest(job), empty)


def test_of_what_was_fetched_by_a_prefix_the_one_that_was_asked_for_is_taken(job: Job) -> None:
    folder = job.folder / "fetched"
    folder.mkdir()
    (folder / "given.tar.gz").write_bytes(forest(job).read_bytes())
    (folder / "given.tar.gz.bak").write_bytes(b"older")
    assert job.run(folder, a_table(job.folder, "cancer")) == 0


# --- models that do not serve ------------------------------------------------------------------------------


def in_onnx(output: onnx.ValueInfoProto, *nodes: onnx.NodeProto, opset: int = 17) -> bytes:
    taken = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [None, 30])
    graph = onnx.helper.make_graph(list(nodes), "by hand", [taken], [output])
    opsets = [onnx.helper.make_opsetid("", opset), onnx.helper.make_opsetid("ai.onnx.ml", 3)]
    return bytes(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())


def tensor(name: str, *shape: int | None) -> onnx.ValueInfoProto:
    return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)


def external() -> bytes:
    weights = onnx.numpy_helper.from_array(np.ones((30, 1), np.float32), "w")
    weights.ClearField("raw_data")
    weights.data_location = onnx.TensorProto.EXTERNAL
    weights.external_data.add(key="location", value="weights.bin")
    proto = onnx.load_from_string(
        in_onnx(tensor("y", None, 1), onnx.helper.make_node("MatMul", ["x", "w"], ["y"]))
    )
    proto.graph.initializer.append(weights)
    return bytes(proto.SerializeToString())


SEQUENCE = onnx.helper.make_tensor_sequence_value_info("y", onnx.TensorProto.FLOAT, None)
MODELS = {
    "unknown operator": (
        in_onnx(tensor("y", None, 30), onnx.helper.make_node("Sorcery", ["x"], ["y"])),
        "3 BadModel: the checker of ONNX",
    ),
    "weights elsewhere": (external(), "its weights are in files beside it"),
    "no tensor": (
        in_onnx(SEQUENCE, onnx.helper.make_node("SequenceConstruct", ["x"], ["y"])),
        "y is of type seq(tensor(float)), which devices do not serve",
    ),
    "no class": (
        in_onnx(tensor("y", None, 1, 30), onnx.helper.make_node("Reshape", ["x", "s"], ["y"])),
        "3 BadModel: no output of y tells a class",
    ),
    "logits": (
        in_onnx(tensor("y", None, 1), onnx.helper.make_node("ReduceSum", ["x", "axes"], ["y"])),
        "end the model with a sigmoid",
    ),
    "not a number": (
        in_onnx(
            tensor("y", None, 30),
            onnx.helper.make_node("Neg", ["x"], ["n"]),
            onnx.helper.make_node("Log", ["n"], ["y"]),
        ),
        "predicts NaN or infinity",
    ),
    "sum of all": (
        in_onnx(tensor("y", 1, 30), onnx.helper.make_node("ReduceMax", ["x"], ["y"], axes=[0])),
        "for 2 records: not one each",
    ),
}


@pytest.mark.parametrize(("content", "told"), MODELS.values(), ids=MODELS)
def test_a_model_that_devices_could_not_serve_is_refused(job: Job, content: bytes, told: str) -> None:
    proto = onnx.load_from_string(content)
    used = {name for node in proto.graph.node for name in node.input}
    for name, value in (("s", [-1, 1, 30]), ("axes", [1])):
        if name in used:
            proto.graph.initializer.append(onnx.numpy_helper.from_array(np.array(value), name))
    archive = an_archive(job.folder, {"model.onnx": proto.SerializeToString()})
    _, _, features, labels = data("cancer")
    table = some_arrays(job.folder, X=features[:40], y=(labels[:40] == "gutartig").astype(int))
    assert told in refused(job, archive, table, "--batch=2")


def test_a_classifier_is_not_measured_as_a_regressor_and_the_other_way_round(job: Job) -> None:
    told = refused(job, forest(job), a_table(job.folder, "cancer"), "--metric=rmse")
    assert "GradientBoostingClassifier is not a regressor, which rmse is a measure of" in told
    model = an_archive(job.folder, {"model.joblib": pickled(a_network("diabetes"))})
    assert "is not a classifier" in refused(job, model, a_table(job.folder, "diabetes"))


# --- held-out sets -----------------------------------------------------------------------------------------

HEADER = [*(f"f{at}" for at in range(30)), "label"]


def rows(count: int = 4) -> list[list[object]]:
    _, _, features, labels = data("cancer")
    there = [list(labels).index(each) for each in ("bösartig", "gutartig")]
    chosen = [*there, *(at for at in range(len(labels)) if at not in there)][:count]
    return [[*map(float, features[at]), labels[at]] for at in chosen]


def changed(row: int, column: int, value: object) -> list[list[object]]:
    found = rows()
    found[row][column] = value
    return [list(HEADER), *found]


TABLES: dict[str, tuple[list[list[object]], str]] = {
    "empty": ([], "4 BadHeldOut: held-out.csv is empty"),
    "header alone": ([list(HEADER)], "4 BadHeldOut: there is no record"),
    "no label column": (
        [[*HEADER[:-1], "truth"], *rows()],
        "there is no column 'label': the header has 'f0'",
    ),
    "label alone": ([["label"], ["a"], ["b"]], "the features are missing"),
    "twice": ([["f1", *HEADER[1:]], *rows()], "more than one column 'f1'"),
    "ragged": ([list(HEADER), *rows(), rows()[0][:-1]], "record 5 has 30 fields, and the header 31"),
    "text": (changed(1, 2, "très grand"), "record 2, column 'f2': 'très grand' is no number"),
    "gap": (changed(1, 2, ""), "record 2, column 'f2': it is empty"),
    "nan": (changed(1, 2, "nan"), "1 records have NaN or infinity in 'f2'"),
    "infinity": (changed(0, 4, "inf"), "1 records have NaN or infinity in 'f4'"),
    "no label": (changed(2, 30, " "), "1 records have no label, the first of them record 3"),
    "unknown label": (
        changed(2, 30, "良性"),
        "5 LabelMismatch: labels 良性 are none of the model's classes, bösartig",
    ),
    "one class": (
        [list(HEADER), *[[*row[:-1], "gutartig"] for row in rows()]],
        "all 4 labels are 'gutartig': no drop could be seen",
    ),
    "too few features": (
        [HEADER[1:], *[row[1:] for row in rows()]],
        "a record has 29 features, and the model takes 30",
    ),
}


@pytest.mark.parametrize(("table", "told"), TABLES.values(), ids=TABLES)
def test_a_table_that_tells_nothing_is_refused(job: Job, table: list[list[object]], told: str) -> None:
    path = job.folder / "held-out.csv"
    write_table(path, table)
    assert told in refused(job, forest(job), path)


def test_a_table_that_is_no_text_is_refused(job: Job) -> None:
    path = job.folder / "held-out.csv"
    path.write_bytes(b"\xff\xfe\x00label")
    assert "is no CSV file in UTF-8" in refused(job, forest(job), path)


def test_a_byte_order_mark_and_columns_that_are_no_features_are_left_out(job: Job) -> None:
    path = job.folder / "held-out.csv"
    write_table(path, [["größe id", *HEADER], *[[f"kunde {at}", *row] for at, row in enumerate(rows(120))]])
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert "there is no column 'id'" in refused(job, forest(job), path, "--ignore=id")
    assert job.run(forest(job), path, "--ignore=größe id") == 0
    assert job.report["held_out"]["rows"] == 120


def test_a_label_column_may_be_called_anything(job: Job) -> None:
    table = a_table(job.folder, "cancer", label="--gutartig? (ä)")
    assert job.run(forest(job), table, "--label=--gutartig? (ä)") == 0


def arrays(**changes: object) -> dict[str, object]:
    _, _, features, labels = data("cancer")
    return {"X": features[:50], "y": labels[:50], **changes}


ARRAYS: dict[str, tuple[dict[str, object], str]] = {
    "no y": ({"X": np.ones((2, 30))}, "has 'X', and not y with the labels"),
    "no X": ({"y": np.arange(2)}, "has 'y', and not y with the labels"),
    "shapes differ": (
        arrays(y=np.arange(3)),
        "is float64 of shape (50, 30), and not one record for each of 3",
    ),
    "flat": (arrays(X=np.ones(50)), "4 BadHeldOut: a scikit-learn estimator takes one table"),
    "two columns of labels": (arrays(y=np.ones((50, 2))), "not one number or text a record"),
    "objects": (arrays(y=np.array([{}] * 50)), "is no npz file of plain arrays"),
    "none": ({"X": np.ones((0, 30)), "y": np.arange(0)}, "there is no record"),
    "nan label": (arrays(y=np.array([np.nan, 1.0] * 25)), "25 records have no label"),
    "numbers for texts": (arrays(y=np.arange(50) % 2), "labels 0, 1 are none of the model's classes"),
}


@pytest.mark.parametrize(("given", "told"), ARRAYS.values(), ids=ARRAYS)
def test_arrays_that_tell_nothing_are_refused(job: Job, given: dict[str, object], told: str) -> None:
    assert told in refused(job, forest(job), some_arrays(job.folder, **given))


def test_texts_for_a_model_of_numbers_are_refused(job: Job) -> None:
    model = an_archive(job.folder, {"model.joblib": pickled(a_forest("digits"))})
    _, _, features, labels = data("digits")
    told = refused(job, model, some_arrays(job.folder, X=features, y=np.char.mod("no. %d", labels)))
    assert "5 LabelMismatch: labels are no. 0, no. 1" in told
    assert "whole numbers" in told


def test_labels_of_something_else_are_refused_though_they_are_known(job: Job) -> None:
    model = an_archive(job.folder, {"model.joblib": pickled(a_network("digits"))})
    _, _, features, _ = data("digits")
    said = a_network("digits").predict(features)
    told = refused(job, model, some_arrays(job.folder, X=features, y=(said + 1) % 10))
    assert "the model has no record right" in told


def test_numbers_that_are_all_the_same_or_none_are_refused(job: Job) -> None:
    model = an_archive(job.folder, {"model.joblib": pickled(a_network("diabetes"))})
    _, _, features, labels = data("diabetes")
    for wrong, told in (
        (np.full(len(labels), 3.0), "all 177 labels are 3: no drop could be seen"),
        (
            np.where(np.arange(len(labels)) == 1, np.nan, labels),
            "1 labels are NaN or infinite, the first of record 2",
        ),
        (np.char.mod("%d mg", labels), "a label is no number"),
    ):
        assert told in refused(job, model, some_arrays(job.folder, X=features, y=wrong), "--metric=rmse")


def test_missing_values_pass_where_they_are_allowed_and_the_model_takes_them(job: Job) -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier

    features, labels, held_out, truth = data("cancer")
    gaps = np.where(np.random.RandomState(1).rand(*held_out.shape) < 0.05, np.nan, held_out)
    estimator = HistGradientBoostingClassifier(random_state=0, max_iter=20).fit(features, labels)
    model = an_archive(job.folder, {"model.joblib": pickled(estimator)})
    table = some_arrays(job.folder, X=gaps, y=truth)
    assert "NaN or infinity in '0', '1'" in refused(job, model, table)
    assert job.run(model, table, "--allow-missing") == 0
    assert job.report["comparison"]["before"] == pytest.approx(estimator.score(gaps, truth))


def test_features_in_another_order_than_those_of_the_training_are_refused(job: Job) -> None:
    estimator = a_forest("cancer")
    names = np.array(HEADER[:-1], dtype=object)
    estimator.feature_names_in_ = names
    try:
        model = an_archive(job.folder, {"model.joblib": pickled(estimator)})
        path = job.folder / "held-out.csv"
        write_table(path, [["f1", "f0", *HEADER[2:]], *rows()])
        told = refused(job, model, path)
        assert "feature 1 is 'f1', and the model was fitted with 'f0' there" in told
    finally:
        del estimator.feature_names_in_


# --- the command line and the last words -------------------------------------------------------------------

PLACES = [f"--{each}=x" for each in ("model", "held-out", "output", "report")]


@pytest.mark.parametrize(
    "wrong",
    [
        ["--max-drop=1.1"],
        ["--max-drop=-0.1"],
        ["--max-drop=nan"],
        ["--k=0"],
        ["--metric=auc"],
        ["--lab=x"],
        ["x"],
    ],
)
def test_a_wrong_option_is_told_of_before_anything_is_read(
    wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        Options.parse([*PLACES, *wrong])
    assert stopped.value.code == 2
    assert "usage: optimise" in capsys.readouterr().err


def test_places_are_required() -> None:
    with pytest.raises(SystemExit):
        Options.parse(PLACES[1:])


def test_what_is_told_is_one_line_that_sagemaker_keeps() -> None:
    told = OptimiseError("line\n" * 600).told
    assert "\n" not in told
    assert len(told) <= LONGEST_MESSAGE
    assert told.endswith("…")


def test_what_nobody_foresaw_is_told_and_raised(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by what?")

    monkeypatch.setattr("constructs_lib.edge.runtime.optimise.job.timed", broken)
    with pytest.raises(ZeroDivisionError):
        job.run(forest(job), a_table(job.folder, "cancer"))
    assert job.message == "OptimiseError: ZeroDivisionError: by what?"
    assert job.published == []
    assert json.loads((job.report_folder / "report.json").read_text())["comparison"]["rows"] == 228
