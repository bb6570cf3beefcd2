"""A component on the device: its states, on a thread of its own.

NEW → (install) → INSTALLED → (hard dependencies are there) → STARTING → RUNNING → STOPPING → FINISHED; a step that
fails makes it ERRORED, and it is tried again; the third error of a state in a row makes it BROKEN, until a
deployment. Installing waits for no dependency: the nucleus runs all installs at once.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable
from typing import Protocol

from .scripts import Scripts, end
from .spec import Spec

_MOST_ERRORS = 3
#: What a dependent may start upon. One that is stopping has not failed to start.
READY = frozenset({"RUNNING", "FINISHED", "STOPPING"})
_DONE = frozenset({"RUNNING", "FINISHED"})


class Neighbours(Protocol):
    """What a component knows of the others."""

    def ready(self, names: frozenset[str]) -> bool:
        """Whether all of them have started."""


class Component:
    """One component. `changed` guards everything that can be seen from outside."""

    def __init__(
        self,
        spec: Spec,
        *,
        changed: threading.Condition,
        neighbours: Neighbours,
        scripts: Scripts,
        on_state: Callable[[str, str], None],
    ) -> None:
        self.spec = spec
        self.state = "NEW"
        self.details = ""
        self._changed = changed
        self._neighbours = neighbours
        self._scripts = scripts
        self._on_state = on_state
        self._errors: dict[str, int] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._exit: int | None = None
        self._todo: str | None = "install"
        self._closing = False
        self._thread = threading.Thread(target=self._live, name=spec.name, daemon=True)

    def begin(self) -> None:
        """Begin to live."""
        self._thread.start()

    @property
    def settled(self) -> bool:
        """Whether it is where a deployment wants it, or broken. With `changed` held."""
        return self._todo is None and (self.state in _DONE or self.state == "BROKEN")

    def change(self, spec: Spec) -> None:
        """Become another version, or have other scripts; nothing happens where nothing differs. `changed` held."""
        before, self.spec = self.spec, spec
        if spec.must_install_again(before) or self.state == "BROKEN":
            self._todo = "install"
            self._scripts.interrupt()
        elif spec.must_restart(before):
            self.restart()
        self._changed.notify_all()

    def restart(self) -> None:
        """Stop and start again, once it can: its own scripts or a hard dependency have changed. `changed` held."""
        if self._todo is None:
            self._todo = "start"
            self._changed.notify_all()

    def close(self) -> None:
        """Stop for good; waits until it has."""
        with self._changed:
            self._closing = True
            self._scripts.interrupt()
            self._changed.notify_all()
        self._thread.join()

    # --- the thread -----------------------------------------------------------------------------

    def _live(self) -> None:
        while True:
            with self._changed:
                while not self._has_reason_to_act():
                    self._changed.wait()
                closing, todo, state = self._closing, self._todo, self.state
            if closing:
                self._stop("FINISHED")
                return
            self._act(todo, state)

    def _has_reason_to_act(self) -> bool:
        if self._closing or self._exit is not None:
            return True
        if self._todo == "install":
            return True
        if self.state == "INSTALLED":
            return self._neighbours.ready(self.spec.hard)
        return self._todo == "start" and self.state in _DONE

    def _act(self, todo: str | None, state: str) -> None:
        if todo == "install":
            self._install(state)
        elif state == "INSTALLED":
            self._start()
        elif self._exit is not None and todo is None:
            self._exited(self._exit)
        else:
            self._stop("INSTALLED")

    def _install(self, state: str) -> None:
        if state != "BROKEN":
            self._stop("NEW")
        with self._changed:
            self._todo, spec = "installing", self.spec
            self._errors.clear()
            self._set("NEW")
        while True:
            problem = self._run_steps(spec, ("bootstrap", "install"))
            with self._changed:
                if self._todo == "install" or self._closing:
                    return  # another version has come meanwhile
                if problem is None:
                    self._todo = "start"
                    self._set("INSTALLED")
                    return
                self._set("ERRORED", problem)
                if self._broken_by("NEW", problem):
                    return
            self._recover(spec)

    def _run_steps(self, spec: Spec, phases: tuple[str, ...]) -> str | None:
        for phase in phases:
            problem = self._scripts.run(phase, spec.steps[phase]) if phase in spec.steps else None
            if problem is not None:
                return problem
        return None

    def _start(self) -> None:
        with self._changed:
            spec = self.spec
            if self._todo == "start":
                self._todo = None
            self._set("STARTING")
        if "startup" in spec.steps:
            problem = self._scripts.run("startup", spec.steps["startup"])
            if problem is None:
                with self._changed:
                    self._set("RUNNING")
            else:
                self._failed("STARTING", problem)
            return
        process = self._scripts.start("run", spec.steps["run"]) if "run" in spec.steps else None
        with self._changed:
            self._process, self._exit = process, None
            self._set("RUNNING" if process else "FINISHED")
        if process is not None:
            threading.Thread(target=self._wait_for, args=(process, spec), daemon=True).start()

    def _wait_for(self, process: subprocess.Popen[bytes], spec: Spec) -> None:
        try:
            status = process.wait(spec.steps["run"].timeout)
        except subprocess.TimeoutExpired:
            end(process)
            status = process.returncode or 1
        with self._changed:
            if self._process is process:
                self._exit = status
                self._changed.notify_all()

    def _exited(self, status: int) -> None:
        self._scripts.note(f"run exited with {status}")
        if status == 0:
            self._stop("FINISHED")
        else:
            self._failed("RUNNING", f"The run script exited with code {status}")

    def _failed(self, state: str, problem: str) -> None:
        with self._changed:
            self._set("ERRORED", problem)
        self._recover(self.spec)
        with self._changed:
            broken = self._broken_by(state, problem)
        self._stop("BROKEN" if broken else "INSTALLED")

    def _broken_by(self, state: str, problem: str) -> bool:
        """Count an error; whether it was one too many."""
        self._errors[state] = self._errors.get(state, 0) + 1
        if self._errors[state] < _MOST_ERRORS:
            return False
        if self._todo != "install":
            self._todo = None
        self._set("BROKEN", problem)
        return True

    def _recover(self, spec: Spec) -> None:
        if "recover" in spec.steps:
            self._scripts.run("recover", spec.steps["recover"])

    def _stop(self, then: str) -> None:
        """Run the shutdown script and end what runs, where something does."""
        with self._changed:
            process, self._process, self._exit = self._process, None, None
            was, spec = self.state, self.spec
            stopping = was in ("STARTING", "RUNNING", "ERRORED") or process is not None or then == "BROKEN"
            if stopping and then != "BROKEN":
                self._set("STOPPING")
        if stopping and "shutdown" in spec.steps:
            self._scripts.run("shutdown", spec.steps["shutdown"])
        if process is not None:
            end(process)
        with self._changed:
            if self.state != then:
                self._set(then, self.details if then == "BROKEN" else "")

    def _set(self, state: str, details: str = "") -> None:
        self.state, self.details = state, details
        self._scripts.note(f"is {state}" + (f": {details}" if details else ""))
        self._on_state(self.spec.name, state)
        self._changed.notify_all()
