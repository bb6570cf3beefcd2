"""One run of a processing job: data, containers, data."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from ..emulator import Scope
from ..jobs.container import JobContainer
from . import job_data as data
from .job import DataError, JobError
from .job_data import Found
from .processing_request import JobInput, JobOutput, JobSpec

_CONFIG = "/opt/ml/config"
_PATH_MEMBERS = ("ProcessingInputs", "ProcessingOutputConfig", "AppSpecification", "Environment")


class ContainerError(JobError):
    """A container ended with another status than 0."""

    def __init__(self, host: str, status: int) -> None:
        super().__init__(f"AlgorithmError: See job logs for more information, exit code: {status} ({host})")


class ProcessingRun:
    """The instances of a job, from the first download to the last upload."""

    def __init__(
        self, description: Mapping[str, Any], spec: JobSpec, scope: Scope, folder: Path,
        log: Callable[[str, str], None],
    ) -> None:  # fmt: skip
        self._description = description
        self._spec = spec
        self._scope = scope
        self._folder = folder
        hosts = [f"algo-{number}" for number in range(1, spec.instances + 1)]
        self._hosts = {host: JobContainer(folder / host, partial(log, host)) for host in hosts}

    async def perform(self, environment: Mapping[str, str]) -> None:
        """Download, run, upload; DataError or ContainerError when that fails.

        Who cancels it ends every container.
        """
        for host, container in self._hosts.items():
            container.prepare()
            self._configure(host, container)
        for source in self._spec.inputs:
            await self._download(source)
        for target in self._spec.outputs:
            for container in self._hosts.values():
                container.local(target.path).mkdir(parents=True, exist_ok=True)
        await self._run_all({**environment, **self._spec.environment})
        await self._upload(self._spec.outputs)

    async def _run_all(self, environment: Mapping[str, str]) -> None:
        """Run the containers; the first that fails ends the others."""
        failed: list[BaseException] = []
        try:
            async with asyncio.TaskGroup() as group:
                for host, container in self._hosts.items():
                    group.create_task(self._run(host, container, environment))
        except* ContainerError as errors:
            failed += errors.exceptions
        # Not raised above: before Python 3.11.4 what is raised there comes out as a group again.
        if failed:
            raise failed[0]

    async def _run(self, host: str, container: JobContainer, environment: Mapping[str, str]) -> None:
        status = await container.run(self._spec.command, environment)
        if status:
            raise ContainerError(host, status)

    def ask_to_end(self) -> None:
        """Tell the containers to come to an end."""
        for container in self._hosts.values():
            container.ask_to_end()

    def messages(self) -> list[bytes]:
        """What the containers left as their last words."""
        return [container.message() for container in self._hosts.values()]

    async def upload_continuous(self) -> None:
        """Upload what AWS would have uploaded before the job failed or was stopped."""
        await self._upload(each for each in self._spec.outputs if each.continuous)

    async def remove(self) -> None:
        """Remove the instances' folders."""
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    def _configure(self, host: str, container: JobContainer) -> None:
        """Write the two files that tell a container about its job, with this machine's paths.

        Source: https://docs.aws.amazon.com/sagemaker/latest/dg/byoc-config.html
        """
        shown = {
            name: json.loads(container.mapped(json.dumps(value))) if name in _PATH_MEMBERS else value
            for name, value in self._description.items()
        }
        resources = {"current_host": host, "hosts": list(self._hosts)}
        for name, content in (("processingjobconfig", shown), ("resourceconfig", resources)):
            container.local(f"{_CONFIG}/{name}.json").write_text(json.dumps(content))

    async def _download(self, source: JobInput) -> None:
        with self._scope.active():
            listed = data.objects_of(source.uri, self._spec.role, manifest=source.manifest)
        found = data.with_a_place(listed)
        for number, container in enumerate(self._hosts.values()):
            mine = data.share_of(found, number, self._spec.instances) if source.sharded else found
            folder = container.local(source.path)
            folder.mkdir(parents=True, exist_ok=True)
            for each in mine:
                await self._fetch(each, folder / each.path)

    async def _fetch(self, found: Found, path: Path) -> None:
        with self._scope.active():
            content = data.read(found, self._spec.role)
        await asyncio.to_thread(_write_file, path, content)

    async def _upload(self, targets: Iterable[JobOutput]) -> None:
        for target in targets:
            for container in self._hosts.values():
                folder = container.local(target.path)
                for path in data.files_of(folder):
                    content = await asyncio.to_thread(path.read_bytes)
                    name = path.relative_to(folder).as_posix()
                    with self._scope.active():
                        data.write(
                            target.uri, name, content, role=self._spec.role, kms_key=self._spec.output_key
                        )


def _write_file(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        # Two keys of which one is a folder of the other, or a name too long for a file.
        raise DataError(f"ClientError: Failed to download data. {path.name}: {error.strerror}") from error
