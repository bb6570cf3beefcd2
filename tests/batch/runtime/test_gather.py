"""What the transform job is told to read."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from constructs_lib.batch.runtime.gather import common_folder, manifest
from constructs_lib.batch.runtime.problems import InputChanged, NothingPrepared
from tests.support.batch_runs import FOLDER, BatchRun, etag
from tests.support.fake_aws import Refused

KEYS = st.lists(st.sampled_from(["a", "b", "day=1", "x.csv"]), min_size=1, max_size=4).map("/".join)


@given(st.lists(KEYS, min_size=1, max_size=6, unique=True))
@settings(deadline=None)
def test_a_manifest_names_each_object_below_the_deepest_common_folder(keys: list[str]) -> None:
    first, *rest = manifest("b", keys)
    assert [first["prefix"] + each for each in rest] == [f"s3://b/{key}" for key in keys]
    assert all(rest)
    folder = common_folder(keys)
    assert folder == "" or folder.endswith("/")
    # There is no deeper one.
    left = [key.removeprefix(folder) for key in keys]
    assert any("/" not in each for each in left) or len({each.split("/")[0] for each in left}) > 1


def test_the_objects_of_the_plan_are_read() -> None:
    run = BatchRun({"de/a.csv": b"1\n2\n", "fr/a.csv": b"3\n", "b.csv": b"4\n"})
    answer = run.gather()
    assert answer == {"manifest": f"s3://captured/{FOLDER}/input.manifest", "objects": 3, "bytes": 8}
    assert run.get("input.manifest") == [{"prefix": "s3://captured/in/"}, "b.csv", "de/a.csv", "fr/a.csv"]
    assert "HeadObject" not in run.aws.calls


def test_a_plan_in_another_order_is_read_the_same() -> None:
    run = BatchRun({"a.csv": b"1\n", "b.csv": b"2\n"})
    run.gather()
    there = dict(run.aws.objects)
    plan = run.get("plan.json")
    run.put("plan.json", json.dumps({**plan, "objects": plan["objects"][::-1]}).encode())
    run.gather()
    assert run.get("gathered.json") == json.loads(there[f"{FOLDER}/gathered.json"])
    assert run.aws.objects[f"{FOLDER}/input.manifest"] == there[f"{FOLDER}/input.manifest"]


def test_gathering_again_gives_the_same() -> None:
    run = BatchRun({"a.csv": b"1\n"})
    answer = run.gather()
    there = dict(run.aws.objects)
    assert run.gather() == answer
    assert run.aws.objects == there


class TestPrepared:
    def test_the_job_that_prepares_reads_the_objects_of_the_plan(self) -> None:
        run = BatchRun({"de/a.csv": b"1\n", "b.csv": b"2\n"}, prepares=True)
        answer = run.step("list")
        assert answer == {"manifest": f"s3://captured/{FOLDER}/planned.manifest"}
        assert run.get("planned.manifest") == [{"prefix": "s3://captured/in/"}, "b.csv", "de/a.csv"]
        there = dict(run.aws.objects)
        assert run.step("list") == answer
        assert run.aws.objects == there
        # What it makes of them is read by the transform job, and is another manifest.
        run.put("prepared/1/part-0.csv", b"5\n")
        run.gather()
        assert run.aws.objects[f"{FOLDER}/planned.manifest"] == there[f"{FOLDER}/planned.manifest"]

    def test_what_the_last_attempt_made_is_read_but_for_markers_and_empty_files(self) -> None:
        run = BatchRun({"a.csv": b"1\n"}, prepares=True)
        run.state["prepare"]["attempt"] = 2
        for name in ("1/part-0.csv", "2/x/part-0.csv", "2/x/part-1.csv", "2/_SUCCESS", "2/x/.part-0.csv.crc"):
            run.put(f"prepared/{name}", b"5\n")
        run.put("prepared/2/x/empty.csv", b"")
        assert run.gather() == {
            "manifest": f"s3://captured/{FOLDER}/input.manifest",
            "objects": 2,
            "bytes": 4,
        }
        assert run.get("input.manifest") == [
            {"prefix": f"s3://captured/{FOLDER}/prepared/2/x/"},
            "part-0.csv",
            "part-1.csv",
        ]

    def test_nothing_is_an_error(self) -> None:
        run = BatchRun({"a.csv": b"1\n"}, prepares=True)
        run.put("prepared/1/_SUCCESS", b"done")
        with pytest.raises(NothingPrepared, match=f"wrote nothing to s3://captured/{FOLDER}/prepared/1/"):
            run.gather()

    def test_the_objects_that_were_prepared_are_those_of_the_plan(self) -> None:
        run = BatchRun({"a.csv": b"1\n", "b.csv": b"2\n", "c.csv": b"3\n"}, prepares=True)
        run.put("prepared/1/part-0.csv", b"5\n")
        run.gather()
        run.aws.objects["in/a.csv"] = b"9\n"
        del run.aws.objects["in/c.csv"]
        with pytest.raises(InputChanged) as raised:
            run.gather()
        assert str(raised.value) == (
            "2 of 3 input objects are not what they were when the run was planned: in/a.csv, in/c.csv"
        )
        (problem,) = run.problems().values()
        assert problem == {
            "step": "input",
            "error": "InputChanged",
            "object": "s3://captured/in/a.csv",
            "offset": None,
            "reason": str(raised.value),
        }

    def test_trouble_that_is_not_the_objects_is_no_change(self) -> None:
        run = BatchRun({"a.csv": b"1\n"}, prepares=True)
        run.put("prepared/1/part-0.csv", b"5\n")
        run.aws.refused = {"HeadObject": Refused("403", "Forbidden")}
        with pytest.raises(ClientError, match="403"):
            run.gather()
        assert run.problems() == {}

    def test_etags_may_be_quoted_in_the_plan(self) -> None:
        run = BatchRun({"a.csv": b"1\n"}, prepares=True)
        run.put("prepared/1/part-0.csv", b"5\n")
        plan = run.get("plan.json")
        plan["objects"][0][2] = '"' + etag(b"1\n") + '"'
        run.put("plan.json", json.dumps(plan).encode())
        run.gather()
