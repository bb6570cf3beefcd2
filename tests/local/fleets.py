"""Components, groups and deployments for the tests of Greengrass."""

from __future__ import annotations

import io
import itertools
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tools.core_devices import CoreDevice
from tools.embedded_aws import ACCOUNT, REGION, LocalAws, until

from .hosting import BUCKET

_numbers = itertools.count(1)
LINUX = {"os": "linux"}


def arn(resource: str) -> str:
    """The ARN of a resource of IoT."""
    return f"arn:aws:iot:{REGION}:{ACCOUNT}:{resource}"


def zipped(files: Mapping[str, str]) -> bytes:
    """A ZIP of these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


class Fleet:
    """Greengrass V2 through boto3; names are made up, so that tests share a server."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws = aws
        self.number = next(_numbers)
        self.greengrass = aws.client("greengrassv2")
        self.iot = aws.client("iot")

    def name(self, stem: str) -> str:
        """A name that no other test has."""
        return f"f{self.number}.{stem}"

    def upload(self, content: bytes, file: str = "package.zip") -> str:
        """Put an artefact into S3; its URI."""
        key = f"artifacts/{self.number}/{next(_numbers)}/{file}"
        self.aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=content)
        return f"s3://{BUCKET}/{key}"

    def recipe(
        self, stem: str, version: str = "1.0.0", lifecycle: Mapping[str, Any] | None = None, **more: Any
    ) -> dict[str, Any]:
        """A recipe with one manifest; `artifacts` belong to it, `hard` and `soft` name dependencies."""
        manifest: dict[str, Any] = {"Platform": LINUX, "Lifecycle": dict(lifecycle or {})}
        manifest["Artifacts"] = more.pop("artifacts", [])
        dependencies = {
            self.name(other): {"VersionRequirement": ">=0.0.0", "DependencyType": kind.upper()}
            for kind in ("hard", "soft")
            for other in more.pop(kind, ())
        }
        return {
            "RecipeFormatVersion": "2020-01-25",
            "ComponentName": self.name(stem),
            "ComponentVersion": version,
            **({"ComponentDependencies": dependencies} if dependencies else {}),
            "Manifests": [manifest],
            **more,
        }

    def create(self, recipe: Mapping[str, Any], **members: Any) -> dict[str, Any]:
        """CreateComponentVersion."""
        text = json.dumps(recipe).encode()
        return dict(self.greengrass.create_component_version(inlineRecipe=text, **members))

    def publish(self, stem: str, *arguments: Any, **more: Any) -> str:
        """Create a version of a component and wait until it can be deployed; its ARN."""
        found = str(self.create(self.recipe(stem, *arguments, **more))["arn"])
        until(lambda: self.state_of(found) == "DEPLOYABLE", what=f"{found} is deployable")
        return found

    def state_of(self, component: str) -> str:
        """The state of a version of a component."""
        return str(self.greengrass.describe_component(arn=component)["status"]["componentState"])

    def group(self, *things: str, stem: str = "group") -> str:
        """A group of these things, which are made where they are not there; its ARN."""
        name = self.name(stem).replace(".", "-")
        self.iot.create_thing_group(thingGroupName=name)
        for thing in things:
            self.iot.create_thing(thingName=thing)
            self.iot.add_thing_to_thing_group(thingName=thing, thingGroupName=name)
        return arn(f"thinggroup/{name}")

    def thing(self, stem: str = "thing") -> str:
        """The name of a thing that no other test has."""
        return self.name(stem).replace(".", "-")

    def deploy(self, target: str, versions: Mapping[str, str], **members: Any) -> dict[str, Any]:
        """CreateDeployment of these versions."""
        components = {self.name(stem): {"componentVersion": version} for stem, version in versions.items()}
        for stem, update in members.pop("configuration", {}).items():
            components[self.name(stem)]["configurationUpdate"] = update
        return dict(self.greengrass.create_deployment(targetArn=target, components=components, **members))

    def counts(self, deployment: Mapping[str, Any]) -> dict[str, int]:
        """How many things are where, in the job of a deployment to a group; those that are none are left out."""
        details = self.iot.describe_job(jobId=deployment["iotJobId"])["job"]["jobProcessDetails"]
        return {name[8:-6].lower(): number for name, number in details.items() if number}

    def wait_for(self, deployment: Mapping[str, Any], **wanted: int) -> None:
        """Wait until the counts of a deployment are these."""
        until(lambda: self.counts(deployment) == wanted, what=f"{wanted} of {deployment['deploymentId']}")

    def running(self, thing: str) -> dict[str, tuple[str, str]]:
        """Version and state of each component that a device has told of, by the stem of its name."""
        found = self.greengrass.list_installed_components(coreDeviceThingName=thing, topologyFilter="ALL")
        return {
            each["componentName"].partition(".")[2]: (each["componentVersion"], each["lifecycleState"])
            for each in found["installedComponents"]
        }

    def reason(self, thing: str, deployment: Mapping[str, Any]) -> str:
        """Why a deployment failed on a device."""
        found = self.greengrass.list_effective_deployments(coreDeviceThingName=thing)["effectiveDeployments"]
        return str(next(e["reason"] for e in found if e["deploymentId"] == deployment["deploymentId"]))

    def said(self, device: CoreDevice, stem: str) -> list[str]:
        """The lines that the scripts of a component have written, without the device's own."""
        lines = device.log(self.name(stem)).splitlines()
        return [line for line in lines if f"[{self.name(stem)}]" not in line]


def text(path: Path) -> str:
    """The content of a file, empty as long as it is not there."""
    return path.read_text() if path.exists() else ""
