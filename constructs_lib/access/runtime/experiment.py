"""Requests that take part in an experiment: the one module here that knows of experiments.

Their client is what that room gives to applications, and this function is one.
"""

from __future__ import annotations

import json
import math
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from constructs_lib.experiments.runtime.client import ExperimentClient

from .answers import Answer, as_json
from .faults import refusal_of
from .headers import CUSTOM_ATTRIBUTES, UNIT, VARIANT, checked_id, header
from .invoking import answered, checked
from .refusals import Refusal
from .requests import Request
from .settings import Settings

_MOST_REWARDS = 100


def joined(runtime: Any) -> ExperimentClient:
    """The client of the experiment that this function joined, asking by `runtime`."""
    return ExperimentClient.from_environment(runtime=runtime)


class Experimenting:
    """Asks the variant that a unit is assigned to, and tells the experiment who answered."""

    def __init__(self, settings: Settings, client: ExperimentClient) -> None:
        self._settings = settings
        self._client = client

    def answer(self, request: Request, inference_id: str) -> Answer:
        """What the variant answers.

        :raises Refusal: where it does not.
        """
        told = checked(request, self._settings)
        try:
            answer = self._client.invoke(
                request.body,
                content_type=told.get("ContentType", "application/octet-stream"),
                accept=told.get("Accept", "*/*"),
                unit=header(request.headers, UNIT),
                arm=told.get("TargetVariant"),
                inference_id=inference_id,
                custom_attributes=told.get("CustomAttributes"),
            )
        except (ClientError, BotoCoreError) as error:
            raise refusal_of(error) from error
        except ValueError as error:  # of the unit
            raise Refusal("InvalidRequest", f"{UNIT}: {error}") from error
        # What the stream does not take now is kept, and goes with the next request of this process.
        self._client.flush()
        return answered(
            body=answer.body,
            content_type=answer.content_type,
            inference_id=inference_id,
            told={VARIANT: answer.arm, CUSTOM_ATTRIBUTES: answer.custom_attributes},
        )

    def reward(self, request: Request, _inference_id: str) -> Answer:
        """202: the rewards were told.

        :raises Refusal: InvalidRequest; Unavailable where the stream does not take them.
        """
        rewards = _rewards(request.body)
        for id, value, at in rewards:
            self._client.reward(id, value, at=at)
        if self._client.flush():
            raise Refusal("Unavailable", "rewards are not taken now; those told twice count once")
        return as_json({"accepted": len(rewards)}, status=202)


def _rewards(body: bytes) -> list[tuple[str, float, float | None]]:
    """One reward, or several under ``rewards``."""
    try:
        given = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refusal("InvalidRequest", "the body is no JSON") from error
    several = given.get("rewards", [given]) if isinstance(given, dict) else None
    if not isinstance(several, list) or not 1 <= len(several) <= _MOST_REWARDS:
        allowed = f'{{"inference_id": …, "value": …}}, or at most {_MOST_REWARDS} of them under "rewards"'
        raise Refusal("InvalidRequest", "the body is no reward", allowed)
    return [_reward(each) for each in several]


def _reward(given: Any) -> tuple[str, float, float | None]:
    if not isinstance(given, dict):
        raise Refusal("InvalidRequest", "a reward is no object", '{"inference_id": …, "value": …}')
    at = given.get("at")
    return (
        checked_id(given.get("inference_id")),
        _number(given.get("value"), "value"),
        None if at is None else _number(at, "at"),
    )


def _number(given: Any, name: str) -> float:
    # JSON's true is none; a whole number may be beyond what a float can hold.
    if isinstance(given, int | float) and not isinstance(given, bool):
        try:
            number = float(given)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
    raise Refusal("InvalidRequest", f"the {name} of a reward is no number", "a finite number")
