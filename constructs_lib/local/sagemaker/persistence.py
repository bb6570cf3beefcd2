"""SageMaker's state across restarts (--state-dir): what was asked for, not what ran.

Endpoints and inference components come back by being created anew, with the weights and counts that they had.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from ..emulator import Scope
from .endpoint import Desired, Endpoint
from .errors import ApiError
from .job import Job
from .job_shelf import Jobs
from .store import Record

if TYPE_CHECKING:
    from .service import SageMaker

State = dict[str, Any]
_logger = logging.getLogger(__name__)


def saved(sagemaker: SageMaker) -> State:
    """The state, as JSON knows it."""
    return {
        "models": [_of_record(record, sagemaker) for record in sagemaker.models.everywhere()],
        "configs": [_of_record(record, sagemaker) for record in sagemaker.configs.everywhere()],
        "endpoints": [_of_endpoint(endpoint, sagemaker) for endpoint in sagemaker.endpoints.everywhere()],
        "components": [
            {**_of_record(component, sagemaker), "copies": component.desired}
            for component in sagemaker.components.everywhere()
        ],
        **{_kept_as(jobs): [_of_job(job, sagemaker) for job in jobs.everywhere()] for jobs in sagemaker.jobs},
    }


def _of_record(record: Record, sagemaker: SageMaker) -> State:
    _arn, _aws, _service, region, account, _resource = record.arn.split(":", 5)
    return {
        "account": account,
        "region": region,
        "name": record.name,
        "arn": record.arn,
        "request": record.request,
        "created": record.created,
        "tags": sagemaker.tags.of(record.arn),
    }


def _of_endpoint(endpoint: Endpoint, sagemaker: SageMaker) -> State:
    kept = {
        name: [
            each.desired_weight,
            each.desired_count,
            each.desired_serverless and each.desired_serverless.max_concurrency,
        ]
        for name, each in endpoint.live.variants.items()
    }
    request = {**endpoint.request, "EndpointConfigName": endpoint.live.config_name}
    backlog = endpoint.backlog.saved()
    return {**_of_record(endpoint, sagemaker), "request": request, "kept": kept, "backlog": backlog}


def _of_job(job: Job, sagemaker: SageMaker) -> State:
    return {**_of_record(job, sagemaker), "outcome": {name: getattr(job, name) for name in job.outcome}}


def restore(sagemaker: SageMaker, state: State) -> None:
    """Bring saved state back. What cannot come back is told in the log and left out."""
    for shelf, kind in ((sagemaker.models, "models"), (sagemaker.configs, "configs")):
        for each in state.get(kind, []):
            with Scope(each["account"], each["region"]).active():
                members = {key: each[key] for key in ("name", "arn", "request", "created")}
                shelf.add(Record(**members))
                sagemaker.tags.add(each["arn"], each["tags"])
    for each in state.get("endpoints", []):
        with Scope(each["account"], each["region"]).active():
            _restore_endpoint(sagemaker, each)
    for each in state.get("components", []):
        with Scope(each["account"], each["region"]).active():
            _restore_component(sagemaker, each)
    for jobs in sagemaker.jobs:
        for each in state.get(_kept_as(jobs), []):
            with Scope(each["account"], each["region"]).active():
                _restore_job(sagemaker, jobs, each)


def _restore_endpoint(sagemaker: SageMaker, each: State) -> None:
    kept = {name: Desired(*values) for name, values in each["kept"].items()}
    try:
        endpoint = sagemaker.endpoints.create(each["request"], kept)
    except ApiError as error:
        _logger.warning("endpoint %s does not come back: %s", each["name"], error)
    else:
        endpoint.backlog.restore(each.get("backlog", []))
        sagemaker.tags.add(each["arn"], each["tags"])


def _restore_component(sagemaker: SageMaker, each: State) -> None:
    try:
        sagemaker.components.start(each["request"], each["copies"])
    except ApiError as error:
        _logger.warning("inference component %s does not come back: %s", each["name"], error)
    else:
        sagemaker.tags.add(each["arn"], each["tags"])


def _kept_as(jobs: Jobs[Any]) -> str:
    return f"{jobs.kind.noun.lower()}_jobs"


def _restore_job(sagemaker: SageMaker, jobs: Jobs[Any], each: State) -> None:
    """Bring a job back; one that was running then has failed."""
    members = {key: each[key] for key in ("name", "arn", "request", "created")}
    job: Job = jobs.record(**members, **each["outcome"], scope=Scope.current())
    if job.runs:
        job.fail("InternalServerError: The emulator was stopped while the job was running.")
    jobs.add(job)
    sagemaker.tags.add(job.arn, each["tags"])
