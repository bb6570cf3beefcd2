"""One run of a transform job: objects to the model, its answers to S3."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ..emulator import Scope
from ..serving.channel import BrokenOffError, UnreachableError
from ..serving.container import FleetError
from ..serving.fleet import Fleet
from ..serving.instance import Answer, Instance
from . import job_data as data
from .job import DataError, JobError
from .job_data import Found
from .transform_records import Payload, RecordError, assembled, payloads
from .transform_request import TransformSpec

_DATA_LOG = "data-log"
_SUFFIX = ".out"

Log = Callable[[str, str], None]
"""Takes the name of a log stream below the job's, and a line."""


class TransformError(JobError):
    """Some object could not be transformed, or the model could not be run.

    Users of AWS report both sentences. Which is said when is inferred: ClientError when the data, or a
    model's answer of 400 and above, is the reason; AlgorithmError when the model is.
    """

    def __init__(self, side: str) -> None:
        super().__init__(f"{side}: See job logs for more information")


class ProcessEndedError(Exception):
    """A process of the model has ended by itself."""


class ObjectError(Exception):
    """An object cannot be transformed: whose fault it is, and lines for the log."""

    def __init__(self, side: str, *lines: str) -> None:
        super().__init__(*lines)
        self.side = side
        self.lines = lines


@dataclass(slots=True)
class _Outcome:
    """What became of the objects so far."""

    outputs: dict[str, bytes] = field(default_factory=dict)
    """By path."""
    failures: list[ObjectError] = field(default_factory=list)


