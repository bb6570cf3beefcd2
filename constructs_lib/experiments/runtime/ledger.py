"""The counts in DynamoDB: each event counts once, whatever comes twice, late, out of order or not back.

The item of an answer holds what is known of it. A transaction writes new items and adds to the counts what
that changes, so neither is without the other; each item is written on condition that it is as it was believed
to be. A transaction that was refused says which items are not: what they hold is merged in, and what then is
no news is done. A repetition, a crash or an answer that was lost on the way therefore changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

from .amounts import Amounts, Cell, Tally, gathered
from .counts import Bucket
from .events import LATENESS, Exposure, Reward
from .fold import NOTHING, Counting, Known
from .items import Item, decoded, found, item, values
from .schema import COUNTER_SHARDS, EXPIRES, RECOUNTS, count_key, counts, event_key, padded, recount_key

RETENTION = 7 * 86400.0
"""The longest that the stream may keep records: an event that it delivers again must find its item."""

_TRANSACTION = 100  # items; DynamoDB's limit
_READ = 100  # keys; likewise
_ATTEMPTS = 6
_PAUSE = 0.05  # seconds before the second attempt after a conflict; doubled each time
_BUSY = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})

_ADD = "ADD #exposures :exposures, #rewards :rewards, #total :total, #squares :squares"
_NAMES = {f"#{name}": name for name in Amounts._fields}


class BusyError(Exception):
    """Others write the same items, or too much is written: nothing was done, and may be tried again."""


class Stored(NamedTuple):
    """The item of an answer."""

    known: Known = NOTHING
    revision: int = 0
    """How often it was written; 0: it does not exist."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What has become of a batch, by inference id."""

    done: dict[str, tuple[Known, Known]] = field(default_factory=dict)
    """What was known before, and what is now."""
    failed: dict[str, Exception] = field(default_factory=dict)


class _Change(NamedTuple):
    id: str
    before: Stored
    after: Known
    adds: Tally


