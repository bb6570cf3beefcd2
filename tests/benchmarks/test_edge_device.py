"""The benchmark of the device's program runs: on few requests and records; its arithmetic is right."""

from __future__ import annotations

import os
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from benchmarks import edge_device, edge_models
from benchmarks.claim import Claim
from benchmarks.edge_appends import Plain
from benchmarks.edge_device import Sides, in_turns
from benchmarks.edge_models import KINDS, Kind, Request, layers


def test_a_ratio_is_one_of_medians() -> None:
    bare, ours = [1.0, 2.0, 3.0], [4.0, 1e9, 3.0]
    found = Sides(bare=bare, ours=ours, bare_cpu=0.5, ours_cpu=0.75)
    assert found.ratio == 2
    assert found.cpu_ratio == 1.5
    assert str(found).startswith("2000.000 ms bare, 4000.000 ms of the program; 500.000 and 750.000 ms")


def test_the_sides_take_turns_and_the_program_answers_for_all_its_time() -> None:
    done: list[str] = []
    clock = iter([10.0, 16.0])
    found = in_turns(
        lambda: done.append("bare"), lambda: done.append("ours"), lambda: next(clock), turn=2, turns=3
    )
    assert done == (["bare"] * 2 + ["ours"] * 2) * 3
    assert len(found.bare) == len(found.ours) == 6
    assert found.ours_cpu == pytest.approx(1.0, abs=0.01)
    assert found.bare_cpu < 0.01


def test_the_clock_of_a_process_is_its_own() -> None:
    before = edge_device.processor_seconds(os.getpid()), time.process_time()
    sum(range(300_000))
    after = edge_device.processor_seconds(os.getpid()), time.process_time()
    assert after[0] - before[0] == pytest.approx(after[1] - before[1], rel=0.2)


@pytest.mark.parametrize(("wanted", "count"), [(4.0, 4), (24.0, 24), (10.0, 10), (0.1, 1)])
def test_layers_are_as_many_as_the_time_asks_for(wanted: float, count: int) -> None:
    assert layers(wanted, few=4.0, many=24.0) == count


def test_where_layers_take_no_time_there_are_many() -> None:
    assert layers(5.0, few=1.0, many=1.0) == 24


@pytest.mark.parametrize("request_", list(Request))
def test_each_model_takes_its_record(request_: Request) -> None:
    made = edge_models.session(edge_models.stacked(request_, 2))
    (answer,) = made.run(None, {"X": request_.record()})
    assert answer.shape[:2] == (1, 32)
    assert np.isfinite(answer).all()
    assert (answer != 0).any()


def test_the_models_are_those_of_the_aims() -> None:
    assert [each.milliseconds for each in KINDS] == [None, 1, 5, 5]
    assert len({each.name for each in KINDS}) == len(KINDS)


def test_requests_are_measured_beside_the_session() -> None:
    tiny = Kind(name="tiny", request=Request.ROW, milliseconds=None)
    told, claim, in_processor_time = list(edge_device.requests([tiny], seconds=0.1))
    assert "of the program" in str(told)
    assert isinstance(claim, Claim)
    assert isinstance(in_processor_time, Claim)
    assert in_processor_time.ratio > 1
    assert claim.ratio > 1, "a socket costs something"


def test_recovery_finds_every_record_of_a_writer_that_was_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge_device, "REPEATS", 1)
    lines = list(edge_device.recovery(10, 50))
    assert [str(each).split(" records")[0].strip() for each in lines[:4:2]] == ["10", "50"]
    assert isinstance(lines[-1], Claim)
    assert lines[-1].aim == edge_device.LINEAR


@pytest.mark.parametrize("fsync", ["batch", "always"])
def test_a_plain_file_has_what_was_appended(tmp_path: Path, fsync: str) -> None:
    plain = Plain(tmp_path / "plain", fsync=fsync)
    for at in range(300):
        plain.append(b"%d\n" % at)
    plain.close()
    numbers = [int(each) for each in (tmp_path / "plain").read_text().split()]
    assert numbers[0] == 0
    assert len(numbers) == 300
    assert all(later == earlier + 1 for earlier, later in pairwise(numbers))


def test_memory_is_that_of_a_process_with_the_same_model() -> None:
    tiny = Kind(name="tiny", request=Request.ROW, milliseconds=None)
    told, claim = list(edge_device.memory([tiny]))
    assert "MiB" in str(told)
    assert isinstance(claim, Claim)
    assert 0.5 < claim.ratio < 3
