"""Where the report comes from: the SSM parameter that names the table, the table, and what the controller is told.

It reads and never writes, and takes nothing on trust that others may have written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from ..runtime.counts import Totals
from ..runtime.decision import Belief, Decision, SampleRatio, Verdict
from ..runtime.experiment import VARIABLE, Experiment
from ..runtime.items import found, values
from ..runtime.schema import LOOKS, look_key
from ..runtime.state import EpochRecord, State, StateStore
from .findings import Findings, Look, Stretch, Trip

PARAMETER_PREFIX = "/constructs-lib/experiments/"
"""As in `ab_test.py`, which cannot be imported here: it is synth code."""

_Made = TypeVar("_Made")


class ReportError(Exception):
    """There can be no report, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an experiment is."""

    table: str
    controller: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """boto3's clients."""

    ssm: Any
    dynamodb: Any
    lambda_: Any


def place_of(name: str, clients: Clients) -> Place:
    """Find an experiment by its name.

    :raises ReportError: there is none.
    """
    parameter = PARAMETER_PREFIX + name
    try:
        answer = clients.ssm.get_parameter(Name=parameter)
    except clients.ssm.exceptions.ParameterNotFound:
        where = clients.ssm.meta.region_name
        raise ReportError(
            f"there is no experiment {name!r} in this account in {where}: no SSM parameter {parameter}"
        ) from None
    try:
        where = json.loads(answer["Parameter"]["Value"])
        return Place(table=where["table"], controller=where["controller"])
    except (ValueError, KeyError, TypeError):
        raise ReportError(f"the SSM parameter {parameter} does not tell where the experiment is") from None


def description_of(place: Place, clients: Clients) -> Experiment:
    """The experiment as its controller is told.

    :raises ReportError: nothing that this version can read.
    """
    told = clients.lambda_.get_function_configuration(FunctionName=place.controller)
    try:
        return Experiment.from_json(told["Environment"]["Variables"][VARIABLE])
    except (ValueError, KeyError, TypeError):
        raise ReportError(
            f"the function {place.controller} is told of no experiment that this version of constructs-lib knows"
        ) from None


def findings_of(name: str, clients: Clients, *, now: float) -> Findings:
    """Everything there is to report.

    :raises ReportError: no such experiment, or the controller has not looked yet.
    """
    place = place_of(name, clients)
    experiment = description_of(place, clients)
    store = StateStore(clients.dynamodb, place.table)
    state = store.read()
    look_now = f"Let it: python -m constructs_lib.experiments look {name}"
    if state is None:
        raise ReportError(
            f"nothing has been looked at yet: the controller of {name!r} has not run. {look_now}"
        )
    if state.generation != experiment.generation:
        raise ReportError(
            f"nothing has been looked at yet: {name!r} was deployed anew, with other variants, models or rewards, "
            f"and its controller has not run since. {look_now}"
        )
    epochs = [record for record in store.epochs() if record.generation == state.generation]
    since = min((record.requested_at for record in epochs), default=state.began)
    # A look may stand under the start of its period, which began before it.
    first = look_key(max(since - experiment.period, 0.0))["sk"]
    stored = found(clients.dynamodb, place.table, LOOKS, since=first)
    read = (look for look in map(_look, map(values, stored)) if look.at >= since)
    # A look that changed nothing lies under its period, one that did under its own time.
    looks = tuple(sorted(read, key=lambda look: look.at))
    if not looks:
        raise ReportError(
            f"nothing has been looked at yet: the controller of {name!r} has found no endpoint that is in service "
            f"with all variants. {look_now}"
        )
    return _findings(experiment, state, epochs, looks, now)


def _findings(
    experiment: Experiment, state: State, epochs: list[EpochRecord], looks: tuple[Look, ...], now: float
) -> Findings:
    return Findings(
        experiment=experiment,
        made_at=now,
        began=state.began,
        seen_at=state.seen_at,
        weights=state.weights,
        stopped=state.stopped,
        best=state.best,
        trips=tuple(_trip(arm, epochs) for arm in experiment.names if arm in state.tripped),
        epochs=tuple(
            Stretch(
                number=record.number,
                weights=record.weights,
                requested_at=record.requested_at,
                settled_at=record.settled_at,
                ended_at=record.ended_at,
                reason=record.reason,
            )
            for record in epochs
        ),
        looks=looks,
    )


def _trip(arm: str, epochs: Iterable[EpochRecord]) -> Trip:
    """Since when an arm that is out has had no traffic: the state tells only that it is out."""
    since = None
    for record in epochs:
        if record.weights.get(arm, 0.0) > 0:
            since = None
        elif since is None:
            since = record.requested_at
    return Trip(arm=arm, at=since)


def _look(held: Mapping[str, Any]) -> Look:
    told = json.loads(held["look"])
    decision = told["decision"]
    return Look(
        at=float(held["at"]),
        decision=_made(
            Decision,
            {
                **decision,
                "beliefs": {arm: _made(Belief, belief) for arm, belief in decision["beliefs"].items()},
                "verdicts": tuple(_made(Verdict, verdict) for verdict in decision["verdicts"]),
                "sample_ratio": _made(SampleRatio, decision["sample_ratio"]),
            },
        ),
        totals={arm: _made(Totals, counted) for arm, counted in told["totals"].items()},
    )


def _made(shape: type[_Made], given: Mapping[str, Any]) -> _Made:
    """A shape of what was written; what a later version adds is left out."""
    known = {each.name for each in fields(shape)}  # type: ignore[arg-type]  # all of them are dataclasses
    return shape(**{name: value for name, value in given.items() if name in known})
