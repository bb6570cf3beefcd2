"""The copies of one version of an inference component: processes, each with a place on an instance."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..serving.container import FleetError
from ..serving.fleet import Fleet
from ..serving.instance import Instance
from ..settings import settings
from .component_spec import ComponentSpec
from .generation import DeploymentError
from .managed_instances import NO_ROOM, ManagedInstances, NoRoomError, Place

# How long a copy waits for somebody else's room, in AWS's seconds.
_ROOM_SECONDS = 300
_ROOM_POLL = 0.05

Copy = Instance
"""A copy is an instance of its fleet, of one container; what it stands on is ManagedInstances' affair."""


class Copies:
    """As many processes of one specification as were asked for."""

    def __init__(self, spec: ComponentSpec, fleet: Fleet, instances: Callable[[], ManagedInstances]) -> None:
        self.spec = spec
        self._fleet = fleet
        # Asked every time: an update of the endpoint exchanges them.
        self._instances = instances
        self._places: list[Place] = []

    @property
    def size(self) -> int:
        """How many copies there are."""
        return self._fleet.size

    @property
    def running(self) -> list[Copy]:
        """The copies, healthy or not."""
        return self._fleet.instances

    async def start(self, size: int) -> None:
        """Unpack the model and start the first copies; DeploymentError, and none, when one does not start."""
        try:
            await self._fleet.start(0)
            await self.resize(size)
        except FleetError as error:
            raise DeploymentError(str(error)) from error
        except DeploymentError:
            await self.stop()
            raise

    async def resize(self, size: int) -> None:
        """Bring the copies to this number; DeploymentError, with what could be started, when it cannot be."""
        missing = size - self.size
        try:
            if missing > 0:
                await self._find_places(missing)
            # Without room for all of them, those that have a place start nevertheless.
            await self._fleet.resize(min(size, len(self._places)))
        except FleetError as error:
            raise DeploymentError(_failed_health_check(error)) from error
        finally:
            self._give_places_back()
        if self.size < size:
            raise DeploymentError(NO_ROOM)

    async def _find_places(self, count: int) -> None:
        """Find so many places, or as many as there are once waiting has been no use."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + settings().wait(_ROOM_SECONDS)
        while count > 0:
            try:
                self._places.append(self._instances().place(self.spec.needs))
                count -= 1
            except NoRoomError:
                if loop.time() >= deadline:
                    return
                await asyncio.sleep(_ROOM_POLL)

    def _give_places_back(self) -> None:
        while len(self._places) > self._fleet.size:
            self._instances().vacate(self._places.pop())

    async def stop(self) -> None:
        """Stop every copy at once and remove the model."""
        await self._fleet.stop()
        self._give_places_back()


def _failed_health_check(error: Exception) -> str:
    return (
        "The container of the inference component did not pass the ping health check. "
        f"Please check CloudWatch logs for this inference component. {error}"
    )