class TransformRun:
    """The instances of a job, from the first download to the last upload."""

    def __init__(self, spec: TransformSpec, scope: Scope, role: str | None, fleet: Fleet, log: Log) -> None:
        self._spec = spec
        self._scope = scope
        self._role = role
        self._fleet = fleet
        self._log = log
        self._outcome = _Outcome()

    async def perform(self) -> None:
        """Transform every object, then upload what was made; JobError when not all is well.

        Source of what is uploaded: the descriptions of TransformOutput (only whole objects, and those that
        succeeded although others have failed) and of StopTransformJob (nothing, when it is stopped).
        """
        with self._scope.active():
            found = data.objects_of(self._spec.uri, self._role, manifest=self._spec.manifest)
        await self._start(found)
        alive = await self._transform_all(found)
        self._upload()
        if not alive:
            raise TransformError("AlgorithmError")
        sides = {failure.side for failure in self._outcome.failures}
        if sides:
            raise TransformError("ClientError" if "ClientError" in sides else "AlgorithmError")

    async def _start(self, found: Sequence[Found]) -> None:
        """Start the instances that have something to do: an object goes to one of them."""
        try:
            await self._fleet.start(min(self._spec.instances, len(found)))
        except FleetError as error:
            self._say(_DATA_LOG, str(error))
            raise TransformError("AlgorithmError") from error

    async def _transform_all(self, found: list[Found]) -> bool:
        """Let each instance transform its share. False when a process of the model has ended meanwhile."""
        instances = self._fleet.instances
        shares = [data.share_of(found, number, len(instances)) for number in range(len(instances))]
        work = asyncio.create_task(
            _together(self._serve(each, share) for each, share in zip(instances, shares, strict=True))
        )
        ends = [asyncio.create_task(each.ended()) for each in instances]
        try:
            await asyncio.wait({work, *ends}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                return False
            await work
        except ProcessEndedError:
            return False
        finally:
            for each in (work, *ends):
                each.cancel()
            await asyncio.gather(work, *ends, return_exceptions=True)
        return True

    async def _serve(self, instance: Instance, share: Iterable[Found]) -> None:
        """Transform the objects of one instance, as many at a time as it gets requests."""
        spec = self._spec
        self._say(
            f"{instance.id}/{_DATA_LOG}",
            f"MaxConcurrentTransforms={spec.concurrency}, MaxPayloadInMB={spec.payload_mb}, "
            f"BatchStrategy={spec.strategy}",
        )
        client = _Client(instance, spec)
        waiting = iter(share)

        async def take() -> None:
            for each in waiting:
                await self._transform(client, each)

        await _together(take() for _ in range(spec.concurrency))

    async def _transform(self, client: _Client, found: Found) -> None:
        try:
            self._outcome.outputs[found.path] = await client.transformed(await self._read(found))
        except ObjectError as error:
            self._outcome.failures.append(error)
            for line in error.lines:
                self._say(
                    f"{client.instance.id}/{_DATA_LOG}", f"{found.bucket}/{found.key}: {line}"
                )  # fmt: skip

    async def _read(self, found: Found) -> bytes:
        try:
            with self._scope.active():
                content = data.read(found, self._role)
            return await asyncio.to_thread(gzip.decompress, content) if self._spec.gzip else content
        except DataError as error:
            raise ObjectError("ClientError", str(error)) from error
        except (OSError, EOFError, zlib.error) as error:
            raise ObjectError("ClientError", f"ClientError: Unable to decompress: {error}") from error

    def _upload(self) -> None:
        spec = self._spec
        for path, content in self._outcome.outputs.items():
            with self._scope.active():
                data.write(
                    spec.output_uri, f"{path}{_SUFFIX}", content, role=self._role, kms_key=spec.output_key
                )

    def _say(self, stream: str, text: str) -> None:
        """Write into a log of data, in the form that AWS's have."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
        self._log(stream, f"{now}:[sagemaker logs]: {text}")


class _Client:
    """Who asks one instance."""

    def __init__(self, instance: Instance, spec: TransformSpec) -> None:
        self.instance = instance
        self._spec = spec
        self._slots = asyncio.Semaphore(spec.concurrency)

    async def transformed(self, content: bytes) -> bytes:
        """The output of an object; ObjectError when one of its records has none."""
        spec = self._spec
        try:
            # On a thread: the server answers others meanwhile.
            requests = await asyncio.to_thread(self._requests, content)
            answers = [b""] * len(requests)
            waiting = iter(enumerate(requests))

            async def take() -> None:
                for number, request in waiting:
                    answer = await self._answer(request)
                    answers[number] = await asyncio.to_thread(spec.processing.kept, request.records, answer)

            await _together(take() for _ in range(spec.concurrency))
        except RecordError as error:
            raise ObjectError("ClientError", f"ClientError: {error}") from error
        return assembled(answers, lines=spec.assembles_lines)

    def _requests(self, content: bytes) -> list[Payload]:
        return list(payloads(content, self._spec.batching, self._spec.processing))

    async def _answer(self, request: Payload) -> bytes:
        """The model's answer. Inferred: it is asked again when it was too slow, or answered 500 and above."""
        attempts = self._spec.retries + 1
        while True:
            attempts -= 1
            async with self._slots:
                answer = await self._ask(request)
            status = answer.reply.status
            if 200 <= status < 300:
                return answer.reply.body
            if status < 500 or not attempts:
                raise _refused(answer)

    async def _ask(self, request: Payload) -> Answer:
        try:
            answer = await self.instance.invoke(self._spec.headers, request.body, self._spec.timeout)
        except UnreachableError as error:
            raise ProcessEndedError from error
        if isinstance(answer.failure, BrokenOffError):
            raise ProcessEndedError
        return answer


def _refused(answer: Answer) -> ObjectError:
    """What the log says, in AWS's words, as users have reported them."""
    if answer.failure is not None:
        return ObjectError("AlgorithmError", "Unable to get response from algorithm")
    status = answer.reply.status
    said = answer.reply.body.decode("utf-8", "replace").splitlines()
    if status < 500:
        return ObjectError("ClientError", f"ClientError: {status}", "", "Message:", *said)
    first = f"Bad HTTP status received from algorithm: {status}"
    return ObjectError("AlgorithmError", first, "", "Message:", *said)


async def _together(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Wait for all; the first that fails, or who cancels this, ends the others."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
