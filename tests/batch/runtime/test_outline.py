"""Lists of chunks: each byte of each file once, not too many of them, and only what somebody wants to know."""

from __future__ import annotations

import gzip
import itertools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constructs_lib.batch.runtime import outline
from constructs_lib.batch.runtime.chunks import Chunk
from constructs_lib.batch.runtime.outline import CHUNK_BYTES, MOST_IN_A_GROUP, File, cut, grouped
from constructs_lib.batch.runtime.pairing import MissingOutput
from constructs_lib.batch.runtime.problems import InputChanged
from tests.support.batch_runs import COLUMNS, FOLDER, BatchRun, etag

SINK: dict[str, Any] = {"name": "dynamodb-0", "kind": "dynamodb", "chunk_bytes": 8}


def files(*sizes: int, gzip: bool = False) -> list[File]:
    return [File("out", "b", f"k{number}", size, number, gzip) for number, size in enumerate(sizes)]


@given(st.lists(st.integers(0, 100), max_size=8), st.integers(1, 30), st.integers(1, 40))
@settings(deadline=None)
def test_chunks_fill_the_files_and_are_no_more_than_allowed(sizes: list[int], size: int, most: int) -> None:
    chunks = list(cut(files(*sizes), size, most))
    assert [each.n for each in chunks] == list(range(len(chunks)))
    assert len(chunks) <= max(most, sum(each > 0 for each in sizes))
    for number, whole in enumerate(sizes):
        own = [(each.start, each.end) for each in chunks if each.file == number]
        bounds = [0, *(end for _, end in own)]
        assert own == list(itertools.pairwise(bounds))
        assert bounds[-1] == whole


def test_chunks_are_as_large_as_asked_where_they_are_not_too_many() -> None:
    assert [each.length for each in cut(files(10, 3), 4, 4)] == [4, 4, 2, 3]
    assert [each.length for each in cut(files(10, 3), 4, 3)] == [8, 2, 3]


def test_what_is_compressed_is_one_chunk() -> None:
    assert [(each.start, each.end) for each in cut(files(10, 3, gzip=True), 4)] == [(0, -1), (0, -1)]


def test_a_terabyte_and_a_half_is_cut_into_no_more_than_20_000() -> None:
    chunks = list(cut(files(*[50 << 30] * 31), CHUNK_BYTES))
    assert 10_000 < len(chunks) <= 20_000


def test_a_hundred_thousand_files_are_a_chunk_each() -> None:
    assert sum(1 for _ in cut(files(*[CHUNK_BYTES + 1] * 100_000), CHUNK_BYTES)) == 100_000


# --- groups ---------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 100), max_size=60), st.integers(1, 300), st.integers(1, 12), st.booleans())
@settings(deadline=None)
def test_groups_are_the_chunks_in_their_order_and_none_is_more_than_a_call_takes(
    sizes: list[int], size: int, most: int, gzip: bool
) -> None:
    chunks = list(cut(files(*sizes, gzip=gzip), size))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(outline, "MOST_IN_A_GROUP", most)
        groups = list(grouped(chunks, size))
    assert [each for group in groups for each in group] == chunks
    for group in groups:
        assert 1 <= len(group) <= most
        assert len(group) == 1 or sum(each.length for each in group) <= size
    # No two neighbours would be one group.
    for one, other in itertools.pairwise(groups):
        assert len(one) == most or sum(each.length for each in one) + other[0].length > size


def test_a_group_is_full_by_its_bytes_or_by_its_chunks() -> None:
    assert [len(each) for each in grouped(cut(files(3, 3, 2, 1, 9), 8), 8)] == [3, 1, 1, 1]
    small = grouped(cut(files(*[1] * 250), CHUNK_BYTES), CHUNK_BYTES)
    assert [len(each) for each in small] == [MOST_IN_A_GROUP, MOST_IN_A_GROUP, 50]


