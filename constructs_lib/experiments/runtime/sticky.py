"""The arm that a unit keeps: what it was given first, whatever the weights are later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .items import item, values
from .schema import EXPIRES, unit_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    """A unit's arm, and how likely it was to get it."""

    arm: str
    propensity: float


class StickyUnits:
    """The assignments of a generation of an experiment."""

    def __init__(self, client: Any, table: str, *, generation: str, seconds: float) -> None:
        self._client = client
        self._table = table
        self._generation = generation
        self._seconds = seconds

    def find(self, unit: str, *, now: float) -> Assigned | None:
        """What the unit was given, if it is of this generation and has not expired.

        Not read consistently: who finds nothing asks `keep`, and that does not err.
        """
        found = self._client.get_item(TableName=self._table, Key=item(unit_key(unit)))
        if "Item" not in found:
            return None
        held = values(found["Item"])
        fits = held["generation"] == self._generation and held[EXPIRES] > now
        return _assigned(held) if fits else None

    def keep(self, unit: str, assigned: Assigned, *, now: float) -> Assigned:
        """Give the unit this arm, unless it has one: the answer is the arm that it keeps."""
        held = {
            **unit_key(unit),
            "generation": self._generation,
            "arm": assigned.arm,
            "propensity": assigned.propensity,
            EXPIRES: int(now + self._seconds),
        }
        free = f"attribute_not_exists(pk) OR generation <> :generation OR {EXPIRES} <= :now"
        try:
            self._client.put_item(
                TableName=self._table,
                Item=item(held),
                ConditionExpression=free,
                ExpressionAttributeValues=item({":generation": self._generation, ":now": now}),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            return _assigned(values(error.response["Item"]))
        return assigned


def _assigned(held: dict[str, Any]) -> Assigned:
    return Assigned(arm=held["arm"], propensity=float(held["propensity"]))
