"""Where everything stands in the ledger, an experiment's table. Who reads the table needs no more than this.

| pk            | sk                    | is                                                              |
|---------------|-----------------------|-----------------------------------------------------------------|
| event#(id)    | event                 | what is known of one answer                                     |
| count#(shard) | (period)#(arm)        | a part of the counts; all shards together are the counts        |
| recount       | (period)              | the counts of a whole period, from the raw events: these hold   |
| unit#(unit)   | arm                   | the arm that a unit keeps                                       |
| state         | state                 | where the experiment stands; `version` guards it                |
| epoch         | (number)              | weights, and from when to when they were in force               |
| look          | (time)                | a decision with its reasons and the totals it rests on          |

Times are seconds since 1970, padded with zeros so that they sort.
"""

from __future__ import annotations

from typing import TypeAlias

TABLE_VARIABLE = "LEDGER_TABLE"
"""The environment variable with the table's name."""

PARTITION_KEY = "pk"
SORT_KEY = "sk"
EXPIRES = "expires"
"""The table's time-to-live attribute."""

COUNTER_SHARDS = 64
"""Into so many items a count is divided: as many batches can write at once without waiting for each other.

Fixed: with less, counts would be lost from sight. To read an empty one costs a read unit.
"""

Key: TypeAlias = dict[str, str]

STATE: Key = {PARTITION_KEY: "state", SORT_KEY: "state"}
EPOCHS = "epoch"
LOOKS = "look"
RECOUNTS = "recount"


def event_key(inference_id: str) -> Key:
    """What is known of one answer."""
    return {PARTITION_KEY: f"event#{inference_id}", SORT_KEY: "event"}


def counts(shard: int) -> str:
    """The partition of a part of the counts."""
    return f"count#{shard}"


def count_key(shard: int, start: int, arm: str) -> Key:
    """A part of an arm's count in a period."""
    return {PARTITION_KEY: counts(shard), SORT_KEY: f"{padded(start)}#{arm}"}


def recount_key(start: int) -> Key:
    """The recount of a period."""
    return {PARTITION_KEY: RECOUNTS, SORT_KEY: padded(start)}


def unit_key(unit: str) -> Key:
    """The arm that a unit keeps."""
    return {PARTITION_KEY: f"unit#{unit}", SORT_KEY: "arm"}


def epoch_key(number: int) -> Key:
    """An epoch."""
    return {PARTITION_KEY: EPOCHS, SORT_KEY: f"{number:08d}"}


def look_key(at: float) -> Key:
    """A look of the controller; to the millisecond."""
    return {PARTITION_KEY: LOOKS, SORT_KEY: f"{at:016.3f}"}


def padded(start: float) -> str:
    """A time as it sorts."""
    return f"{int(start):012d}"
