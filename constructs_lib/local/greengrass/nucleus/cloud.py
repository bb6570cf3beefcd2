"""What a device asks of AWS. Clients are made when they are needed: a device that waits has two of them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

SHADOW = "AWSManagedGreengrassV2Deployment"
_LONGEST_DETAIL = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job that waits for this device."""

    id: str
    document: Mapping[str, Any]


class CloudError(Exception):
    """AWS refuses, or cannot be reached."""


class Aws:
    """The embedded AWS, by boto3.

    `role` is the session of the token exchange role: artefacts are fetched with it, and components get it. Without
    one the device's own is used. What a nucleus asks of IoT and Greengrass with its certificate is asked with the
    device's own in any case.
    """

    def __init__(self, thing: str, *, endpoint: str, role: boto3.Session | None = None) -> None:
        self._thing = thing
        self._endpoint = endpoint
        self._session = boto3.Session()
        self._role = role or self._session

    def _client(self, service: str, session: Any = None) -> Any:
        session = session or self._session  # the stubs know a client's type by a literal name alone
        config = Config(retries={"total_max_attempts": 3}, connect_timeout=5, read_timeout=30)
        return session.client(service, endpoint_url=self._endpoint, config=config)

    @cached_property
    def _jobs(self) -> Any:
        return self._client("iot-jobs-data")

    @cached_property
    def _data(self) -> Any:
        return self._client("iot-data")

    @cached_property
    def _greengrass(self) -> Any:
        return self._client("greengrassv2")

    @cached_property
    def _s3(self) -> Any:
        return self._client("s3", self._role)

    def environment(self) -> dict[str, str]:
        """What components need to reach AWS with the rights of the device."""
        session: Any = self._role
        credentials = session.get_credentials().get_frozen_credentials()
        return {
            "AWS_ENDPOINT_URL": self._endpoint,
            "AWS_REGION": session.region_name,
            "AWS_DEFAULT_REGION": session.region_name,
            "AWS_ACCESS_KEY_ID": credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
            **({"AWS_SESSION_TOKEN": credentials.token} if credentials.token else {}),
        }

    def next_job(self) -> Job | None:
        """The deployment that has waited longest, one that was begun first."""
        try:
            pending = self._jobs.get_pending_job_executions(thingName=self._thing)
            waiting = [*pending.get("inProgressJobs", []), *pending.get("queuedJobs", [])]
            if not waiting:
                return None
            job_id = min(waiting, key=lambda each: ("startedAt" not in each, each["queuedAt"]))["jobId"]
            found = self._jobs.describe_job_execution(thingName=self._thing, jobId=job_id)
        except (BotoCoreError, ClientError) as error:
            raise CloudError(str(error)) from error
        return Job(id=job_id, document=json.loads(found["execution"]["jobDocument"]))

    def report_job(self, job_id: str, status: str, details: Mapping[str, str]) -> None:
        """UpdateJobExecution. A job that is no longer there, or no longer waits, is let go."""
        told = {name: value[:_LONGEST_DETAIL] for name, value in details.items() if value}
        try:
            self._jobs.update_job_execution(
                thingName=self._thing, jobId=job_id, status=status, statusDetails=told
            )
        except ClientError as error:
            if error.response["Error"]["Code"] not in _OVER:
                raise CloudError(str(error)) from error
        except BotoCoreError as error:
            raise CloudError(str(error)) from error

    def desired(self) -> Mapping[str, Any]:
        """What the shadow wants of this thing alone; empty where there is no such deployment."""
        try:
            found = self._data.get_thing_shadow(thingName=self._thing, shadowName=SHADOW)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return {}
            raise CloudError(str(error)) from error
        except BotoCoreError as error:
            raise CloudError(str(error)) from error
        return dict(json.loads(found["payload"].read())["state"].get("desired") or {})

    def report_shadow(self, arn: str, status: str, details: Mapping[str, str]) -> None:
        """How far the deployment to this thing alone has come."""
        told = {
            "fleetConfigurationArnForStatus": arn,
            "status": status,
            "statusDetails": {
                "detailedStatus": details.get("detailed-deployment-status"),
                "failureCause": details.get("deployment-failure-cause"),
            },
        }
        self._call(
            self._data.update_thing_shadow,
            thingName=self._thing,
            shadowName=SHADOW,
            payload=json.dumps({"state": {"reported": told}}),
        )

    def groups(self) -> list[str]:
        """The ARNs of the thing groups that this thing is in."""
        # A client of its own: its model is large, and it is asked once a deployment.
        iot = self._client("iot")
        found = self._call(iot.list_thing_groups_for_thing, thingName=self._thing)
        return [each["groupArn"] for each in found["thingGroups"]]

    def resolve(self, name: str, requirements: Mapping[str, str]) -> dict[str, Any]:
        """The recipe of the newest version of a component that meets the requirements."""
        candidate = {"componentName": name, "versionRequirements": dict(requirements)}
        found = self._call(
            self._greengrass.resolve_component_candidates,
            platform={"name": "linux", "attributes": {"os": "linux"}},
            componentCandidates=[candidate],
        )
        recipe = found["resolvedComponentVersions"][0]["recipe"]
        return dict(json.loads(recipe if isinstance(recipe, bytes) else base64.b64decode(recipe)))

    def fetch(self, uri: str, path: Path) -> None:
        """Download an artefact."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        try:
            answer = self._s3.get_object(Bucket=bucket, Key=key)
            with path.open("wb") as file:
                for chunk in _chunks(answer["Body"]):
                    file.write(chunk)
        except (BotoCoreError, ClientError) as error:
            raise CloudError(f"Failed to download artifact {uri}: {error}") from error

    def report_health(self, report: Mapping[str, Any]) -> None:
        """Tell the fleet status service."""
        topic = f"$aws/things/{self._thing}/greengrassv2/health/json"
        self._call(self._data.publish, topic=topic, qos=1, payload=json.dumps(dict(report)))

    @staticmethod
    def _call(operation: Any, **members: Any) -> Any:
        try:
            return operation(**members)
        except (BotoCoreError, ClientError) as error:
            raise CloudError(str(error)) from error


_OVER = frozenset(
    {
        "ResourceNotFoundException",
        "InvalidRequestException",
        "InvalidStateTransitionException",
        "TerminalStateException",
    }
)


def _chunks(body: Any) -> Iterable[bytes]:
    chunks: Iterable[bytes] = body.iter_chunks(1 << 20)
    return chunks
