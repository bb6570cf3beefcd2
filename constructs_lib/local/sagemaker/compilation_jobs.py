"""CreateCompilationJob and its relatives: nothing is compiled, the model is packed as it is.

The archive that comes out has the model, and a `manifest` that says what it was to be compiled for.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from ..emulator import Scope
from ..settings import settings
from . import job_data
from .async_storage import bucket_and_key
from .capacity import Capacity
from .compilation_job import CompilationJob
from .compilation_request import FILES, CompilationSpec
from .errors import MissingError, RefusedError
from .faults import Faults
from .job import DataError, Job, Patience, attend
from .job_control import Answer, JobControl
from .job_data import Found
from .job_shelf import Jobs
from .models import require_usable_role
from .store import Tags, own_copy

_STATUSES = {"INPROGRESS": "InProgress"}


def _nobody_hears(_job: Job) -> None:
    """Inferred: no event of compilation jobs is documented."""


class CompilationJobs(Jobs[CompilationJob]):
    """The compilation jobs of all accounts."""

    def __init__(self, capacity: Capacity, faults: Faults) -> None:
        super().__init__(CompilationJob, capacity, faults, _nobody_hears)

    def find(self, name: str) -> CompilationJob:
        """The job; MissingError when there is none."""
        try:
            return super().find(name)
        except RefusedError as error:
            raise MissingError(str(error)) from None

    def create(self, request: dict[str, Any], tell: Callable[[CompilationJob], None]) -> CompilationJob:
        """Keep a job and start it; `tell` is called before anybody hears of it."""
        name = request["CompilationJobName"]
        self.require_free(name)
        spec = CompilationSpec.of(request)
        require_usable_role(spec.role)
        job = CompilationJob(
            name=name, arn=self.arn(name), request=own_copy(request), scope=Scope.current()
        )  # fmt: skip
        self._begin(job, partial(self._work, job, spec), 0, tell)
        return job

    async def _work(self, job: CompilationJob, spec: CompilationSpec) -> None:
        """Read, pack, write; a stop leaves nothing."""
        patience = Patience(longest=spec.longest)
        job.conclude(await attend(job, asyncio.create_task(_compile(job, spec)), patience))


async def _compile(job: CompilationJob, spec: CompilationSpec) -> None:
    await asyncio.sleep(settings().update_delay)
    with job.scope.active():
        bucket, key = bucket_and_key(spec.model)
        archive = job_data.read(Found(bucket, key, key), spec.role)
        members = _members(archive)
        _require_model(spec.framework, list(members))
        packed = _packed({**members, "manifest": _manifest(spec)})
        name = f"{PurePosixPath(key).name.removesuffix('.tar.gz')}-{spec.target}.tar.gz"
        job_data.write(spec.output, name, packed, role=spec.role, kms_key=spec.key)
    job.artifacts = f"{spec.output.rstrip('/')}/{name}"
    job.digest = f"sha256:{hashlib.sha256(packed).hexdigest()}"


def _members(archive: bytes) -> dict[str, bytes]:
    """The files of an archive; DataError when it is none."""
    found = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as packed:
            for member in packed:
                content = packed.extractfile(member)
                if content is not None:
                    found[member.name] = content.read()
    except (tarfile.TarError, OSError, EOFError) as error:
        raise DataError(
            f"ClientError: InputConfiguration: Unable to untar input model. Please confirm the model is a tar.gz "
            f"file. {error}"
        ) from None
    return found


def _require_model(framework: str, names: list[str]) -> None:
    """DataError when the archive has not the files that the framework's models have."""
    for endings in FILES.get(framework, ()):
        found = [name for name in names if name.endswith(endings)]
        if len(found) != 1:
            raise DataError(
                f"ClientError: InputConfiguration: Framework cannot load the {framework} model. Exactly one "
                f"{' or '.join(endings)} file is expected in the archive, and it has {len(found)}."
            )


def _manifest(spec: CompilationSpec) -> bytes:
    told = {"framework": spec.framework, "target": spec.target, "compiled": False}
    return json.dumps(told).encode()


def _packed(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as packed:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            packed.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


class CompilationControl(JobControl):
    """What may be asked about compilation jobs, which can be deleted too."""

    def __init__(self, jobs: CompilationJobs, tags: Tags) -> None:
        super().__init__(jobs, tags)
        self._compilations = jobs
        self.operations["DeleteCompilationJob"] = self._delete
        listed = self.operations["ListCompilationJobs"]
        self.operations["ListCompilationJobs"] = lambda request: listed(_as_kept(request))

    def _delete(self, request: dict[str, Any]) -> Answer:
        name = request["CompilationJobName"]
        if self._compilations.find(name).runs:
            raise RefusedError("The compilation job is in progress: stop it first.")
        self._compilations.remove(name)
        return {}


def _as_kept(request: dict[str, Any]) -> dict[str, Any]:
    """The request with the status as it is kept here; there are no jobs that are STARTING."""
    status = request.get("StatusEquals")
    return request if status is None else {**request, "StatusEquals": _STATUSES.get(status, status.title())}
