"""The function of an experiment: units keep their variant, exposures and rewards reach the stream."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from constructs_lib.access.runtime.experiment import Experimenting
from constructs_lib.access.runtime.front import Front
from constructs_lib.experiments.runtime.client import ExperimentClient
from constructs_lib.experiments.runtime.experiment import Allocation, Arm, Experiment, Reward
from constructs_lib.experiments.runtime.outbox import Outbox
from tests.support.memory_table import MemoryTable
from tests.support.served import FakeEndpoint, settings

EXPERIMENT = Experiment(
    name="pricing",
    endpoint="fraud",
    arms=(Arm(name="A", model="a", share=0.5), Arm(name="B", model="b", share=0.5)),
    reward=Reward(kind="binary", window=60),
    allocation=Allocation(kind="fixed"),
    routing="assignment",
)
ID = "x-amzn-sagemaker-inference-id"


class Stream:
    """Takes events, or is down."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.down = False

    def put_records(self, *, StreamName: str, Records: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        assert StreamName == "events"
        if self.down:
            raise TimeoutError
        self.events += [json.loads(each["Data"]) for each in Records]
        return {"Records": [{} for _ in Records]}


class Arms(FakeEndpoint):
    """Answers as the variant it is asked for."""

    def _InvokeEndpoint(self, params: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        answered = super()._InvokeEndpoint(params)
        return {**answered, "InvokedProductionVariant": params.get("TargetVariant", "A")}


class Api:
    """The routes of an experiment's API."""

    def __init__(self) -> None:
        self.stream, self.endpoint = Stream(), Arms()
        runtime = self.endpoint.client("sagemaker-runtime")
        client = ExperimentClient(
            EXPERIMENT,
            runtime=runtime,
            dynamodb=MemoryTable().client(),
            table="ledger",
            outbox=Outbox(self.stream, "events", pause=lambda _: None),
            clock=lambda: 1000.0,
        )
        given = settings(targets={"TargetVariant": ("A", "B")})
        served = Experimenting(given, client)
        routes = {"POST /invocations": served.answer, "POST /rewards": served.reward}
        self._front = Front(given, routes, tell=lambda _: None)

    def post(self, route: str, body: str, **headers: str) -> dict[str, Any]:
        told = {
            "content-type": "text/csv",
            **{name.replace("_", "-"): each for name, each in headers.items()},
        }
        return self._front.handle(
            {
                "routeKey": f"POST /{route}",
                "headers": told,
                "body": body,
                "isBase64Encoded": False,
                "requestContext": {"requestId": "r"},
            }
        )


@pytest.fixture
def api() -> Iterator[Api]:
    yield Api()


def code(answered: dict[str, Any]) -> str:
    return str(json.loads(answered["body"])["error"]["code"])


def test_a_unit_keeps_its_variant_and_each_answer_is_an_exposure(api: Api) -> None:
    variants: dict[str, set[str]] = {}
    for number in range(40):
        unit = f"user-{number % 10}"
        answered = api.post(
            "invocations", "1,2", x_unit_id=unit, x_amzn_sagemaker_inference_id=f"id-{number}"
        )
        variants.setdefault(unit, set()).add(answered["headers"]["x-Amzn-Invoked-Production-Variant"])

    assert all(len(each) == 1 for each in variants.values())
    assert {variant for each in variants.values() for variant in each} == {"A", "B"}
    assert [each["id"] for each in api.stream.events] == [f"id-{number}" for number in range(40)]
    assert all({each["arm"]} == variants[each["unit"]] for each in api.stream.events)
    assert api.endpoint.asked[0]["InferenceId"] == "id-0"


def test_a_reward_is_told_with_the_id_of_its_answer(api: Api) -> None:
    assert api.post("rewards", '{"inference_id": "id-1", "value": 1}')["statusCode"] == 202
    several = {
        "rewards": [{"inference_id": "id-2", "value": 0, "at": 990}, {"inference_id": "c", "value": 1}]
    }
    answered = api.post("rewards", json.dumps(several))

    assert json.loads(answered["body"]) == {"accepted": 2}
    assert [(each["type"], each["id"], each["value"], each["at"]) for each in api.stream.events] == [
        ("reward", "id-1", 1.0, 1000.0),
        ("reward", "id-2", 0.0, 990.0),
        ("reward", "c", 1.0, 1000.0),
    ]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "7",
        "{",
        '{"rewards": []}',
        '{"rewards": 7}',
        '{"rewards": [7]}',
        '{"value": 1}',
        '{"inference_id": "a b", "value": 1}',
        '{"inference_id": "a", "value": true}',
        '{"inference_id": "a", "value": NaN}',
        '{"inference_id": "a", "value": "1"}',
        '{"inference_id": "a", "value": 1' + "0" * 400 + "}",
        '{"inference_id": "a", "value": 1, "at": "now"}',
        json.dumps({"rewards": [{"inference_id": "a", "value": 1}] * 101}),
    ],
)
def test_what_is_no_reward_is_refused_and_tells_nothing(api: Api, body: str) -> None:
    assert code(api.post("rewards", body)) == "InvalidRequest"
    assert api.stream.events == []


def test_a_reward_that_the_stream_does_not_take_is_to_be_sent_again(api: Api) -> None:
    api.stream.down = True
    answered = api.post("rewards", '{"inference_id": "a", "value": 1}')

    assert (answered["statusCode"], code(answered)) == (503, "Unavailable")
    assert answered["headers"]["Retry-After"]


def test_a_prediction_is_answered_though_the_stream_is_down_and_told_later(api: Api) -> None:
    api.stream.down = True
    assert api.post("invocations", "1", x_unit_id="u")["statusCode"] == 200
    api.stream.down = False
    assert api.post("invocations", "1", x_unit_id="u")["statusCode"] == 200

    assert len(api.stream.events) == 2


def test_an_experiment_that_assigns_asks_for_the_unit(api: Api) -> None:
    answered = api.post("invocations", "1")

    assert (answered["statusCode"], code(answered)) == (400, "InvalidRequest")
    assert "X-Unit-Id" in answered["body"]


def test_a_variant_chosen_by_hand_counts_for_nothing(api: Api) -> None:
    answered = api.post("invocations", "1", x_amzn_sagemaker_target_variant="B")

    assert answered["headers"]["x-Amzn-Invoked-Production-Variant"] == "B"
    assert api.stream.events == []
