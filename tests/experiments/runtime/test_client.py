"""What applications use: the arm of a request, its exposure, its reward, and the way to the stream."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from constructs_lib.experiments.runtime.chooser import Chooser
from constructs_lib.experiments.runtime.client import Answer, ExperimentClient
from constructs_lib.experiments.runtime.experiment import Arm, Experiment
from constructs_lib.experiments.runtime.outbox import CAPACITY, Outbox
from constructs_lib.experiments.runtime.state import StateStore, first_state
from tests.support.experiment_events import EXPERIMENT, NOON
from tests.support.faults import Faults
from tests.support.memory_table import MemoryTable

ASSIGNED = replace(EXPERIMENT, routing="assignment")
EVENLY = {"control": 0.5, "bold": 0.3, "shy": 0.2}


class FakeRuntime:
    """Answers as the variant that it is asked for, or as the first."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []

    def invoke_endpoint(self, **call: Any) -> dict[str, Any]:
        self.calls.append(call)
        arm = call.get("TargetVariant", "control")
        return {
            "Body": io.BytesIO(b"!" + call["Body"]),
            "ContentType": "text/x",
            "InvokedProductionVariant": arm,
        }


class FakeStream:
    """Takes records; of some calls it refuses the second record, or everything."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self.moods: list[str] = []

    def put_records(self, *, StreamName: str, Records: Sequence[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        assert StreamName == "events"
        mood = self.moods.pop(0) if self.moods else "fine"
        if mood == "down":
            raise TimeoutError
        refused = {1} if mood == "full" else set()
        self.taken += [record for place, record in enumerate(Records) if place not in refused]
        if mood == "answer lost":
            raise TimeoutError
        return {
            "FailedRecordCount": len(refused),
            "Records": [
                {"ErrorCode": "ProvisionedThroughputExceededException"}
                if place in refused
                else {"ShardId": "0"}
                for place in range(len(Records))
            ],
        }

    @property
    def events(self) -> list[dict[str, Any]]:
        assert all(record["Data"].endswith(b"\n") for record in self.taken)
        return [json.loads(record["Data"]) for record in self.taken]


class App:
    """An application, and what it stands on."""

    def __init__(self, experiment: Experiment = ASSIGNED, table: MemoryTable | None = None) -> None:
        self.now = NOON
        self.experiment = experiment
        self.table = table or MemoryTable()
        self.dynamodb = self.table.client()
        self.store = StateStore(self.dynamodb, "ledger")
        self.runtime, self.stream = FakeRuntime(), FakeStream()
        self.outbox = Outbox(self.stream, "events", pause=lambda _: None)
        self.client = ExperimentClient(
            experiment,
            runtime=self.runtime,
            dynamodb=self.dynamodb,
            table="ledger",
            outbox=self.outbox,
            sticky_seconds=1000.0,
            clock=lambda: self.now,
        )

    def set_state(self, **changes: Any) -> None:
        before = self.store.read()
        state = before or replace(first_state(self.experiment, now=self.now), pending=None, epoch=1)
        self.store.write(replace(state, **changes))
        self.now += 30  # the application reads it again

    def ask(self, unit: str | None = "user-1", **more: Any) -> Answer:
        return self.client.invoke(b"1,2", unit=unit, **more)

    def events(self) -> list[dict[str, Any]]:
        assert self.client.flush() == 0
        return self.stream.events


@pytest.fixture
def app() -> App:
    return App()


def test_an_answer_is_exposed_and_rewarded(app: App) -> None:
    answer = app.ask()
    app.now += 5
    app.client.reward(answer.inference_id, True)
    (call,) = app.runtime.calls
    assert (call["EndpointName"], call["TargetVariant"], call["InferenceId"]) == (
        "pricing", answer.arm, answer.inference_id,
    )  # fmt: skip
    assert (answer.body, answer.content_type) == (b"!1,2", "text/x")
    shown, rewarded = app.events()
    assert shown == {
        "type": "exposure", "experiment": "pricing", "id": answer.inference_id, "arm": answer.arm, "at": NOON,
        "unit": "user-1", "epoch": 0, "propensity": EVENLY[answer.arm],
    }  # fmt: skip
    assert rewarded == {
        "type": "reward", "experiment": "pricing", "id": answer.inference_id, "value": 1.0, "at": NOON + 5,
    }  # fmt: skip
    assert app.stream.taken[0]["PartitionKey"] == answer.inference_id


def test_with_weights_sagemaker_chooses() -> None:
    app = App(EXPERIMENT)
    app.set_state(weights={"control": 0.25, "bold": 0.5, "shy": 0.25}, epoch=4)
    answer = app.ask(None)
    assert "TargetVariant" not in app.runtime.calls[0]
    assert answer.arm == "control"
    (shown,) = app.events()
    assert (shown["arm"], shown["propensity"], shown["epoch"]) == ("control", 0.25, 4)
    assert "unit" not in shown
    assert app.table.partition("unit#None") == {}


def test_an_arm_chosen_by_hand_is_part_of_no_experiment(app: App) -> None:
    assert app.ask(arm="shy").arm == "shy"
    assert app.events() == []
    assert app.table.items == {}


def test_who_is_assigned_must_be_known(app: App) -> None:
    with pytest.raises(ValueError, match="which unit"):
        app.ask(None)
    for unit in ("", "x" * 257):
        with pytest.raises(ValueError, match="1 to 256 characters"):
            app.ask(unit)


def test_a_unit_keeps_its_arm_when_the_weights_move(app: App) -> None:
    units = [f"u{number}" for number in range(60)]
    before = [app.ask(unit).arm for unit in units]
    app.set_state(weights={"control": 0.0, "bold": 0.0, "shy": 1.0})
    assert [app.ask(unit).arm for unit in units] == before
    assert app.ask("new").arm == "shy"
    told = app.events()
    assert {each["propensity"] for each in told if each["unit"] != "new"} == set(EVENLY.values())
    assert told[-1]["propensity"] == 1.0


def test_an_arm_is_kept_until_it_expires(app: App) -> None:
    first = app.ask()
    app.set_state(weights={arm: float(arm != first.arm) for arm in EVENLY})
    app.now = NOON + 999
    assert app.ask().arm == first.arm
    app.now = NOON + 1000
    second = app.ask()
    assert second.arm != first.arm
    (item,) = app.table.partition("unit#user-1").values()
    assert item["expires"] == {"N": str(int(NOON) + 2000)}


def test_another_generation_assigns_anew() -> None:
    app = App()
    first = app.ask()
    arms = tuple(Arm(name=arm.name, model="new", share=float(arm.name != first.arm)) for arm in ASSIGNED.arms)
    later = App(replace(ASSIGNED, arms=arms), app.table)
    assert later.ask().arm != first.arm


def test_of_two_first_requests_at_once_both_get_the_same_arm(app: App) -> None:
    app.ask("another")  # and so remembers what the weights were
    rival = App(table=app.table)
    rival.set_state(weights={"control": 0.0, "bold": 0.0, "shy": 1.0})
    for number in range(12):
        unit = f"u{number}"
        faults = Faults(app.dynamodb)
        theirs: list[str] = []

        def meanwhile(_: str, unit: str = unit, faults: Faults = faults, theirs: list[str] = theirs) -> None:
            faults.after = lambda _: None
            theirs.append(rival.ask(unit).arm)

        faults.after = meanwhile  # after the first read found nothing
        assert [app.ask(unit).arm] == theirs


def test_a_unit_of_a_tripped_arm_gets_another_for_as_long(app: App) -> None:
    units = [f"u{number}" for number in range(400)]
    before = {unit: app.ask(unit).arm for unit in units}
    app.set_state(tripped=frozenset({"control"}))
    during = {unit: app.ask(unit).arm for unit in units}
    assert all(during[unit] == arm for unit, arm in before.items() if arm != "control")
    diverted = Counter(during[unit] for unit, arm in before.items() if arm == "control")
    assert set(diverted) == {"bold", "shy"}  # not all to the neighbour
    told = app.events()[len(units) :]
    assert all(
        each.get("diverted") == ("control" if before[each["unit"]] == "control" else None) for each in told
    )
    assert not any("propensity" in each for each in told if "diverted" in each)
    app.set_state(tripped=frozenset())
    assert {unit: app.ask(unit).arm for unit in units} == before


def test_an_arm_that_has_tripped_with_all_the_weight_leaves_the_others(app: App) -> None:
    app.set_state(weights={"control": 1.0, "bold": 0.0, "shy": 0.0}, tripped=frozenset({"control"}))
    assert {app.ask(f"u{number}").arm for number in range(30)} == {"bold", "shy"}


def test_where_all_have_tripped_the_control_answers(app: App) -> None:
    app.set_state(tripped=frozenset(EVENLY))
    assert {app.ask(f"u{number}").arm for number in range(30)} == {"control"}


def test_when_it_is_over_the_best_answers_everybody(app: App) -> None:
    units = [f"u{number}" for number in range(30)]
    assert len({app.ask(unit).arm for unit in units}) > 1
    app.set_state(stopped=True, best="bold")
    assert {app.ask(unit).arm for unit in units} == {"bold"}
    app.set_state(tripped=frozenset({"bold"}))
    assert "bold" not in {app.ask(unit).arm for unit in units}


def test_the_state_is_read_twice_a_minute(app: App) -> None:
    app.set_state(epoch=7)
    for _ in range(5):
        app.ask(arm=None)
    assert app.table.calls.count("GetItem") == 1 + 1 + 5  # by the test, the state, the unit
    app.now += 30
    app.ask()
    assert app.table.calls.count("GetItem") == 7 + 2


def test_an_application_answers_without_the_table(app: App) -> None:
    faults = Faults(app.dynamodb)
    faults.waiting = dict.fromkeys(range(0, 40, 2), "throttled") | dict.fromkeys(
        range(1, 40, 2), "no connection"
    )
    first = app.ask()
    faults.waiting.clear()
    assert app.ask().arm == first.arm  # by the same hash
    app.set_state(weights={"control": 0.0, "bold": 0.0, "shy": 1.0}, epoch=2)
    assert app.ask("another").arm == "shy"
    app.now += 30
    faults.spoil(0, "no connection")
    assert app.ask("a third").arm == "shy"  # as it was


def test_an_answer_that_failed_is_no_exposure(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.runtime, "invoke_endpoint", lambda **_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        app.ask()
    assert app.events() == []


def test_the_chooser_knows_no_arm_that_is_not_the_experiments(app: App) -> None:
    chooser = Chooser(ASSIGNED, dynamodb=app.dynamodb, table="ledger", clock=lambda: NOON)
    assert {chooser.choose(f"u{number}").arm for number in range(50)} == set(EVENLY)


# --- the way to the stream ------------------------------------------------------------------------------


def told(outbox: Outbox, count: int) -> None:
    for number in range(count):
        outbox.add({"id": f"e{number}"})


def ids(stream: FakeStream) -> list[str]:
    return [event["id"] for event in stream.events]


def test_events_are_sent_together(app: App) -> None:
    told(app.outbox, 99)
    assert app.stream.taken == []
    told(app.outbox, 1)
    assert len(app.stream.taken) == 100
    assert len(app.outbox) == 0


def test_what_the_stream_refused_is_sent_again(app: App) -> None:
    app.stream.moods = ["full", "down", "full"]
    told(app.outbox, 5)
    assert app.outbox.flush() == 0
    assert sorted(ids(app.stream)) == ["e0", "e1", "e2", "e3", "e4"]


def test_what_may_have_arrived_is_sent_again(app: App) -> None:
    app.stream.moods = ["answer lost"]
    told(app.outbox, 2)
    assert app.outbox.flush() == 0
    assert sorted(ids(app.stream)) == ["e0", "e0", "e1", "e1"]


def test_while_the_stream_is_down_events_wait(app: App) -> None:
    app.stream.moods = ["down"] * 5
    told(app.outbox, 7)
    assert app.outbox.flush() == 7
    assert app.outbox.flush() == 0
    assert ids(app.stream) == [f"e{number}" for number in range(7)]


def test_what_waits_is_bounded(app: App) -> None:
    app.stream.moods = ["down"] * 10_000
    told(app.outbox, CAPACITY + 3)
    assert (len(app.outbox), app.outbox.lost) == (CAPACITY, 3)
    app.stream.moods = []
    assert app.outbox.flush() == 0
    assert ids(app.stream)[0] == "e3"