class Ledger:
    """The counts of one experiment."""

    def __init__(
        self,
        client: Any,
        table: str,
        counting: Counting,
        *,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self._client = client
        self._table = table
        self._counting = counting
        self._pause = pause

    # --- events ---------------------------------------------------------------------------------------

    def record(self, told: Mapping[str, Known], *, shard: int = 0) -> Recorded:
        """Record a batch. Writers with different `shard` do not get into each other's way."""
        recorded = Recorded()
        believed = self._believed(told, recorded)
        for attempt in range(_ATTEMPTS):
            busy = False
            for some in _transactions(self._changes(told, believed, recorded)):
                try:
                    believed |= self._commit(some, recorded, (shard + attempt) % COUNTER_SHARDS)
                except BusyError:
                    busy = True
                except Exception as error:  # throttled, denied, lost: these failed, the others may yet do
                    recorded.failed.update((change.id, error) for change in some)
            if busy:
                self._pause(_PAUSE * 2**attempt)
            elif len(recorded.done) + len(recorded.failed) == len(told):
                return recorded
        late = BusyError(f"not within {_ATTEMPTS} attempts")
        recorded.failed.update((change.id, late) for change in self._changes(told, believed, recorded))
        return recorded

    def _believed(self, told: Mapping[str, Known], recorded: Recorded) -> dict[str, Stored]:
        """What the items are believed to be: an exposure is taken for new, a reward's item is read."""
        believed = dict.fromkeys(told, Stored())
        rest = iter([id for id, known in told.items() if known.exposure is None])
        while ids := list(islice(rest, _READ)):
            try:
                believed |= self._read(ids)
            except Exception as error:
                recorded.failed.update(dict.fromkeys(ids, error))
        return believed

    def _read(self, ids: list[str]) -> dict[str, Stored]:
        read: dict[str, Stored] = {}
        keys = [item(event_key(id)) for id in ids]
        for attempt in range(_ATTEMPTS):
            asked = {self._table: {"Keys": keys, "ConsistentRead": True}}
            answer = self._client.batch_get_item(RequestItems=asked)
            read |= dict(map(self._stored, answer["Responses"].get(self._table, ())))
            if not answer.get("UnprocessedKeys"):
                return read
            keys = answer["UnprocessedKeys"][self._table]["Keys"]
            self._pause(_PAUSE * 2**attempt)
        raise BusyError(f"{len(keys)} items could not be read")

    def _changes(
        self, told: Mapping[str, Known], believed: Mapping[str, Stored], recorded: Recorded
    ) -> list[_Change]:
        """What is still to be done. What is no news is done already."""
        changes = []
        for id, known in told.items():
            if id in recorded.done or id in recorded.failed:
                continue
            before = believed[id]
            after = before.known.merged(known)
            if after == before.known:
                recorded.done[id] = (after, after)
            else:
                changes.append(_Change(id, before, after, self._counting.change(before.known, after)))
        # What adds to the same count goes into the same transaction, so that each is written as seldom as can be.
        return sorted(changes, key=lambda change: sorted(change.adds))

    def _commit(self, changes: list[_Change], recorded: Recorded, shard: int) -> dict[str, Stored]:
        """Write all of these, or none; then the answer is which items are not as they were believed."""
        adds = gathered(pair for change in changes for pair in change.adds.items())
        writes = [self._event(change) for change in changes]
        writes += [self._addition(shard, cell, amounts) for cell, amounts in adds.items()]
        try:
            self._client.transact_write_items(TransactItems=writes)
        except self._client.exceptions.TransactionCanceledException as error:
            return self._differing(changes, error)
        recorded.done.update((change.id, (change.before.known, change.after)) for change in changes)
        return {}

    def _differing(self, changes: list[_Change], error: Any) -> dict[str, Stored]:
        differing: dict[str, Stored] = {}
        reasons = error.response["CancellationReasons"]
        for number, reason in enumerate(reasons):
            if reason["Code"] == "ConditionalCheckFailed":
                stands = reason.get("Item")
                differing[changes[number].id] = self._stored(stands)[1] if stands else Stored()
        if differing:
            return differing
        if {reason["Code"] for reason in reasons} - {"None"} <= _BUSY:
            raise BusyError from error
        raise error

    def _event(self, change: _Change) -> dict[str, Any]:
        revision = change.before.revision
        put: dict[str, Any] = {
            "TableName": self._table,
            "Item": self._item(change.id, change.after, revision + 1),
            "ConditionExpression": "attribute_not_exists(pk)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if revision:
            put["ConditionExpression"] = "revision = :revision"
            put["ExpressionAttributeValues"] = {":revision": {"N": str(revision)}}
        return {"Put": put}

    def _item(self, id: str, known: Known, revision: int) -> Item:
        held: dict[str, object] = {**event_key(id), "revision": revision}
        told = [event for event in known if event is not None]
        latest = max(event.at for event in told)
        held[EXPIRES] = int(latest + self._counting.window + LATENESS + RETENTION)
        if known.exposure is not None:
            held |= {"at": known.exposure.at, "arm": known.exposure.arm}
        if known.reward is not None:
            held["rewarded_at"] = known.reward.at
        attributes = item(held)
        if known.reward is not None:
            attributes["reward"] = {"N": self._counting.unit.decimal(known.reward.units)}
        return attributes

    def _stored(self, attributes: Item) -> tuple[str, Stored]:
        held = values(attributes)
        id = held["pk"].partition("#")[2]
        exposure = Exposure(id, float(held["at"]), held["arm"]) if "arm" in held else None
        reward = None
        if "reward" in held:
            reward = Reward(id, float(held["rewarded_at"]), self._counting.unit.units(held["reward"]))
        return id, Stored(Known(exposure, reward), int(held["revision"]))

    def _addition(self, shard: int, cell: Cell, amounts: Amounts) -> dict[str, Any]:
        return {
            "Update": {
                "TableName": self._table,
                "Key": item(count_key(shard, *cell)),
                "UpdateExpression": _ADD,
                "ExpressionAttributeNames": _NAMES,
                "ExpressionAttributeValues": {f":{n}": v for n, v in self._attributes(amounts).items()},
            }
        }

    # --- counts ---------------------------------------------------------------------------------------

    def counted(self, since: float = 0.0) -> Tally:
        """What the shards say together, of the periods that began then or later."""
        return gathered(
            self._part(each)
            for shard in range(COUNTER_SHARDS)
            for each in found(self._client, self._table, counts(shard), since=padded(since))
        )

    def recounted(self, since: float = 0.0) -> dict[int, dict[str, Amounts]]:
        """The periods that were counted again from the raw events."""
        return {
            int(each["sk"]["S"]): {
                arm: self._amounts(attributes["M"]) for arm, attributes in each["arms"]["M"].items()
            }
            for each in found(self._client, self._table, RECOUNTS, since=padded(since))
        }

    def buckets(self, since: float = 0.0) -> list[Bucket]:
        """The counts, by period and arm. Where a period was counted again, that is what holds."""
        again = self.recounted(since)
        tally = {cell: amounts for cell, amounts in self.counted(since).items() if cell[0] not in again}
        tally |= {(start, arm): amounts for start, arms in again.items() for arm, amounts in arms.items()}
        return [
            Bucket(arm=arm, start=float(start), totals=self._counting.unit.totals(amounts))
            for (start, arm), amounts in sorted(tally.items())
        ]

    def write_recount(self, start: int, arms: Mapping[str, Amounts], *, at: float) -> None:
        """Let this be the count of a period, of all its arms at once; again, and it is the same."""
        attributes = item({**recount_key(start), "at": at})
        attributes["arms"] = {"M": {arm: {"M": self._attributes(each)} for arm, each in arms.items()}}
        self._client.put_item(TableName=self._table, Item=attributes)

    def _attributes(self, amounts: Amounts) -> Item:
        unit = self._counting.unit
        return {
            "exposures": {"N": str(amounts.exposures)},
            "rewards": {"N": str(amounts.rewards)},
            "total": {"N": unit.decimal(amounts.total)},
            "squares": {"N": unit.decimal_squares(amounts.squares)},
        }

    def _amounts(self, attributes: Item) -> Amounts:
        unit = self._counting.unit
        return Amounts(
            exposures=int(decoded(attributes["exposures"])),
            rewards=int(decoded(attributes["rewards"])),
            total=unit.units(decoded(attributes["total"])),
            squares=unit.squared(decoded(attributes["squares"])),
        )

    def _part(self, attributes: Item) -> tuple[Cell, Amounts]:
        start, _, arm = attributes["sk"]["S"].partition("#")
        return (int(start), arm), self._amounts(attributes)


def _transactions(changes: list[_Change]) -> Iterator[list[_Change]]:
    """As many changes as fit, with the counts they add to, into a transaction."""
    some: list[_Change] = []
    cells: set[Cell] = set()
    for change in changes:
        if len(some) + 1 + len(cells | change.adds.keys()) > _TRANSACTION:
            yield some
            some, cells = [], set()
        some.append(change)
        cells |= change.adds.keys()
    if some:
        yield some
