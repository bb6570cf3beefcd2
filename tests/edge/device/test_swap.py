"""Which model is served: the newest instruction leads, and the last good model is what remains."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from constructs_lib.edge.runtime.device import swap as subject
from constructs_lib.edge.runtime.device.errors import NoVerdict
from constructs_lib.edge.runtime.device.files import read_json, write_json
from constructs_lib.edge.runtime.device.handover import Handover, hand_over
from constructs_lib.edge.runtime.device.models import KILLED, ModelStore
from constructs_lib.edge.runtime.device.predictor import Predictor
from constructs_lib.edge.runtime.device.swap import Swapper

from .support import REPOSITORY, constant_archive, constant_model


class Counts:
    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()

    def swap(self) -> None:
        self.seen["swap"] += 1

    def fallback(self) -> None:
        self.seen["fallback"] += 1

    def rejected_model(self) -> None:
        self.seen["rejected"] += 1


class Device:
    """A device's disk, and programs that start on it, one after another."""

    def __init__(self, tmp_path: Path) -> None:
        self.tmp_path, self.root = tmp_path, tmp_path / "root"
        self.store = ModelStore(self.root)
        self.boot()

    def boot(self) -> Device:
        """Another start of the program, which the last one did not see coming."""
        self.counts, self.reports = Counts(), list[dict[str, Any]]()
        self.swapper = Swapper(self.store, counts=self.counts, program="p", on_report=self.reports.append)
        self.swapper.start()
        return self

    def offer(self, number: int, version: str | None = None, **more: bytes) -> None:
        archive = constant_archive(self.tmp_path, number, **more)
        given = Handover(
            root=self.root, archive=archive, version=version or f"v{number}", socket=self.root / "s", wait=0
        )
        hand_over(given, lambda _: None)

    def look(self) -> Device:
        self.swapper.look()
        return self

    @property
    def serves(self) -> str | None:
        return self.swapper.current.version if self.swapper.current else None

    @property
    def said(self) -> float:
        assert self.swapper.current is not None
        found = self.swapper.current.predictor.predict({"X": np.zeros((1, 4), np.float32)})["which"]
        assert isinstance(found, np.ndarray)
        return float(found[0, 0])

    @property
    def verdict(self) -> str:
        return str(self.swapper.status()["offer"]["verdict"])


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(tmp_path)


BAD = {"model_onnx": b"not a model"}


def test_nothing_is_served_where_nothing_is(device: Device) -> None:
    assert device.serves is None
    assert device.swapper.status() == {
        "model": {
            "version": None,
            "status": "none",
            "wanted": None,
            "previous": None,
            "since": 0,
            "program": "p",
        },
        "offer": None,
    }


def test_offers_are_served_and_told_of(device: Device) -> None:
    device.offer(1)
    device.look()
    device.offer(2)
    device.look()
    assert (device.serves, device.said, device.verdict) == ("v2", 2.0, "serving")
    assert [(each["status"], each["version"], each["wanted"]) for each in device.reports] == [
        ("none", None, None),
        ("loading", None, "v1"),
        ("serving", "v1", "v1"),
        ("loading", "v1", "v2"),
        ("serving", "v2", "v2"),
    ]
    assert device.reports[-1]["previous"] == "v1"
    assert device.counts.seen == {"swap": 1}
    device.look()
    assert len(device.reports) == 5


def test_a_start_serves_what_was_served(device: Device) -> None:
    device.offer(1)
    since = device.look().reports[-1]["since"]
    device.boot()
    assert (device.serves, device.reports[-1]["since"]) == ("v1", since)
    assert device.counts.seen == {}


def test_a_rejected_model_is_tried_again_only_when_it_is_offered_again(device: Device) -> None:
    device.offer(1)
    device.look()
    device.offer(2, **BAD)
    device.look().look()
    assert (device.serves, device.verdict) == ("v1", "rejected")
    assert device.counts.seen == {"rejected": 1, "fallback": 1}
    device.boot()
    assert (device.serves, device.verdict, device.counts.seen) == ("v1", "rejected", {})
    device.offer(2)
    assert (device.look().serves, device.verdict) == ("v2", "serving")
    assert device.store.state().rejected == {}


