"""Which inferences were answered, and where the record of each is.

What the program promises, and what is held against it here:

- A result is put in line for the disk when its answer is sent, and results come to the disk in that order. Once it is
  there (`DiskBuffer.append` has returned), the end of the process loses it no more, however it ends: it is delivered,
  or still in the buffer.
- So a process that was stopped (SIGTERM) has lost nothing. Of one that was killed (SIGKILL) the results that were still
  in line are missing: the last that it answered, one after the other, at most as many as the line takes and the one
  that is being written. Before the last that is there, none is missing.
- Delivery is at least once: a record may come twice, and then it is the same record.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from constructs_lib.edge.runtime.device.recorder import WAITING

MOST_LOST = WAITING + 1
"""Results that one SIGKILL may cost."""

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a client was told."""

    inference_id: str
    status: int
    version: str
    outputs: Any
    """None for a refusal."""


@dataclass(slots=True)
class Life:
    """One process of a device, from its start to its end, and what it answered, in that order."""

    thing: str
    number: int
    killed: bool = False
    answers: list[Answer] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Account:
    """How it comes out."""

    wrong: list[str]
    """Each answer that is not accounted for, and each record that does not say what the client was told."""
    lost: dict[tuple[str, int], int]
    """Results that were in line when their process was killed, by thing and life, where there are any."""


def account(lives: Iterable[Life], records: Iterable[Record]) -> Account:
    """Find the record of each answer."""
    found, wrong = _by_inference(records)
    lost = {}
    for life in lives:
        missing = [at for at, each in enumerate(life.answers) if each.inference_id not in found]
        last = range(len(life.answers) - len(missing), len(life.answers))
        if missing and not (life.killed and missing == [*last] and len(missing) <= MOST_LOST):
            named = ", ".join(life.answers[at].inference_id for at in missing[:5])
            wrong.append(
                f"{life.thing}, life {life.number}: {len(missing)} of {len(life.answers)} missing: {named}"
            )
        elif missing:
            lost[life.thing, life.number] = len(missing)
        for each in life.answers:
            wrong += _differences(each, found.get(each.inference_id))
    return Account(wrong, lost)


def _by_inference(records: Iterable[Record]) -> tuple[dict[str, Record], list[str]]:
    """Each inference once; what came twice has to be the same."""
    by_id: dict[str, Record] = {}
    by_inference: dict[str, Record] = {}
    wrong = []
    for each in records:
        if by_id.setdefault(each["id"], each) != each:
            wrong.append(f"{each['id']} came twice, and not the same")
        if by_inference.setdefault(each["inference_id"], each)["id"] != each["id"]:
            wrong.append(f"{each['inference_id']} was recorded twice")
    return by_inference, wrong


def _differences(answer: Answer, record: Record | None) -> list[str]:
    if record is None:
        return []
    told = (answer.version, "ok" if answer.status == 200 else "error", answer.outputs)
    kept = (record["model_version"], record["status"], record["output"])
    return [] if told == kept else [f"{answer.inference_id} was told {told}, and recorded is {kept}"]