def test_many_small_files_are_few_calls() -> None:
    run = BatchRun(
        {f"{number:03}.csv": b"1\n" for number in range(150)}, sinks=[{**SINK, "chunk_bytes": 1000}]
    )
    run.aws.page = 1000
    answer = outlined(run)
    assert answer["chunks"] == {"inspect": 3, "dynamodb-0": 2}
    for name in ("inspect", "dynamodb-0"):
        assert len(run.get(f"chunks/{name}.json")) == answer["chunks"][name]
        assert [each["n"] for each in run.chunks(name)] == list(range(len(run.chunks(name))))
    assert run.run().read_list("inspect") == run.chunks("inspect")


def test_nothing_to_do_is_one_group_of_nothing_and_every_step_does_it() -> None:
    run = BatchRun({"a.csv": b"\n"}, lines=False, columns=COLUMNS, sinks=[SINK])
    run.gather()
    run.transform(lambda _: b"")
    assert run.outline()["chunks"] == {"inspect": 1, "dynamodb-0": 1}
    for name in ("inspect", "dynamodb-0"):
        assert run.get(f"chunks/{name}.json") == [{"chunks": []}]
        assert run.run().read_list(name) == []
    assert run.step("inspect", chunks=[]) == {"records": 0}
    assert run.reconcile() == {"out": 0, "records": 0, "nulls": 0}
    assert run.step("complete")["sinks"] == {"dynamodb-0": {"written": 0, "stale": 0}}


def outlined(run: BatchRun) -> Any:
    run.gather()
    run.transform()
    return run.outline()


def test_the_answer_has_keys_and_numbers_only() -> None:
    run = BatchRun({"de/a.csv": b"1,2\n", "b.csv": b"3\n4\n5,6\n"}, sinks=[SINK])
    assert outlined(run) == {
        "objects": 2,
        "inspect": f"{FOLDER}/chunks/inspect.json",
        "sinks": {"dynamodb-0": f"{FOLDER}/chunks/dynamodb-0.json"},
        "chunks": {"inspect": 1, "dynamodb-0": 3},
    }
    listed = [Chunk.from_json(each) for each in run.chunks("inspect")]
    assert [(each.what, each.key, each.start, each.end, each.file) for each in listed] == [
        ("in", "in/b.csv", 0, 8, 0),
        ("in", "in/de/a.csv", 0, 4, 1),
        ("out", f"{FOLDER}/output/1/b.csv.out", 0, 18, 0),
        ("out", f"{FOLDER}/output/1/de/a.csv.out", 0, 6, 1),
    ]
    assert [each.etag for each in listed] == [etag(b"3\n4\n5,6\n"), etag(b"1,2\n"), "", ""]
    written = [Chunk.from_json(each) for each in run.chunks("dynamodb-0")]
    assert [(each.n, each.start, each.end, each.file) for each in written] == [
        *((0, 0, 8, 0), (1, 8, 16, 0), (2, 16, 18, 0)),
        (3, 0, 6, 1),
    ]
    assert [[each["n"] for each in group["chunks"]] for group in run.get("chunks/dynamodb-0.json")] == [
        [0],
        [1],
        [2, 3],
    ]
    assert {each.bucket for each in [*listed, *written]} == {"captured"}


def test_pairs_are_kept() -> None:
    run = BatchRun({"de/a.csv": b"1\n", "b.csv": b"2\n"})
    outlined(run)
    assert run.get("chunks/pairs.json") == {
        "bucket": "captured",
        "pairs": [
            ["in/b.csv", f"{FOLDER}/output/1/b.csv.out"],
            ["in/de/a.csv", f"{FOLDER}/output/1/de/a.csv.out"],
        ],
    }


def test_outlining_again_gives_the_same() -> None:
    run = BatchRun({"a.csv": b"1\n", "b.csv": b"2\n"}, sinks=[SINK])
    answer = outlined(run)
    there = dict(run.aws.objects)
    assert run.outline() == answer
    assert run.aws.objects == there


def test_only_the_last_attempt_counts() -> None:
    run = BatchRun({"a.csv": b"1\n"})
    run.put("output/1/b.csv.out", b"half")
    run.put("output/10/c.csv.out", b"other")
    run.state["transform"]["attempt"] = 2
    outlined(run)
    assert run.get("chunks/pairs.json")["pairs"] == [["in/a.csv", f"{FOLDER}/output/2/a.csv.out"]]