def test_the_newest_instruction_leads(device: Device) -> None:
    device.offer(1)
    device.look()
    device.offer(2)
    device.look()
    device.swapper.want("v1")
    assert device.swapper.wake.is_set()
    assert (device.look().serves, device.verdict) == ("v1", "overtaken")
    device.offer(3)
    assert (device.look().serves, device.verdict) == ("v3", "serving")
    # What the shadow says at each connection is no new wish.
    device.swapper.want("v1")
    assert device.look().serves == "v3"
    device.boot().swapper.want("v1")
    assert device.look().serves == "v3"
    device.swapper.want("v3")
    assert device.look().serves == "v3"


def test_no_wish_is_the_newest_offer(device: Device) -> None:
    for number in (1, 2):
        device.offer(number)
        device.look()
    device.swapper.want("v1")
    assert device.look().serves == "v1"
    device.swapper.want(None)
    assert device.look().serves == "v2"


def test_a_wish_for_what_is_not_here_changes_nothing(device: Device) -> None:
    device.offer(1)
    device.look()
    device.swapper.want("v9")
    assert device.look().serves == "v1"
    assert device.reports[-1]["reason"] == "v9 is not on this device"
    assert device.reports[-1]["wanted"] == "v9"
    device.swapper.want("../../etc")
    assert device.look().serves == "v1"


def test_three_models_stay_on_the_disk(device: Device) -> None:
    for number in range(1, 6):
        device.offer(number)
        device.look()
    assert device.store.versions() == ["v4", "v5"]
    device.offer(6, **BAD)
    device.look()
    assert device.store.versions() == ["v4", "v5", "v6"]


def test_a_version_that_means_another_model_now_is_loaded(device: Device) -> None:
    device.offer(1, "same")
    device.look()
    device.offer(2, "same")
    device.look()
    assert (device.serves, device.said) == ("same", 2.0)


def test_damage_on_the_disk_falls_back_to_the_model_before(device: Device) -> None:
    for number in (1, 2):
        device.offer(number)
        device.look()
    (device.store.folder("v2") / "model.onnx").write_bytes(constant_model(3))
    device.boot()
    assert device.serves == "v1"
    assert "damaged on the disk" in device.reports[-1]["reason"]
    assert device.counts.seen == {"rejected": 1, "fallback": 1}
    device.offer(2)
    assert device.look().serves == "v2"


def test_a_model_gone_from_the_disk_serves_on_and_the_next_start_falls_back(device: Device) -> None:
    for number in (1, 2):
        device.offer(number)
        device.look()
    device.store.folder("v2").rename(device.tmp_path / "gone")
    assert device.look().serves == "v2"
    assert device.boot().serves == "v1"


