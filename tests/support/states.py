"""A walker of state machines: the states that the library's machines have, with a clock that does not wait."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .batch import at, tell

Data = dict[str, Any]
_TRIES = 6


@dataclass
class Walk:
    """One execution."""

    definition: Mapping[str, Any]
    call: Callable[[Data], Data]
    """The function behind every Task: it takes a payload, and raises what it raises."""
    execution: str
    path: list[str] = field(default_factory=list)
    """The states, in their order."""
    waited: float = 0.0
    error: str = ""
    cause: str = ""
    stopped: Callable[[], bool] = lambda: False
    """Whether somebody has stopped the execution."""

    def run(self, given: Data) -> Data | None:
        """What the execution gives; None where it fails, and `error` and `cause` say why."""
        states, data = self.definition["States"], copy.deepcopy(given)
        name: str | None = self.definition["StartAt"]
        while name is not None:
            assert len(self.path) < 5000, f"it goes round and round: {self.path[-12:]}"
            if self.stopped():
                self.error = "stopped"
                return None
            self.path.append(name)
            state = states[name]
            if state["Type"] == "Fail":
                self.error, self.cause = str(at(state["ErrorPath"], data)), str(at(state["CausePath"], data))
                return None
            name = getattr(self, f"_{state['Type'].lower()}")(state, data)
        return data

    def _pass(self, state: Mapping[str, Any], data: Data) -> str | None:
        result = state.get("Result", self._filled(state.get("Parameters", {}), data))
        data.update(tell(data, state["ResultPath"], copy.deepcopy(result)))
        return _next(state)

    def _wait(self, state: Mapping[str, Any], data: Data) -> str | None:
        self.waited += state["Seconds"]
        return _next(state)

    def _choice(self, state: Mapping[str, Any], data: Data) -> str | None:
        for each in state["Choices"]:
            if _holds(each, data):
                return str(each["Next"])
        return str(state["Default"])

    def _task(self, state: Mapping[str, Any], data: Data) -> str | None:
        payload = self._filled(state["Parameters"]["Payload"], data)
        try:
            answer = self._tried(state, payload)
        except Exception as error:
            (catch,) = state["Catch"]
            data.update(tell(data, catch["ResultPath"], {"Error": type(error).__name__, "Cause": str(error)}))
            return str(catch["Next"])
        selected = self._filled(state["ResultSelector"], {"Payload": answer})
        data.update(tell(data, state["ResultPath"], selected))
        return _next(state)

    def _tried(self, state: Mapping[str, Any], payload: Data) -> Data:
        """As Step Functions tries again: errors that are named come first, and have a number of their own."""
        for left in reversed(range(_TRIES + 1)):
            try:
                # What a function takes and gives is JSON.
                return dict(json.loads(json.dumps(self.call(json.loads(json.dumps(payload))))))
            except Exception as error:
                if type(error).__name__ in state["Retry"][0]["ErrorEquals"] or not left:
                    raise
        raise AssertionError("the last try returns or raises")

    def _filled(self, template: Any, data: Data) -> Any:
        if isinstance(template, Mapping):
            return {
                key.removesuffix(".$"): self._value(value, data)
                if key.endswith(".$")
                else self._filled(value, data)
                for key, value in template.items()
            }
        return template

    def _value(self, expression: str, data: Data) -> Any:
        if expression == "$$.Execution.Id":
            return self.execution
        formatted = re.fullmatch(r"States\.Format\('(.*)', (.*)\)", expression)
        if formatted:
            return formatted[1].format(*(at(each, data) for each in formatted[2].split(", ")))
        return copy.deepcopy(at(expression, data))


def _next(state: Mapping[str, Any]) -> str | None:
    return None if state.get("End") else str(state["Next"])


def _holds(choice: Mapping[str, Any], data: Data) -> bool:
    try:
        found = at(choice["Variable"], data)
    except KeyError:
        assert "IsPresent" in choice, f"{choice['Variable']} is not there"
        return not choice["IsPresent"]
    if "IsPresent" in choice:
        return bool(choice["IsPresent"])
    if "BooleanEquals" in choice:
        return bool(found is choice["BooleanEquals"])
    return bool(found == choice["StringEquals"])
