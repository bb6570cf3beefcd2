"""The instances of an endpoint for inference components: books of who stands where, and how many there are.

The copies are processes of this machine; that they stand on instances is written down here and nowhere
felt. What follows from it is: no room, no copy.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from ..serving.instance import Instance
from ..settings import settings
from .component_hosting import ManagedScaling
from .generation import DeploymentError
from .instance_facts import InstanceFacts, facts_of

# AWS releases an instance some ten minutes after its last copy (observed, not documented).
_IDLE_SECONDS = 600

NO_ROOM = (
    "There is not enough hardware resources on the instances for this endpoint to create a copy of the "
    "inference component."
)


class NoRoomError(Exception):
    """No instance has room for the copy, and none may be added."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What one copy reserves."""

    memory_mb: int
    cores: float
    accelerators: float
    spread: bool = False
    """Whether copies go to the emptiest instance (SPREAD), rather than to the fullest (BINPACK)."""


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """The place of one copy; each is one of its own."""

    needs: Needs


@dataclass(slots=True, eq=False)
class Host:
    """One instance as the books have it, and the copies on it."""

    facts: InstanceFacts
    places: set[Place] = field(default_factory=set)
    idle_since: float = field(default_factory=time.monotonic)

    @property
    def free_memory(self) -> int:
        """What memory is not reserved."""
        return self.facts.memory_mb - sum(place.needs.memory_mb for place in self.places)

    def has_room(self, needs: Needs) -> bool:
        """Whether one more copy fits."""
        cores = self.facts.cores - sum(place.needs.cores for place in self.places)
        accelerators = self.facts.accelerators - sum(place.needs.accelerators for place in self.places)
        return (
            needs.memory_mb <= self.free_memory
            and needs.cores <= cores
            and needs.accelerators <= accelerators
        )


class ManagedInstances:
    """Stands where an endpoint with a model has its fleet; answers nothing by itself."""

    def __init__(self, instance_type: str, scaling: ManagedScaling | None) -> None:
        self.facts = facts_of(instance_type)
        self.predecessor: ManagedInstances | None = None
        """Whose copies move in here when this starts: an update of the endpoint."""
        self._scaling = scaling
        self._hosts: list[Host] = []

    @property
    def size(self) -> int:
        """How many instances there are."""
        return len(self._hosts)

    @property
    def instances(self) -> list[Instance]:
        """None that runs a model: the components' copies do."""
        return []

    async def start(self, size: int) -> None:
        """Add `size` instances and let the predecessor's copies move in; DeploymentError without room."""
        self._hosts = [Host(self.facts) for _ in range(size)]
        if self.predecessor is not None:
            self._take_in(self.predecessor)
        self._release_later()

    def _take_in(self, predecessor: ManagedInstances) -> None:
        # They stay where they were too, until the predecessor stops: the update may be rolled back.
        for place in [place for host in predecessor._hosts for place in host.places]:
            try:
                self._put(place)
            except NoRoomError:
                raise DeploymentError(NO_ROOM) from None
        self.predecessor = None

    async def resize(self, size: int) -> None:
        """Nothing: the copies, and managed instance scaling, say how many instances there are."""

    async def drain(self) -> None:
        """Nothing is under way here."""

    async def stop(self) -> None:
        """Forget the instances."""
        self._hosts = []

    def place(self, needs: Needs) -> Place:
        """Find a place for one more copy, on a new instance if need be; NoRoomError when there is none."""
        place = Place(needs)
        self._put(place)
        return place

    def _put(self, place: Place) -> None:
        fitting = [host for host in self._hosts if host.has_room(place.needs)]
        if fitting:
            choose = max if place.needs.spread else min
            choose(fitting, key=lambda host: host.free_memory).places.add(place)
            return
        added = Host(self.facts)
        if self._scaling is None or self.size >= self._scaling.maximum or not added.has_room(place.needs):
            raise NoRoomError
        added.places.add(place)
        self._hosts.append(added)

    def vacate(self, place: Place) -> None:
        """A copy is gone. Its instance goes too, later, when it was the last."""
        for host in self._hosts:
            if place in host.places:
                host.places.remove(place)
                host.idle_since = time.monotonic()
        self._release_later()

    def _release_later(self) -> None:
        if self._scaling is not None:
            delay = settings().wait(_IDLE_SECONDS)
            asyncio.get_running_loop().call_later(delay, self._release_idle, delay)

    def _release_idle(self, delay: float) -> None:
        """Give back, down to the minimum, what has been without a copy for so long."""
        if self._scaling is None:
            return
        latest = time.monotonic() - delay
        for host in list(self._hosts):
            idle = not host.places and host.idle_since <= latest
            if idle and self.size > self._scaling.minimum:
                self._hosts.remove(host)
