"""Which model is served, and how another one takes its place under requests.

The newest instruction leads: a model that is offered, or a version that the shadow asks for. What it names is tried in
a process of its own, loaded, checked, and only then put in the place of the one before, which serves until then and
goes on serving if anything is wrong. A request takes `Swapper.current` once and keeps it to its end.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from .errors import BadModel, NoVerdict
from .memory import give_back
from .models import KILLED, MANIFEST, ModelStore, Offer, State, digest_of
from .trial import Tried, try_model

if TYPE_CHECKING:
    from .predictor import Predictor

_LOG = logging.getLogger(__name__)
_AGAIN_SECONDS = 30.0
"""Until a model that nothing could be said of is tried again."""

Report = dict[str, Any]


class Counts(Protocol):
    """Where swaps are counted."""

    def swap(self) -> None:
        """One model has taken another's place."""

    def fallback(self) -> None:
        """Another model than the one that was asked for is served."""

    def rejected_model(self) -> None:
        """A model is not to be served."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A model that answers."""

    version: str
    predictor: Predictor
    digest: str
    """Of its manifest: what the version stood for when it was loaded."""


class Swapper:
    """Holds the model that is served."""

    def __init__(
        self,
        store: ModelStore,
        *,
        counts: Counts,
        program: str,
        on_report: Callable[[Report], None],
        threads: int = 1,
        memory_mb: int | None = None,
    ) -> None:
        """:param program: the version of this program, which it tells.
        :param on_report: told whenever what the shadow should say has changed; it may not block.
        """
        self.on_report = on_report
        self.wake = threading.Event()
        """Set when there is something to look at."""
        self._store, self._counts, self._program = store, counts, program
        self._threads, self._memory_mb = threads, memory_mb
        self._lock, self._marking = threading.Lock(), threading.Lock()
        self._closing = False
        self._current: Loaded | None = None
        self._state = store.state()
        self._offer: Offer | None = None
        self._asked: list[str | None] = []
        self._told: Report = {}
        self._not_before: dict[str, float] = {}
        self._unsaved = self._replaced = False
        self._loading: str | None = None
        self._hindrance: str | None = None

    @property
    def current(self) -> Loaded | None:
        """The model that is served."""
        return self._current

    def want(self, version: str | None) -> None:
        """Ask for a version of those that are here; None: for the newest that was offered.

        It returns at once. The same wish again is no new one.
        """
        self._asked.append(version)
        self.wake.set()

    def start(self) -> None:
        """Serve the last good model, and then look whether another is asked for."""
        with self._lock:
            self._blame_killer()
            self._hear()
            good = [each for each in (self._state.serving, self._state.previous) if each is not None]
            for version in good:
                if version not in self._state.rejected and self._attempt(version, trusted=True):
                    break
            if self._current is not None and self._current.version != good[0]:
                self._counts.fallback()
        self.look()
        if self._current is None:
            self._last_resort(good)

    def look(self) -> None:
        """Take up what is new, and swap if that asks for it. One at a time; it may take as long as loading does."""
        with self._lock:
            self._hear()
            if self._replaced:
                self._replaced = False
                give_back()
            aim, current = self._aim(), self._current
            settled = aim is None or aim in self._state.rejected or self._is_served(aim)
            if aim is not None and not settled:
                self._reach(aim, current)
            if self._unsaved:
                self._decide(self._state)
            self._report()

    def close(self) -> None:
        """Load nothing more: the end of the program is no model's fault from here on."""
        with self._marking:
            self._closing = True
            self._unmark()

    def status(self) -> dict[str, Any]:
        """What is served, and what has become of the newest offer."""
        return {"model": self._reported(), "offer": self._verdict(self._offer)}

    # --- what is asked for ----------------------------------------------------------------------------

    def _aim(self) -> str | None:
        if self._state.leads == "wanted" and self._state.wanted is not None:
            return self._state.wanted
        return self._offer.version if self._offer else None

    def _is_served(self, version: str) -> bool:
        current = self._current
        if current is None or current.version != version:
            return False
        # Whoever reuses a version for another model means the other one. One that is gone, or damaged, serves on.
        return _digest(self._store.folder(version)) in (current.digest, "")

    def _hear(self) -> None:
        """Take up a new offer and new wishes. Either is a new try for a model that was rejected."""
        offer = self._store.offered()
        if offer is not None and offer.id != self._state.offer:
            self._offer = offer
            self._decide(
                replace(self._state, offer=offer.id, leads="offer", rejected=self._without(offer.version))
            )
            self._not_before.pop(offer.version, None)
        self._offer = offer or self._offer
        while self._asked:
            wish = self._asked.pop(0)
            if wish != self._state.wanted:
                leads = "offer" if wish is None else "wanted"
                killer = self._state.rejected.get(wish or "", "").startswith(KILLED)
                rejected = self._state.rejected if wish is None or killer else self._without(wish)
                self._decide(replace(self._state, wanted=wish, leads=leads, rejected=rejected))

    def _without(self, version: str) -> dict[str, str]:
        return {each: reason for each, reason in self._state.rejected.items() if each != version}

    # --- getting there --------------------------------------------------------------------------------

    def _reach(self, aim: str, current: Loaded | None) -> None:
        if not self._store.has(aim):
            self._hindrance = f"{aim} is not on this device"
        elif time.monotonic() >= self._not_before.get(aim, 0):
            self._loading = aim
            self._report()
            if not self._attempt(aim) and current is not None and aim in self._state.rejected:
                self._counts.fallback()
            self._loading = None

    def _attempt(self, version: str, *, trusted: bool = False) -> bool:
        """Load a model and serve it.

        :param trusted: it was good before, and need not be tried in another process first.
        """
        if not self._store.has(version):
            return False
        self._hindrance = None
        try:
            loaded = self._load(version, trusted=trusted)
        except BadModel as error:
            if not self._closing:
                self._reject(version, str(error))
            return False
        except (
            Exception
        ) as error:  # of memory, of the disk, of what nobody thought of: it says nothing of the model
            self._hindrance = f"{version} could not be tried: {error}"
            self._not_before[version] = time.monotonic() + _AGAIN_SECONDS
            _LOG.warning("%s", self._hindrance)
            return False
        self._adopt(loaded)
        return True

    def _load(self, version: str, *, trusted: bool) -> Loaded:
        from .predictor import Predictor

        folder = self._store.folder(version)
        self._store.require_whole(version)
        digest = _digest(folder)
        if not trusted:
            tried = try_model(folder, threads=self._threads, memory_mb=self._memory_mb)
            _tell(version, tried)
        with self._marked(version):
            predictor = Predictor(folder, threads=self._threads)
            predictor.check(folder)
        return Loaded(version=version, predictor=predictor, digest=digest)

    @contextmanager
    def _marked(self, version: str) -> Iterator[None]:
        """Leave a mark by which the next start knows what this one died of."""
        with self._marking:
            if self._closing:
                raise NoVerdict("the program stops")
            try:
                self._store.begin_loading(version)
            except OSError as error:
                # While another one serves, it is not given up for one that may end the program without a trace.
                if self._current is not None:
                    raise
                _LOG.warning("%s is loaded without a mark: %s", version, error)
        try:
            yield
        finally:
            self._unmark()

    def _unmark(self) -> None:
        try:
            self._store.end_loading()
        except OSError as error:
            _LOG.error("the mark of a model that is loaded stays: %s", error)

    def _adopt(self, loaded: Loaded) -> None:
        before, state = self._current, self._state
        if loaded.version != state.serving:
            last = state.serving if state.serving not in state.rejected else state.previous
            state = replace(
                state,
                serving=loaded.version,
                previous=last if last != loaded.version else None,
                since=time.time_ns() // 1_000_000,
            )
        state = replace(
            state, rejected={each: why for each, why in state.rejected.items() if each != loaded.version}
        )
        # Written down before anybody can see it: what was told to be served is served after a power cut.
        self._decide(state)
        self._current = loaded
        _LOG.info("%s is served", loaded.version)
        if before is not None:
            self._replaced = True
            self._counts.swap()
        try:
            self._store.prune({state.serving, state.previous, state.wanted})
        except OSError as error:
            _LOG.warning("older models could not be removed: %s", error)

    def _reject(self, version: str, reason: str) -> None:
        _LOG.error("%s is rejected: %s", version, reason)
        self._counts.rejected_model()
        self._decide(replace(self._state, rejected={**self._state.rejected, version: reason}))

    def _decide(self, state: State) -> None:
        """Decide, durably if the disk allows it; if not, again at the next look."""
        self._state = state
        try:
            self._store.save(state)
            self._unsaved = False
        except OSError as error:
            self._unsaved = True
            _LOG.error("what is served cannot be written down: %s", error)

    # --- after a death --------------------------------------------------------------------------------

    def _blame_killer(self) -> None:
        killer = self._store.died_loading()
        if killer is not None:
            self._reject(killer, KILLED)
            self._unmark()

    def _last_resort(self, good: list[str]) -> None:
        """Nothing is left: one that served before, and only is suspected, is better than nothing."""
        with self._lock:
            for version in good:
                if self._state.rejected.get(version, "").startswith(KILLED) and self._attempt(version):
                    self._counts.fallback()
                    break
            self._report()

    # --- telling --------------------------------------------------------------------------------------

    def _reported(self) -> Report:
        current, aim, state = self._current, self._aim(), self._state
        told: Report = {
            "version": current.version if current else None,
            "status": "serving" if current else "none",
            "wanted": aim,
            "previous": state.previous,
            "since": state.since,
            "program": self._program,
        }
        if self._loading is not None:
            return {**told, "status": "loading"}
        if aim is not None and not (current and current.version == aim):
            if aim in state.rejected:
                return {**told, "status": "rejected", "reason": state.rejected[aim]}
            if self._hindrance is not None:
                return {**told, "reason": self._hindrance}
        return told

    def _verdict(self, offer: Offer | None) -> dict[str, Any] | None:
        if offer is None:
            return None
        told: dict[str, Any] = {"id": offer.id, "version": offer.version}
        aim = self._aim()
        if aim != offer.version:
            return {**told, "verdict": "overtaken", "reason": f"{aim} is asked for since"}
        if offer.version in self._state.rejected:
            return {**told, "verdict": "rejected", "reason": self._state.rejected[offer.version]}
        served = self._loading is None and self._is_served(offer.version)
        return {**told, "verdict": "serving" if served else "loading", "reason": self._hindrance}

    def _report(self) -> None:
        told = self._reported()
        if told != self._told:
            self._told = told
            try:
                self.on_report(dict(told))
            except Exception:
                _LOG.exception("the model's state could not be reported")


def _digest(folder: Path) -> str:
    try:
        return digest_of(folder / MANIFEST)
    except OSError:
        return ""


def _tell(version: str, tried: Tried) -> None:
    _LOG.info("%s takes %.0f MiB; %s", version, tried.growth_mb, tried.checked)