@pytest.mark.parametrize("more", [True, False])
def test_a_missing_output_is_a_problem_and_so_is_one_too_many(more: bool) -> None:
    run = BatchRun({"a.csv": b"1\n", "b.csv": b"2\n"})
    run.gather()
    run.transform()
    if more:
        run.put("output/1/c.csv.out", b"3\n")
    else:
        del run.aws.objects[f"{FOLDER}/output/1/a.csv.out"]
    with pytest.raises(MissingOutput) as raised:
        run.outline()
    assert run.problems() == {
        "outline-000000.json": {
            "step": "outline",
            "error": "MissingOutput",
            "object": f"s3://captured/{FOLDER}/output/1/",
            "offset": None,
            "reason": str(raised.value),
        }
    }
    assert ("c.csv.out" if more else "in/a.csv") in str(raised.value)
    assert not run.names("chunks/")


class TestWhatIsInspected:
    def kinds(self, run: BatchRun) -> list[str]:
        run.put("finished/1/part-0.csv", b"a,1\n")
        run.put("finished/1/_SUCCESS", b"")
        outlined(run)
        return [each["what"] for each in run.chunks("inspect")]

    def test_with_lines_inputs_and_outputs(self) -> None:
        assert self.kinds(BatchRun({"a.csv": b"1\n"})) == ["in", "out"]

    def test_without_lines_and_readers_nothing(self) -> None:
        assert self.kinds(BatchRun({"a.csv": b"1\n"}, lines=False)) == []

    def test_without_lines_what_is_read(self) -> None:
        assert self.kinds(BatchRun({"a.csv": b"1\n"}, lines=False, columns=COLUMNS)) == ["out"]
        assert self.kinds(BatchRun({"a.csv": b"1\n"}, lines=False, sinks=[SINK])) == ["out"]

    def test_what_a_job_finished_where_it_is_read_or_compared(self) -> None:
        one = {"a.csv": b"1\n"}
        assert self.kinds(BatchRun(one, finishes=True)) == ["in", "out"]
        assert self.kinds(BatchRun(one, finishes=True, columns=COLUMNS)) == ["in", "out", "finished"]
        assert self.kinds(BatchRun(one, finishes=True, columns=COLUMNS, lines=False)) == ["finished"]
        kept = BatchRun(one, finishes=True, finish_keeps_count=True, lines=False)
        assert self.kinds(kept) == ["out", "finished"]

    def test_sinks_read_what_was_finished(self) -> None:
        run = BatchRun({"a.csv": b"1\n"}, finishes=True, sinks=[SINK])
        self.kinds(run)
        assert [each["key"] for each in run.chunks("dynamodb-0")] == [f"{FOLDER}/finished/1/part-0.csv"]

    def test_compressed_inputs_are_whole_and_their_outputs_are_not_compressed(self) -> None:
        run = BatchRun({"a.csv.gz": gzip.compress(b"1\n2\n", mtime=0)}, gzip=True)
        outlined(run)
        given, got = (Chunk.from_json(each) for each in run.chunks("inspect"))
        assert (given.gzip, given.start, given.end) == (True, 0, -1)
        assert (got.gzip, got.start, got.end) == (False, 0, 12)
        assert got.key.endswith("a.csv.gz.out")

    def test_without_lines_inputs_are_looked_at_here(self) -> None:
        run = BatchRun({"a.csv": b"1\n"}, lines=False)
        run.gather()
        run.transform()
        run.aws.objects["in/a.csv"] = b"2\n"
        with pytest.raises(InputChanged):
            run.outline()
        (problem,) = run.problems().values()
        assert problem["object"] == "s3://captured/in/a.csv"


def test_the_answer_stays_small_whatever_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outline, "CHUNK_BYTES", 1)
    run = BatchRun({f"{number:04}/data.csv": b"1,22222222\n" for number in range(2000)}, sinks=[SINK])
    run.aws.page = 1000
    answer = outlined(run)
    assert answer["chunks"]["inspect"] > 4000
    assert len(json.dumps(answer)) < 1000
