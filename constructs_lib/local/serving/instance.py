"""One instance of a variant: a process for each container, of which a request goes through some or all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from .channel import BrokenOffError, Reply, UnreachableError
from .container import FleetError, UnpackedContainer
from .model_cache import Recorder
from .model_process import LoadError
from .multi_model import MultiModelWorker
from .worker import StartError, Worker

TARGET_CONTAINER = "x-amzn-sagemaker-target-container-hostname"
# What one container may hand to the next (AWS's guide: inference-pipeline-troubleshoot).
_LARGEST_HANDOVER = 5 * 1024 * 1024
_UNKNOWN_TYPE = "application/octet-stream"
_WENT_AWAY = "The model process ended while it was answering."

LogSink = Callable[[str, str], None]
"""Takes the name of a log stream, below the variant's, and a line."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, and from where."""

    reply: Reply
    container: str
    log_stream: str
    failure: TimeoutError | BrokenOffError | None = None
    """Why the container gave no answer: the reply is what the caller is told instead."""


class Instance:
    """The processes that stand for one instance: all of them run, or it is not in service."""

    def __init__(
        self, instance_id: str, containers: list[UnpackedContainer], log: LogSink, record: Recorder
    ) -> None:
        self.in_flight = 0
        self._id = instance_id
        self._log = log
        self._containers = {container.spec.name: container for container in containers}
        self._workers: dict[str, Worker] = {}
        for name, container in self._containers.items():
            self._workers[name] = self._worker(container, record)

    def _worker(self, container: UnpackedContainer, record: Recorder) -> Worker:
        # A folder per process: its socket, and its working directory.
        folder = container.base / "instances" / self._id
        folder.mkdir(parents=True)
        stream, catalogue = self._stream(container.spec.name), container.spec.catalogue
        log = partial(self._log, stream)
        if catalogue is None:
            return Worker(folder / "s", log)
        return MultiModelWorker(folder / "s", log, catalogue, record)

    def _stream(self, container: str) -> str:
        return self._id if len(self._containers) == 1 else f"{self._id}/{container}"

    @property
    def id(self) -> str:
        """What its log streams begin with."""
        return self._id

    @property
    def ready(self) -> bool:
        """Whether every container answers."""
        return all(worker.ready for worker in self._workers.values())

    def holds(self, model: str | None) -> bool:
        """Whether the model is loaded here, or is being loaded."""
        return any(worker.holds(model) for worker in self._workers.values())

    async def start(self, program_arguments: list[str], timeout: float) -> None:
        """Start every container; FleetError, and none runs, when one does not become healthy."""
        starts = (self._start(name, program_arguments, timeout) for name in self._workers)
        outcomes = await asyncio.gather(*starts, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                await self.stop()
                raise outcome

    async def _start(self, name: str, program_arguments: list[str], timeout: float) -> None:
        container = self._containers[name]
        try:
            await self._workers[name].start(
                [str(container.model_dir), *program_arguments], container.environment(), timeout
            )
        except StartError as error:
            raise FleetError(str(error), name) from error

    async def invoke(self, headers: Mapping[str, str], body: bytes, timeout: float) -> Answer:
        """Let the containers answer one after the other, or only the one that the headers name.

        Each has the time of the timeout. UnreachableError when the request reached none of them.
        """
        self.in_flight += 1
        try:
            target = headers.get(TARGET_CONTAINER)
            if target is not None:
                return await self._ask(target, headers, body, timeout)
            return await self._ask_all(headers, body, timeout)
        finally:
            self.in_flight -= 1

    async def _ask_all(self, headers: Mapping[str, str], body: bytes, timeout: float) -> Answer:
        first, *others = self._workers
        last = others[-1] if others else first
        answer = await self._ask(first, _for(first, last, headers), body, timeout)
        for name in others:
            if not 200 <= answer.reply.status < 300:
                return answer
            if len(answer.reply.body) > _LARGEST_HANDOVER:
                return _too_large(answer, name)
            handed_over = _for(name, last, headers, answer.reply.headers.get("content-type", _UNKNOWN_TYPE))
            answer = await self._ask_next(name, handed_over, answer.reply.body, timeout)
        return answer

    async def _ask_next(self, name: str, headers: Mapping[str, str], body: bytes, timeout: float) -> Answer:
        """Ask a container further down: the ones before it have worked, so nobody else may start anew."""
        try:
            return await self._ask(name, headers, body, timeout)
        except UnreachableError as error:
            return self._answer(name, Reply(500, {}, _WENT_AWAY.encode()), BrokenOffError(str(error)))

    async def _ask(self, name: str, headers: Mapping[str, str], body: bytes, timeout: float) -> Answer:
        try:
            return self._answer(name, await self._workers[name].invoke(headers, body, timeout))
        except TimeoutError as error:
            said = f"Your invocation timed out while waiting for a response from container {name}."
            return self._answer(name, Reply(500, {}, said.encode()), error)
        except BrokenOffError as error:
            return self._answer(name, Reply(500, {}, _WENT_AWAY.encode()), error)
        except LoadError as error:
            return self._answer(name, Reply(error.status, {}, str(error).encode()))

    def _answer(
        self, name: str, reply: Reply, failure: TimeoutError | BrokenOffError | None = None
    ) -> Answer:
        return Answer(reply, name, self._stream(name), failure)

    async def ended(self) -> None:
        """Return when any of the processes has ended by itself."""
        ends = [asyncio.ensure_future(worker.ended()) for worker in self._workers.values()]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()

    def log(self, line: str) -> None:
        """Say something about the instance in its log."""
        for name in self._workers:
            self._log(self._stream(name), line)

    async def stop(self) -> None:
        """End every process, and wait for them."""
        await asyncio.gather(*(worker.stop() for worker in self._workers.values()))

    def measurements(self) -> list[tuple[str, float, str]]:
        """The metrics of the instance: name, value, unit; those of its processes while they run."""
        measured: list[tuple[str, float, str]] = []
        loaded = [each.loaded_models for each in self._workers.values() if each.loaded_models is not None]
        if loaded:
            measured.append(("LoadedModelCount", sum(loaded), "None"))
        used = self.utilization()
        if used is not None:
            measured += [("CPUUtilization", used[0], "Percent"), ("MemoryUtilization", used[1], "Percent")]
        return measured

    def utilization(self) -> tuple[float, float] | None:
        """CPU and memory in percent since the last call, or None when no process runs."""
        used = [each for worker in self._workers.values() if (each := worker.utilization()) is not None]
        if not used:
            return None
        return sum(cpu for cpu, _ in used), sum(memory for _, memory in used)


def _for(
    name: str, last: str, headers: Mapping[str, str], content_type: str | None = None
) -> Mapping[str, str]:
    """The head of the request to one container: what the client accepts is for the last one."""
    told = dict(headers)
    if name != last:
        told.pop("accept", None)
    if content_type is not None:
        told["content-type"] = content_type
    return told


def _too_large(answer: Answer, receiver: str) -> Answer:
    said = (
        f"Received response from {answer.container} with status code {answer.reply.status}. However, the request "
        f"payload from {answer.container} to {receiver} is {len(answer.reply.body)} bytes, which has exceeded the "
        "maximum limit of 5 MB."
    )
    return Answer(Reply(500, {}, said.encode()), answer.container, answer.log_stream)
