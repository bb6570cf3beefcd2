"""As many records out as in, of each object; and otherwise no run."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constructs_lib.batch.runtime import outline
from constructs_lib.batch.runtime.problems import CountMismatch, MissingResult
from constructs_lib.batch.runtime.reconcile import reconcile
from tests.support.batch_runs import COLUMNS, FOLDER, BatchRun, scored

SINK: dict[str, Any] = {"name": "dynamodb-0", "kind": "dynamodb", "chunk_bytes": 8}
FILES = st.dictionaries(
    st.sampled_from(["a.csv", "de/a.csv", "fr/a.csv", "fr/b.csv"]),
    st.lists(st.sampled_from([b"1,2", b"3", b"", b"\r", b"long" * 9]), min_size=1, max_size=8).map(
        b"\n".join
    ),
    min_size=1,
).map(lambda files: {name: body or b"\n" for name, body in files.items()})


def records_of(body: bytes) -> int:
    return sum(1 for line in body.split(b"\n") if line.strip())


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outline, "CHUNK_BYTES", 7)


@pytest.mark.usefixtures("small_chunks")
class TestCounts:
    @given(FILES)
    @settings(max_examples=40, deadline=None)
    def test_what_goes_well_is_summed_up(self, files: dict[str, bytes]) -> None:
        found = BatchRun(files).play()
        records = sum(map(records_of, files.values()))
        assert found == {"in": records, "out": records, "records": records, "nulls": 0}

    @given(FILES, st.data())
    @settings(max_examples=40, deadline=None)
    def test_one_record_less_or_more_in_one_object_is_found(
        self, files: dict[str, bytes], data: st.DataObject
    ) -> None:
        spoiled = data.draw(st.sampled_from(sorted(files)))
        run = BatchRun(files)
        run.gather()
        run.transform()
        run.outline()
        key = dict(run.get("chunks/pairs.json")["pairs"])[f"in/{spoiled}"]
        output = run.aws.objects[key]
        less = output and data.draw(st.booleans())
        run.aws.objects[key] = output[output.index(b"\n") + 1 :] if less else output + b"9,0.5"
        run.outline()
        run.inspect()
        given_ = records_of(files[spoiled])
        with pytest.raises(
            CountMismatch, match=f"in in/{spoiled} {given_} in, {given_ + (-1 if less else 1)} out"
        ):
            run.reconcile()


def test_nulls_are_of_what_sinks_read() -> None:
    run = BatchRun({"a.csv": b"1,\n2,\n"}, columns=COLUMNS)
    assert run.play(lambda _: b"1,\n2,0.5\n") == {"in": 2, "out": 2, "records": 2, "nulls": 1}


def test_reconciling_again_gives_the_same() -> None:
    run = BatchRun({"a.csv": b"1\n2\n"})
    found = run.play()
    there = dict(run.aws.objects)
    assert run.reconcile() == found
    assert run.aws.objects == there


def test_the_time_of_the_counts_is_told_in_milliseconds() -> None:
    run = BatchRun({"a.csv": b"1\n"})
    counts = run.play()
    assert reconcile(run.run(), 1_795_921_200.12345) == {"counts": counts, "at": 1_795_921_200_123}


def test_the_error_tells_all_and_where() -> None:
    run = BatchRun({"7.csv": b"1\n" * 1500, "8.csv": b"1\n" * 500})
    with pytest.raises(CountMismatch) as raised:
        run.play(lambda body: scored(body)[: -6 * 2 if len(body) > 1000 else None])
    assert str(raised.value) == "2,000 records in, 1,998 out; in in/7.csv 1,500 in, 1,498 out"
    assert run.problems() == {
        "reconcile-000000.json": {
            "step": "reconcile",
            "error": "CountMismatch",
            "object": "s3://captured/in/7.csv",
            "offset": None,
            "reason": "1,500 records in, 1,498 out",
        }
    }
    assert run.names("output/") == ["1/7.csv.out", "1/8.csv.out"]


def test_differences_that_make_up_for_each_other_are_found() -> None:
    run = BatchRun({"a.csv": b"1\n2\n", "b.csv": b"3\n"})
    with pytest.raises(CountMismatch) as raised:
        run.play(lambda body: b"9,0.5\n" * (1 if len(body) > 2 else 2))
    assert str(raised.value) == ("3 records in, 3 out; in in/a.csv 2 in, 1 out, in in/b.csv 1 in, 2 out")


def test_the_error_names_five_objects_and_so_many_problems_there_are() -> None:
    run = BatchRun({f"{number}.csv": b"1\n" * number for number in range(1, 9)})
    with pytest.raises(CountMismatch) as raised:
        run.play(lambda _: b"")
    assert str(raised.value).startswith("36 records in, 0 out; in in/8.csv 8 in, 0 out, in in/7.csv")
    assert str(raised.value).endswith("in in/4.csv 4 in, 0 out and 3 more")
    assert len(run.problems()) == 5


def test_an_object_of_blank_lines_has_no_records() -> None:
    run = BatchRun({"a.csv": b"1\n", "b.csv": b"\n \n"})
    assert run.play()["records"] == 1
    run = BatchRun({"b.csv": b"\n"})
    assert run.play()["records"] == 0


class TestWithoutLines:
    def test_records_of_what_is_read_are_told(self) -> None:
        run = BatchRun({"a.json": b"{}"}, lines=False, sinks=[SINK])
        assert run.play(lambda _: b"1\n2\n3\n") == {"out": 3, "records": 3, "nulls": 0}

    def test_of_what_nobody_reads_nothing_is_known(self) -> None:
        run = BatchRun({"a.json": b"{}"}, lines=False)
        assert run.play(lambda _: b"1\n2\n3\n") == {"records": 0, "nulls": 0}


class TestFinished:
    def run_of(self, finished: bytes, **more: Any) -> BatchRun:
        run = BatchRun({"a.csv": b"1\n2\n"}, finishes=True, **more)
        run.put("finished/1/part-0.csv", finished)
        return run

    def test_it_may_have_another_number_of_records(self) -> None:
        found = self.run_of(b"1,2\n", columns=COLUMNS).play()
        assert found == {"in": 2, "out": 2, "finished": 1, "records": 1, "nulls": 0}

    def test_unless_the_job_keeps_it(self) -> None:
        assert self.run_of(b"1\n2\n", finish_keeps_count=True).play()["finished"] == 2
        run = self.run_of(b"1\n", finish_keeps_count=True)
        with pytest.raises(CountMismatch, match=r"^2 records of output, 1 after the post-processing job$"):
            run.play()
        (problem,) = run.problems().values()
        assert problem["object"] == f"s3://captured/{FOLDER}/finished/1/"


class TestResults:
    def test_a_chunk_that_was_not_counted_is_no_success(self) -> None:
        run = BatchRun({"a.csv": b"1\n"})
        run.play()
        del run.aws.objects[f"{FOLDER}/counts/000001.json"]
        with pytest.raises(MissingResult, match=r"counts/000001\.json"):
            run.reconcile()

    @pytest.mark.parametrize(("name", "value"), [("n", 5), ("key", "other"), ("start", 1), ("what", "in")])
    def test_nor_is_the_result_of_another_chunk(self, name: str, value: object) -> None:
        run = BatchRun({"a.csv": b"1\n"})
        run.play()
        found = run.get("counts/000001.json")
        run.put("counts/000001.json", json.dumps({**found, name: value}).encode())
        with pytest.raises(MissingResult, match=r"000001\.json is not of .*output/1/a\.csv\.out from byte 0"):
            run.reconcile()

    def test_of_many_each_is_read_once(self) -> None:
        run = BatchRun({"a.csv": b"1\n"})
        run.play()
        (given_, got) = run.chunks("inspect")
        chunks = [{**given_, "n": 0}, *({**got, "n": n, "start": n - 1} for n in range(1, 2000))]
        run.put(
            "chunks/inspect.json",
            json.dumps([{"chunks": each} for each in (chunks[:7], [], chunks[7:])]).encode(),
        )
        count = run.get("counts/000001.json")
        for n in range(1, 2000):
            told = {**count, "n": n, "start": n - 1, "records": n == 1}
            run.put(f"counts/{n:06}.json", json.dumps(told).encode())
        run.aws.calls.clear()
        assert run.reconcile() == {"in": 1, "out": 1, "records": 1, "nulls": 0}
        # The list, the pairs, and each count.
        assert run.aws.calls == ["GetObject"] * 2002
