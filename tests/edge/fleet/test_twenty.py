"""Twenty devices on one real broker, with a real model of real data, and all that happens to a fleet in a year."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from tests.edge.device.support import ROWS, classifier, golden, packed, until
from tests.support.mosquitto import Mosquitto, broker

from .cloud import BROKER, FleetCloud
from .devices import FLEET, Device
from .ledger import account

COUNT, CANARIES = 20, 3
SECONDS = 90.0
"""For any step of the story: far more than it takes."""


class Fleet:
    """The devices, their broker and who listens there."""

    def __init__(self, folder: Path, running: Mosquitto) -> None:
        things = [f"scope-{number:02}" for number in range(COUNT)]
        self.folder, self.broker = folder, running
        self.cloud = FleetCloud(running.port, FLEET, things)
        self.devices = [Device(folder / each[-2:], each, running.port) for each in things]
        self.canaries, self.others = self.devices[:CANARIES], self.devices[CANARIES:]
        self._chance = random.Random(20)  # noqa: S311 - no secret

    def close(self) -> None:
        for each in self.devices:
            each.rest()
            each.running.kill()
        self.cloud.close()

    def archive(self, version: str, seed: int, *, golden_seed: int | None = None) -> Path:
        """A model of the data; its golden sample is another one's if that is asked for."""
        rows = ROWS[:8] / 1000
        model = classifier(seed)
        right = classifier(seed if golden_seed is None else golden_seed)
        session = onnxruntime.InferenceSession(right, providers=["CPUExecutionProvider"])
        names = [each.name for each in session.get_outputs()]
        said = dict(zip(names, map(np.asarray, session.run(names, {"X": rows})), strict=True))
        files = {"model.onnx": model, "golden.npz": golden({"X": rows}, said)}
        return packed(self.folder / f"{version}.tar.gz", files)

    def all(self, what: Callable[[Device], object], devices: Sequence[Device] | None = None) -> None:
        """Wait until it is so of each."""
        for each in self.devices if devices is None else devices:
            until(lambda each=each: what(each), SECONDS)

    def delivers(self, devices: Sequence[Device] | None = None) -> None:
        """Wait until something new has come from each."""
        before = {each.thing: len(self.cloud.records(each.thing)) for each in self.devices}
        self.all(lambda each: len(self.cloud.records(each.thing)) > before[each.thing], devices)

    def strike(self, devices: Sequence[Device]) -> None:
        """Kill each at some moment of its work, and start it again."""
        for each in devices:
            until(lambda each=each: each.lives[-1].answers, SECONDS)
            time.sleep(self._chance.uniform(0, 0.2))
            each.kill()
            each.start()

    def reports(self, status: str, version: str, devices: Sequence[Device]) -> None:
        """Wait until the shadow of each says so."""

        def told(device: Device) -> bool:
            reported = self.cloud.reported(device.thing)
            return (reported.get("status"), reported.get("version")) == (status, version)

        self.all(told, devices)


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    # A short name: a Unix socket's path has 107 bytes.
    with tempfile.TemporaryDirectory(prefix="f-") as name:
        folder = Path(name)
        options = BROKER.format(folder=folder / "broker")
        with broker(folder / "broker", options=options) as running:
            made = Fleet(folder, running)
            try:
                yield made
            finally:
                made.close()


def test_every_answer_is_accounted_for(fleet: Fleet) -> None:
    begin(fleet)
    lose_the_broker(fleet)
    stop_a_bad_model_at_the_canaries(fleet)
    roll_out_a_good_model(fleet)
    go_back_by_the_shadow(fleet)
    end(fleet)

    lives = [life for each in fleet.devices for life in each.lives]
    delivered = {each.thing: fleet.cloud.records(each.thing) for each in fleet.devices}
    waiting = {each.thing: each.waiting() for each in fleet.devices}
    records = [each for part in (delivered, waiting) for some in part.values() for each in some]
    found = account(lives, records)
    assert found.wrong == []
    assert all(delivered.values())
    assert all(waiting.values())
    # All that the story is about has happened.
    answers = [each for life in lives for each in life.answers]
    assert {each.version for each in answers} == {"v1", "v2"}
    assert {each.status for each in answers} == {200, 400}
    assert sum(life.killed for life in lives) == 24
    assert len(answers) > 100 * COUNT


def begin(fleet: Fleet) -> None:
    """Each is given its first model, serves it, and delivers."""
    first = fleet.archive("v1", 1)
    for each in fleet.devices:
        each.take(first, "v1")
        each.start()
        each.work()
    fleet.reports("serving", "v1", fleet.devices)
    fleet.delivers()


def lose_the_broker(fleet: Fleet) -> None:
    """Without the broker all serve on and keep what they have to tell, also over their own ends."""
    fleet.broker.stop()
    fleet.all(lambda each: not each.status()["connected"])
    fleet.strike(fleet.devices[1:6])
    fleet.all(lambda each: each.serves("v1"))
    fleet.all(lambda each: each.status()["buffer"]["records"] > 40)
    fleet.broker.start()
    # The next ones while they send what has piled up.
    fleet.strike(fleet.devices[4:9])
    fleet.delivers()


def stop_a_bad_model_at_the_canaries(fleet: Fleet) -> None:
    """It does not answer its golden sample: the last good one serves on, and the others never see it."""
    bad = fleet.archive("bad", 2, golden_seed=3)
    for each in fleet.canaries:
        each.take(bad, "bad")
    fleet.reports("rejected", "v1", fleet.canaries)
    for each in fleet.canaries:
        told = fleet.cloud.reported(each.thing)
        assert told["wanted"] == "bad"
        assert "golden sample" in told["reason"]
        assert each.serves("v1")
    for each in fleet.others:
        assert each.models() == {"v1"}
        assert fleet.cloud.reported(each.thing)["wanted"] == "v1"
    fleet.all(
        lambda each: any(told["rejected_models"] for told in fleet.cloud.summaries[each.thing]),
        fleet.canaries,
    )


def roll_out_a_good_model(fleet: Fleet) -> None:
    """The shadows ask for it; it is served as soon as it is there, first by the canaries, and after their ends."""
    good = fleet.archive("v2", 2)
    for each in fleet.devices:
        fleet.cloud.desire(each.thing, "v2")
    fleet.all(lambda each: fleet.cloud.reported(each.thing).get("reason") == "v2 is not on this device")
    for devices in (fleet.canaries, fleet.others):
        for each in devices:
            each.take(good, "v2")
        # Some of them while they try it or load it.
        fleet.strike(devices[-2:])
        fleet.reports("serving", "v2", devices)
        fleet.all(lambda each: each.serves("v2"), devices)


def go_back_by_the_shadow(fleet: Fleet) -> None:
    """Nothing is handed over for that: the version before is still there."""
    for each in fleet.canaries:
        fleet.cloud.desire(each.thing, "v1")
    fleet.reports("serving", "v1", fleet.canaries)
    fleet.all(lambda each: each.serves("v1"), fleet.canaries)


def end(fleet: Fleet) -> None:
    """Without a broker, half of them killed and the others stopped as the nucleus does."""
    fleet.broker.stop()
    fleet.all(lambda each: each.status()["buffer"]["records"] > 5)
    for each in fleet.devices[::2]:
        each.kill()
    for each in fleet.devices:
        each.rest()
    for each in fleet.devices[1::2]:
        assert each.running.process is not None
        each.running.process.terminate()
    for each in fleet.devices[1::2]:
        assert each.running.process is not None
        assert each.running.process.wait(30) == 0
    fleet.broker.start()
    fleet.cloud.catch_up()
