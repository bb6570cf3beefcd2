"""Where an experiment stands, its epochs and its looks: what the controller keeps in the ledger's table.

Each write of the state is on condition of its version, in one transaction with the epochs and the look that
belong to it: of two controllers that look at once, one writes and the other learns that it did not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from .decision import Epoch
from .experiment import Experiment
from .items import Item, encoded, found, item, values
from .schema import EPOCHS, STATE, epoch_key, look_key

REMEMBERED = 30.0
"""Seconds for which applications may remember the state."""

_OVERTAKEN = frozenset({"ConditionalCheckFailed", "TransactionConflict"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """Weights that were decided on, written down before the endpoint is asked for them."""

    weights: Mapping[str, float]
    epoch: int
    asked_at: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Where an experiment stands."""

    version: int
    """How often it was written; 0: not yet."""
    generation: str
    began: float
    """From when on it is counted for this generation: the start of a period."""
    epoch: int
    """The number of the epoch whose weights are in force."""
    weights: Mapping[str, float]
    """In force; before the first epoch, what the arms were deployed with."""
    seen_at: float
    """When the endpoint was last seen with them."""
    pending: Pending | None = None
    tripped: frozenset[str] = frozenset()
    stopped: bool = False
    best: str | None = None

    @property
    def latest(self) -> int:
        """The number of the epoch that was opened last."""
        return self.epoch if self.pending is None else self.pending.epoch

    @classmethod
    def of(cls, attributes: Item) -> State:
        """Read the item."""
        held = values(attributes)
        pending = held["pending"]
        return cls(
            version=int(held["version"]),
            generation=held["generation"],
            began=float(held["began"]),
            epoch=int(held["epoch"]),
            weights=_floats(held["weights"]),
            seen_at=float(held["seen_at"]),
            pending=None
            if pending is None
            else Pending(
                weights=_floats(pending["weights"]),
                epoch=int(pending["epoch"]),
                asked_at=float(pending["asked_at"]),
                reason=pending["reason"],
            ),
            tripped=frozenset(held["tripped"]),
            stopped=held["stopped"],
            best=held["best"],
        )

    def item(self) -> Item:
        """Written down."""
        return item({**STATE, **asdict(self), "tripped": sorted(self.tripped)})


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochRecord:
    """What is written of an epoch; the controller's decisions see the settled ones."""

    generation: str
    number: int
    weights: Mapping[str, float]
    reason: str
    requested_at: float
    settled_at: float | None = None
    ended_at: float | None = None

    @classmethod
    def of(cls, attributes: Item) -> EpochRecord:
        """Read the item."""
        held = values(attributes)
        settled, ended = held["settled_at"], held["ended_at"]
        return cls(
            generation=held["generation"],
            number=int(held["sk"]),
            weights=_floats(held["weights"]),
            reason=held["reason"],
            requested_at=float(held["requested_at"]),
            settled_at=None if settled is None else float(settled),
            ended_at=None if ended is None else float(ended),
        )

    def item(self) -> Item:
        """Written down."""
        return item({**asdict(self), **epoch_key(self.number)})

    def settled(self) -> Epoch | None:
        """For decisions; None where traffic never surely followed it."""
        if self.settled_at is None:
            return None
        return Epoch(
            number=self.number, weights=self.weights, settled_at=self.settled_at, ended_at=self.ended_at
        )


class OvertakenError(Exception):
    """Another look has changed the state since this one read it: nothing was written."""


class StateStore:
    """Reads and writes all of it."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def read(self) -> State | None:
        """The state as it is now; None before the first look."""
        answer = self._client.get_item(TableName=self._table, Key=item(STATE), ConsistentRead=True)
        return State.of(answer["Item"]) if "Item" in answer else None

    def write(
        self,
        state: State,
        *,
        opened: EpochRecord | None = None,
        stamps: Mapping[int, Mapping[str, float]] | None = None,
        look: Item | None = None,
    ) -> State:
        """Write the successor of the state that was read, and what belongs to it: an epoch, times of others.

        The answer has the new version.
        """
        following = replace(state, version=state.version + 1)
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
        if state.version:
            condition = {
                "ConditionExpression": "version = :version",
                "ExpressionAttributeValues": {":version": {"N": str(state.version)}},
            }
        writes: list[dict[str, Any]] = [{"Put": {"Item": following.item(), **condition}}]
        writes += [{"Put": {"Item": each}} for each in (opened and opened.item(), look) if each]
        writes += [{"Update": _stamped(number, times)} for number, times in (stamps or {}).items()]
        for write in writes:
            next(iter(write.values()))["TableName"] = self._table
        try:
            self._client.transact_write_items(TransactItems=writes)
        except self._client.exceptions.TransactionCanceledException as error:
            if {reason["Code"] for reason in error.response["CancellationReasons"]} & _OVERTAKEN:
                raise OvertakenError(str(error)) from error
            raise
        return following

    def seen(self, state: State, now: float) -> None:
        """The endpoint has the weights in force."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=item(STATE),
                UpdateExpression="SET seen_at = :now",
                ConditionExpression="version = :version",
                ExpressionAttributeValues=item({":now": now, ":version": state.version}),
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise OvertakenError(str(error)) from error

    def epochs(self) -> list[EpochRecord]:
        """All there were, the oldest first."""
        return [EpochRecord.of(each) for each in found(self._client, self._table, EPOCHS)]

    def write_look(self, look: Item) -> None:
        """Write a look that changed nothing, unless its place is taken."""
        condition = "attribute_not_exists(pk)"
        try:
            self._client.put_item(TableName=self._table, Item=look, ConditionExpression=condition)
        except self._client.exceptions.ConditionalCheckFailedException:
            return


def look_item(key: float, *, at: float, **told: object) -> Item:
    """A look for the report, the rest of it as JSON: nothing asks DynamoDB about its parts."""
    return item({**look_key(key), "at": at, "look": json.dumps(told, sort_keys=True)})


def first_state(experiment: Experiment, *, now: float, before: State | None = None) -> State:
    """A new generation of an experiment, after `before`: its epochs go on counting, all else is new."""
    weights = {arm.name: arm.share for arm in experiment.arms}
    number = 0 if before is None else before.latest
    return State(
        version=0 if before is None else before.version,
        generation=experiment.generation,
        began=-(-now // experiment.period) * experiment.period,
        epoch=number,
        weights=weights,
        seen_at=now,
        pending=Pending(weights=weights, epoch=number + 1, asked_at=now, reason="began"),
    )


def _stamped(number: int, times: Mapping[str, float]) -> dict[str, Any]:
    """The update that writes times into an epoch."""
    return {
        "Key": item(epoch_key(number)),
        "UpdateExpression": "SET " + ", ".join(f"{name} = :{name}" for name in times),
        "ExpressionAttributeValues": {f":{name}": encoded(time) for name, time in times.items()},
    }


def _floats(weights: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(weight) for name, weight in weights.items()}