class TestDeath:
    def test_while_loading_the_next_start_falls_back(self, device: Device) -> None:
        for number in (1, 2):
            device.offer(number)
            device.look()
        device.store.begin_loading("v2")
        device.boot()
        assert device.serves == "v1"
        assert device.reports[-1]["reason"] == KILLED
        assert device.boot().serves == "v1"
        device.swapper.want("v2")
        assert device.look().serves == "v1"

    def test_of_a_process_while_loading_leaves_a_mark(self, device: Device) -> None:
        device.offer(1)
        device.look()
        device.offer(2)
        code = f"""
import os, signal
from pathlib import Path
from constructs_lib.edge.runtime.device.models import ModelStore
from constructs_lib.edge.runtime.device.predictor import Predictor
from constructs_lib.edge.runtime.device.summary import Counts
from constructs_lib.edge.runtime.device.swap import Swapper
check = Predictor.check
def killed(self, folder):
    if folder.name == "v2":
        os.kill(os.getpid(), signal.SIGKILL)
    return check(self, folder)
Predictor.check = killed
Swapper(ModelStore(Path({str(device.root)!r})), counts=Counts(), program="p", on_report=print).start()
"""
        died = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True)
        assert died.returncode == -signal.SIGKILL, died.stderr
        device.boot()
        assert device.serves == "v1"
        assert device.reports[-1]["reason"] == KILLED

    def test_of_the_only_model_it_is_tried_apart(self, device: Device) -> None:
        device.offer(1)
        device.look()
        device.store.begin_loading("v1")
        assert device.boot().serves == "v1"
        assert device.counts.seen == {"rejected": 1, "fallback": 1}

    @pytest.mark.parametrize("moment", ["trial", "load", "check", "save", "prune"])
    def test_at_any_moment_of_a_swap_a_good_model_serves_next(
        self, device: Device, moment: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        device.offer(1)
        device.look()
        device.offer(2)

        class Death(BaseException):
            pass

        def die(*_: object, **__: object) -> None:
            raise Death

        places: dict[str, Callable[[], None]] = {
            "trial": lambda: monkeypatch.setattr(subject, "try_model", die),
            "load": lambda: monkeypatch.setattr(Predictor, "__init__", die),
            "check": lambda: monkeypatch.setattr(Predictor, "check", die),
            "save": lambda: monkeypatch.setattr(ModelStore, "save", _after(device.store, 1, die)),
            "prune": lambda: monkeypatch.setattr(ModelStore, "prune", die),
        }
        places[moment]()
        with pytest.raises(Death):
            device.look()
        monkeypatch.undo()
        device.boot()
        assert (device.serves, device.said) == ("v2", 2.0)

    def test_an_end_that_was_asked_for_is_no_models_fault(self, device: Device) -> None:
        device.offer(1)
        device.look()
        device.offer(2)
        device.swapper.close()
        device.look()
        assert device.serves == "v1"
        assert device.store.died_loading() is None
        assert device.store.state().rejected == {}
        assert device.boot().serves == "v2"


def _after(store: ModelStore, times: int, then: Callable[..., None]) -> Callable[..., None]:
    """Save so often, and then not."""
    save, left = store.save, [times]

    def saved(_: ModelStore, state: Any) -> None:
        left[0] -= 1
        if left[0] < 0:
            then()
        save(state)

    return saved


def test_what_is_served_was_written_down_before(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    save, seen = ModelStore.save, list[tuple[str | None, str | None]]()

    def saved(store: ModelStore, state: Any) -> None:
        seen.append((state.serving, device.serves))
        save(store, state)

    monkeypatch.setattr(ModelStore, "save", saved)
    device.offer(1)
    device.look()
    assert seen == [(None, None), ("v1", None)]
    assert device.serves == "v1"


def test_a_full_disk_serves_all_the_same(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    device.offer(1)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ModelStore, "save", full)
    assert device.look().serves == "v1"
    assert device.store.state().serving is None
    monkeypatch.undo()
    device.look()
    assert device.store.state().serving == "v1"


def test_no_verdict_is_no_rejection(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    device.offer(1)

    def none(*_: object, **__: object) -> None:
        raise NoVerdict("no process")

    monkeypatch.setattr(subject, "try_model", none)
    device.look()
    assert (device.serves, device.verdict) == (None, "loading")
    assert "no process" in device.reports[-1]["reason"]
    monkeypatch.undo()
    device.look()
    assert device.serves is None
    monkeypatch.setattr(subject.time, "monotonic", lambda: 10**9)
    assert device.look().serves == "v1"


def test_trouble_that_nobody_thought_of_is_told_and_tried_again(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trouble(*_: object, **__: object) -> None:
        raise RuntimeError("the moon is full")

    device.offer(1)
    device.look()
    device.offer(2)
    with monkeypatch.context() as patch:
        patch.setattr(subject, "try_model", trouble)
        patch.setattr(subject, "_AGAIN_SECONDS", 0)
        device.look()
    assert (device.serves, device.verdict) == ("v1", "loading")
    assert device.reports[-1]["status"] == "serving"
    assert "the moon is full" in device.reports[-1]["reason"]
    assert device.look().serves == "v2"


def test_a_report_that_fails_stops_nothing(device: Device) -> None:
    def fail(_: object) -> None:
        raise RuntimeError

    device.swapper.on_report = fail
    device.offer(1)
    assert device.look().serves == "v1"


def test_documents_survive_a_look_from_outside(device: Device) -> None:
    device.offer(1)
    device.look()
    write_json(device.store.path / "offered.json", {"version": 3})
    assert device.look().serves == "v1"
    assert read_json(device.store.path / "state.json") is not None
