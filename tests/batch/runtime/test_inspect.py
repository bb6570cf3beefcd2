"""Records of chunks: whatever the file and however it is cut, none is missed and none is counted twice."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constructs_lib.batch.runtime import chunks
from constructs_lib.batch.runtime.chunks import ObjectChanged, UnreadableObject
from constructs_lib.batch.runtime.inspect_chunk import inspect
from constructs_lib.batch.runtime.outline import File, cut
from constructs_lib.batch.runtime.problems import InputChanged
from constructs_lib.batch.runtime.rows import BadRecord
from tests.support.batch_runs import COLUMNS, FOLDER, BatchRun, scored

BODIES = st.lists(
    st.sampled_from([b"a,1", b"b,", b"\n", b"\r\n", b" ", b"\n\n", b"\n \t\r\n", b"long" * 5, b"\n"]),
    max_size=16,
).map(b"".join)


def records_of(body: bytes) -> int:
    return sum(1 for line in body.split(b"\n") if line.strip())


def counted(run: BatchRun, body: bytes, size: int) -> list[Any]:
    run.put("output/1/a.csv.out", body)
    file = File("out", "captured", f"{FOLDER}/output/1/a.csv.out", len(body), 0)
    parts = list(cut([file], size))
    for part in parts:
        inspect(run.run(), part.to_json())
    return [run.get(f"counts/{part.n:06}.json") for part in parts]


@given(BODIES, st.integers(1, 50))
@settings(deadline=None)
def test_the_chunks_of_any_file_have_its_records_together(body: bytes, size: int) -> None:
    found = counted(BatchRun({}), body, size)
    assert sum(each["records"] for each in found) == records_of(body)
    assert sum(each["bytes"] for each in found) == len(body)


@given(
    st.lists(st.sampled_from(["x,1", "y,", "z,0.5", "", " "]), max_size=12), st.booleans(), st.integers(1, 9)
)
@settings(deadline=None)
def test_so_have_they_where_each_record_is_read(lines: list[str], ends: bool, size: int) -> None:
    body = "\r\n".join(lines).encode() + (b"\n" if ends else b"")
    found = counted(BatchRun({}, columns=COLUMNS), body, size)
    assert sum(each["records"] for each in found) == records_of(body)
    assert sum(each["nulls"] for each in found) == lines.count("y,")


@pytest.mark.parametrize("body", [b"", b"\n", b"\n\n \r\n", b"1", b"1\n", b"1\r\n\r\n2", b"\n1\n", b"  1\n"])
def test_the_edges_of_files(body: bytes) -> None:
    for size in (1, 2, 100):
        assert sum(each["records"] for each in counted(BatchRun({}), body, size)) == records_of(body)


def test_a_result_says_where_it_belongs() -> None:
    run = BatchRun({}, columns=COLUMNS)
    _, second = counted(run, b"a,1\nb,\n", 4)
    assert second == {
        "n": 1,
        "what": "out",
        "key": f"{FOLDER}/output/1/a.csv.out",
        "start": 4,
        "records": 1,
        "bytes": 3,
        "nulls": 1,
    }


def inspected(run: BatchRun, model: Any = scored) -> None:
    run.gather()
    run.transform(model)
    run.outline()
    run.inspect()


def test_inspecting_again_gives_the_same() -> None:
    run = BatchRun({"a.csv": b"1\n2\n", "b.csv": b"3\n"}, columns=COLUMNS)
    inspected(run)
    there = dict(run.aws.objects)
    run.inspect()
    assert run.aws.objects == there


def test_compressed_inputs_are_counted() -> None:
    run = BatchRun({"a.csv.gz": gzip.compress(b"1\n\n2\n3", mtime=0)}, gzip=True)
    inspected(run)
    assert [run.get(f"counts/00000{n}.json")["records"] for n in (0, 1)] == [3, 3]


class TestProblems:
    def test_a_record_that_is_none(self) -> None:
        run = BatchRun({"a.csv": b"1\n2\n"}, columns=COLUMNS)
        with pytest.raises(BadRecord, match=r"a.csv.out, byte 6: score is 'high'"):
            inspected(run, lambda _: b"1,0.5\n2,high\n")
        assert run.problems() == {
            "inspect-000001.json": {
                "step": "inspect",
                "error": "BadRecord",
                "object": f"s3://captured/{FOLDER}/output/1/a.csv.out",
                "offset": 6,
                "reason": "score is 'high', which is no finite number",
            }
        }
        assert run.names("counts/") == ["000000.json"]

    def test_inputs_are_read_by_no_columns(self) -> None:
        inspected(BatchRun({"a.csv": b"1,no,number,at,all\n"}, columns=COLUMNS))

    def test_output_that_a_job_reads_on_is_read_by_no_columns(self) -> None:
        run = BatchRun({"a.csv": b"1\n"}, columns=COLUMNS, finishes=True)
        run.put("finished/1/part-0.csv", b"1,0.5\n")
        inspected(run, lambda _: b"{}\n")
        run.put("finished/1/part-0.csv", b"{}\n")
        run.outline()
        with pytest.raises(BadRecord):
            run.inspect()

    @pytest.mark.parametrize("now", [b"9\n", None])
    def test_an_input_that_was_replaced_since_the_plan(self, now: bytes | None) -> None:
        run = BatchRun({"a.csv": b"1\n"})
        run.gather()
        run.transform()
        run.outline()
        run.aws.objects = {key: body for key, body in run.aws.objects.items() if key != "in/a.csv"}
        if now is not None:
            run.aws.objects["in/a.csv"] = now
        with pytest.raises(InputChanged, match=r"s3://captured/in/a.csv is not what it was"):
            run.inspect()
        (problem,) = run.problems().values()
        assert (problem["error"], problem["object"]) == ("InputChanged", "s3://captured/in/a.csv")

    def test_an_output_that_is_gone_since_the_lists_were_made(self) -> None:
        run = BatchRun({"a.csv": b"1\n"})
        run.gather()
        run.transform()
        run.outline()
        del run.aws.objects[f"{FOLDER}/output/1/a.csv.out"]
        with pytest.raises(ObjectChanged):
            run.inspect()
        (problem,) = run.problems().values()
        assert problem["error"] == "ObjectChanged"

    def test_what_is_no_gzip_file(self) -> None:
        run = BatchRun({"a.csv.gz": gzip.compress(b"1\n", mtime=0)[:-3]}, gzip=True)
        run.gather()
        run.put("output/1/a.csv.gz.out", b"1\n")
        run.outline()
        with pytest.raises(UnreadableObject):
            run.inspect()
        assert len(run.problems()) == 1

    def test_what_a_further_try_may_mend_is_no_problem(self) -> None:
        run = BatchRun({"a.csv": b"1\n"})
        run.gather()
        run.transform()
        run.outline()
        run.aws.breaks_after = 0
        with pytest.raises(Exception, match="broken"):
            run.inspect()
        assert run.problems() == {}


def test_memory_is_bounded_and_each_byte_is_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "BLOCK", 1 << 20)
    body = b"0.12345,0.6789,customer-000001\n" * (1 << 20)
    run = BatchRun({})
    run.put("output/1/a.csv.out", body)
    file = File("out", "captured", f"{FOLDER}/output/1/a.csv.out", len(body), 0)
    (part,) = cut([file], len(body))
    tracemalloc.start()
    try:
        assert inspect(run.run(), part.to_json()) == 1 << 20
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # The bucket's own slices of 1 MiB are in what is traced.
    assert peak < 12 << 20 < len(body)
    assert run.aws.calls.count("GetObject") == len(body) >> 20


def test_the_answer_is_small() -> None:
    run = BatchRun({})
    run.put("output/1/a.csv.out", b"1\n")
    (part,) = cut([File("out", "captured", f"{FOLDER}/output/1/a.csv.out", 2, 0)], 10)
    assert len(json.dumps(run.step("inspect", chunks=[part.to_json()]))) < 50
