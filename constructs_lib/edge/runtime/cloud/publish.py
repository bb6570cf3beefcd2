"""Publishing of components: an artefact in its place, then a version named after what it contains.

Events are CloudFormation's, for the custom resource of a component. What has been published stays when the resource
goes: devices may have to go back to it.

A crash anywhere leaves an object that nobody names, or a version that is as it should be: the next try finds either.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from ....core.runtime.clients import client
from ....core.runtime.custom_resource import answer
from .versions import version_of

VERSION, ARTEFACT, DIGEST = "@VERSION@", "@ARTEFACT@", "@DIGEST@"
"""What a recipe has in the places that publishing fills in (edge/recipe.py)."""
_TAG = "digest"
_BLOCK = 1 << 20
_PATIENCE_SECONDS = 300
_LOOK_SECONDS = 1.0
_BUSY = ("REQUESTED", "INITIATED")

log = logging.getLogger()
log.setLevel(logging.INFO)


class PublishingError(Exception):
    """A component cannot be published; says which and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The object that a component is made of."""

    bucket: str
    key: str
    file: str
    """What it is called on devices."""

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Source:
        """As the custom resource has it."""
        return cls(bucket=told["Bucket"], key=told["Key"], file=told["File"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where artefacts of components lie."""

    bucket: str
    prefix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A version that devices can get."""

    component: str
    version: str
    arn: str
    digest: str
    uri: str
    """Of the artefact; empty where there is none."""

    @property
    def attributes(self) -> dict[str, str]:
        """What other resources of a stack ask for."""
        return {"Version": self.version, "Arn": self.arn, "Digest": self.digest, "ArtefactUri": self.uri}


def handle(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Entry point of the function."""
    properties = event["ResourceProperties"]
    name = properties["Component"]
    # The same for all versions: another would make CloudFormation delete the one before.
    if event["RequestType"] == "Delete":
        answer(event, physical_id=event.get("PhysicalResourceId", name))
        return {}
    try:
        published = Publishing.made().publish(
            name,
            properties["Recipe"],
            source=Source.of(properties["Artefact"]) if "Artefact" in properties else None,
            target=Target(bucket=properties["Target"]["Bucket"], prefix=properties["Target"]["Prefix"]),
        )
    except Exception as error:  # whatever it is: CloudFormation waits for an answer
        log.exception("failed")
        answer(event, physical_id=name, failure=f"{name}: {type(error).__name__}: {error}")
        return {}
    log.info("%s %s", name, published.version)
    answer(event, physical_id=name, attributes=published.attributes)
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Publishing:
    """Publishes by these clients."""

    s3: Any
    greengrass: Any
    sts: Any
    wait: Callable[[float], None] = time.sleep

    @classmethod
    def made(cls) -> Publishing:
        """Of the surroundings."""
        return cls(s3=client("s3"), greengrass=client("greengrassv2"), sts=client("sts"))

    def publish(self, component: str, recipe: str, *, source: Source | None, target: Target) -> Published:
        """Publish `recipe`, with `source` as its artefact; a version that is there already is found again.

        :raises PublishingError: Greengrass refuses it, the version is another content's, or the object changed.
        """
        content, etag = ("", "") if source is None else self._read(source)
        digest = hashlib.sha256(f"{content}\n{recipe}".encode()).hexdigest()
        version = version_of(digest)
        uri = "" if source is None else self._place(component, digest, source, etag, target)
        filled = recipe.replace(VERSION, version).replace(ARTEFACT, uri).replace(DIGEST, digest)
        arn = self._create(component, version, digest, filled)
        self._wait_for(arn)
        return Published(component=component, version=version, arn=arn, digest=digest, uri=uri)

    # --- the artefact ---------------------------------------------------------------------------------

    def _read(self, source: Source) -> tuple[str, str]:
        """SHA-256 of the object, which is read through once, and the ETag of what was read."""
        found = self.s3.get_object(Bucket=source.bucket, Key=source.key)
        digest = hashlib.sha256()
        while block := found["Body"].read(_BLOCK):
            digest.update(block)
        return digest.hexdigest(), found["ETag"]

    def _place(self, component: str, digest: str, source: Source, etag: str, target: Target) -> str:
        """Copy what was read; where that has been written over meanwhile, the digest would be of another content."""
        key = f"{target.prefix}/{component}/{digest[:16]}/{source.file}"
        try:
            self.s3.copy_object(
                Bucket=target.bucket,
                Key=key,
                CopySource={"Bucket": source.bucket, "Key": source.key},
                CopySourceIfMatch=etag,
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "PreconditionFailed":
                raise
            raise PublishingError(
                f"s3://{source.bucket}/{source.key} has changed while it was published: try again"
            ) from error
        return f"s3://{target.bucket}/{key}"

    # --- the version ----------------------------------------------------------------------------------

    def _create(self, component: str, version: str, digest: str, recipe: str) -> str:
        arn = self._arn(component, version)
        if self._is_there(arn, digest):
            return arn
        try:
            self.greengrass.create_component_version(inlineRecipe=recipe.encode(), tags={_TAG: digest})
        except ClientError as error:
            # Another publishes the same, or an answer was lost: then it is there.
            if error.response["Error"]["Code"] != "ConflictException" or not self._is_there(arn, digest):
                raise PublishingError(f"{component} {version}: {error}") from error
        return arn

    def _arn(self, component: str, version: str) -> str:
        partition, region = self.greengrass.meta.partition, self.greengrass.meta.region_name
        account = self.sts.get_caller_identity()["Account"]
        return f"arn:{partition}:greengrass:{region}:{account}:components:{component}:versions:{version}"

    def _is_there(self, arn: str, digest: str) -> bool:
        """Whether it has been published: by a try before this one, or when it last was wanted.

        :raises PublishingError: the version is there, of another content.
        """
        try:
            found = self.greengrass.describe_component(arn=arn)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return False
            raise
        told = found.get("tags", {}).get(_TAG)
        if told != digest:
            raise PublishingError(
                f"{arn} is of another content (digest {told}): delete it, if no device has it, or change the "
                "model's metadata, which gives it another version"
            )
        if found["status"]["componentState"] != "FAILED":
            return True
        # What failed stays failed; its cause may be mended, such as a right that was missing.
        self.greengrass.delete_component(arn=arn)
        return False

    def _wait_for(self, arn: str) -> None:
        """Until devices can get it.

        :raises PublishingError: it failed, or takes too long.
        """
        for _ in range(int(_PATIENCE_SECONDS / _LOOK_SECONDS)):
            status = self.greengrass.describe_component(arn=arn)["status"]
            state = status["componentState"]
            if state == "DEPLOYABLE":
                return
            if state not in _BUSY:
                reasons = [status.get("message", ""), *map(str, status.get("errors", {}).values())]
                raise PublishingError(f"{arn} is {state}: {'; '.join(filter(None, reasons))}")
            self.wait(_LOOK_SECONDS)
        raise PublishingError(f"{arn} is not deployable after {_PATIENCE_SECONDS} seconds")
