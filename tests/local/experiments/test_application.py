"""An application, from its request to the counts: endpoint, stream, function, table, and back from S3."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from constructs_lib.experiments.runtime.client import ExperimentClient
from constructs_lib.experiments.runtime.outbox import Outbox
from tests.support.controlled import EVENLY, towards
from tests.support.faults import Fault, Faults
from tools.embedded_aws import LocalAws

from ..hosting import Hosting
from .laboratory import Stream
from .pricing import GUARDED, Controlled, config

ASSIGNED = replace(GUARDED, routing="assignment")


@pytest.fixture(scope="module")
def endpoint(aws: LocalAws) -> Iterator[str]:
    hosting = Hosting(aws)
    name = hosting.endpoint(config(hosting, EVENLY))
    yield name
    hosting.settled(name)
    hosting.delete(name)


@pytest.fixture
def lab(aws: LocalAws, endpoint: str) -> Iterator[Controlled]:
    mine = Controlled(aws, endpoint, ASSIGNED)
    yield mine
    mine.settled()
    mine.delete()


def application(lab: Controlled, stream: Stream, *, kinesis: Any = None) -> ExperimentClient:
    return ExperimentClient(
        lab.experiment,
        runtime=lab.client("sagemaker-runtime"),
        dynamodb=lab.client("dynamodb"),
        table=lab.name,
        outbox=Outbox(kinesis or lab.client("kinesis"), stream.name, pause=lambda _: None),
    )


def ask(client: ExperimentClient, unit: str | None, **more: Any) -> Any:
    answer = client.invoke(b"", content_type="text/plain", accept="text/plain", unit=unit, **more)
    assert answer.body.decode() == answer.arm  # the models answer their names
    return answer


def counts(lab: Controlled) -> dict[str, tuple[int, int]]:
    counted: Counter[str] = Counter()
    rewarded: Counter[str] = Counter()
    for (_, arm), (exposures, rewards, *_rest) in lab.counted().items():
        counted[arm] += exposures
        rewarded[arm] += rewards
    return {arm: (counted[arm], rewarded[arm]) for arm in counted}


def read(lab: Controlled, stream: Stream) -> None:
    for event in stream.batches():
        assert lab.ingest(event) == {"batchItemFailures": []}


def test_what_units_got_is_what_is_counted(lab: Controlled, stream: Stream) -> None:
    client = application(lab, stream)
    answers = [ask(client, f"user-{number % 20}") for number in range(40)]
    assert [each.arm for each in answers[:20]] == [each.arm for each in answers[20:]]
    assert ask(client, None, arm="shy").arm == "shy"
    for answer in answers[::4]:
        client.reward(answer.inference_id, 1)
    assert client.flush() == 0
    read(lab, stream)
    read(lab, stream)  # once more
    served = Counter(each.arm for each in answers)
    rewarded = Counter(each.arm for each in answers[::4])
    assert counts(lab) == {arm: (served[arm], rewarded[arm]) for arm in served}


def test_with_weights_the_endpoint_chooses(aws: LocalAws, endpoint: str, stream: Stream) -> None:
    lab = Controlled(aws, endpoint)
    client = application(lab, stream)
    served = Counter(ask(client, None).arm for _ in range(40))
    client.flush()
    read(lab, stream)
    assert len(served) > 1
    assert {arm: each[0] for arm, each in counts(lab).items()} == served
    lab.delete()


def test_units_of_an_arm_in_alarm_go_elsewhere_before_the_endpoint_has_changed(
    lab: Controlled, stream: Stream
) -> None:
    units = [f"user-{number}" for number in range(30)]
    lab.look()
    client = application(lab, stream)
    before = {unit: ask(client, unit).arm for unit in units}
    lab.alarm(on=True)
    lab.wanted = towards(EVENLY)
    lab.controller().look()
    later = application(lab, stream)  # or the same, half a minute on
    during = {unit: ask(later, unit).arm for unit in units}
    assert "bold" in before.values()
    assert "bold" not in during.values()
    assert all(during[unit] == arm for unit, arm in before.items() if arm != "bold")


@pytest.mark.parametrize("fault", ["no connection", "throttled", "answer lost"])
def test_events_that_the_stream_did_not_answer_for_count_once(
    lab: Controlled, stream: Stream, fault: Fault
) -> None:
    kinesis = lab.client("kinesis")
    faults = Faults(kinesis)
    client = application(lab, stream, kinesis=kinesis)
    served = Counter(ask(client, f"user-{number}").arm for number in range(10))
    faults.spoil(0, fault)
    assert client.flush() == 0
    assert faults.happened
    read(lab, stream)
    assert {arm: each[0] for arm, each in counts(lab).items()} == served
