"""The model placement's function as AWS runs it, with a bucket or two in memory and CloudFormation around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .fake_aws import EPOCH, Killed, Params, Refused, client_answered_by
from .guard import module
from .receiver import Receiver

STACK = "arn:aws:cloudformation:eu-west-1:111122223333:stack/Serving/1"
Place = tuple[str, str]


@dataclass
class Stored:
    """An object."""

    body: str
    size: int = 1000
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass
class FakeS3:
    """Objects by bucket and key, and what was called."""

    objects: dict[Place, Stored] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    """Buckets that are not there any more."""
    calls: list[str] = field(default_factory=list)
    parameters: list[Params] = field(default_factory=list)
    """Of each call, in its order."""
    kill_before: int | None = None
    refuse: dict[str, Refused] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """A real boto3 client that talks to this."""
        return client_answered_by(self._answer, service)

    @property
    def bodies(self) -> dict[str, str]:
        """What lies where, as URLs."""
        return {f"s3://{bucket}/{key}": each.body for (bucket, key), each in self.objects.items()}

    def _answer(self, operation: str, params: Params) -> Params:
        self.calls.append(operation)
        self.parameters.append(params)
        if self.kill_before == len(self.calls):
            raise Killed
        if operation in self.refuse:
            raise self.refuse[operation]
        if params["Bucket"] in self.gone:
            raise Refused("NoSuchBucket", "The specified bucket does not exist")
        answered: Params = getattr(self, f"_{operation}")(params)
        return answered

    def _stored(self, bucket: str, key: str) -> Stored:
        if (bucket, key) not in self.objects:
            raise Refused("404", "Not Found")
        return self.objects[bucket, key]

    def _HeadObject(self, params: Params) -> Params:  # noqa: N802
        found = self._stored(params["Bucket"], params["Key"])
        return {"ContentLength": found.size, "ETag": '"e"', "Metadata": found.metadata}

    def _CopyObject(self, params: Params) -> Params:  # noqa: N802
        source = self._stored(**_source(params))
        replaced = params.get("MetadataDirective") == "REPLACE"
        metadata = params.get("Metadata", {}) if replaced else source.metadata
        copied = Stored(body=source.body, size=source.size, metadata=metadata)
        self.objects[params["Bucket"], params["Key"]] = copied
        return {"CopyObjectResult": {"ETag": '"e"', "LastModified": EPOCH}}

    def _CreateMultipartUpload(self, params: Params) -> Params:  # noqa: N802
        self._upload = params.get("Metadata", {})
        return {"Bucket": params["Bucket"], "Key": params["Key"], "UploadId": "upload"}

    def _UploadPartCopy(self, params: Params) -> Params:  # noqa: N802
        self._uploaded = self._stored(**_source(params))
        return {"CopyPartResult": {"ETag": '"e"', "LastModified": EPOCH}}

    def _CompleteMultipartUpload(self, params: Params) -> Params:  # noqa: N802
        copied = Stored(body=self._uploaded.body, size=self._uploaded.size, metadata=self._upload)
        self.objects[params["Bucket"], params["Key"]] = copied
        return {"ETag": '"e"'}

    def _DeleteObject(self, params: Params) -> Params:  # noqa: N802
        self.objects.pop((params["Bucket"], params["Key"]), None)
        return {}


def _source(params: Mapping[str, Any]) -> dict[str, str]:
    source = params["CopySource"]
    return {"bucket": source["Bucket"], "key": source["Key"]}


@dataclass
class Placement:
    """The function of one stack, called for one model after the other."""

    s3: FakeS3
    receiver: Receiver
    ids: dict[str, str] = field(default_factory=dict)
    """Physical ids by logical id, as CloudFormation remembers them."""

    def call(self, request: str, model: str = "Churn", **properties: Any) -> dict[str, Any]:
        """Call as CloudFormation does for the resource `model`; its answer."""
        event = {
            "RequestType": request,
            "ResponseURL": self.receiver.url,
            "StackId": STACK,
            "RequestId": "request",
            "LogicalResourceId": model,
            "ResourceType": "Custom::HostedModel",
            "ResourceProperties": {
                **{"SourceBucket": "assets", "SourceKey": "one.tar.gz", "Bucket": "models"},
                **{"Key": "models/churn/one.tar.gz", "Fingerprint": "1", "Keep": "false", **properties},
            },
        }
        if request != "Create":
            event["PhysicalResourceId"] = properties.pop("physical_id", None) or self.ids[model]
        self.receiver.answers.clear()
        module("model_placement").handle(event, None)
        (answer,) = self.receiver.answers
        return answer

    def deploy(self, model: str = "Churn", **properties: Any) -> dict[str, Any]:
        """Create or update, then delete what it replaced, as CloudFormation does once the stack is through."""
        before = self.ids.get(model)
        answer = self.call("Create" if before is None else "Update", model, **properties)
        if answer["Status"] == "SUCCESS":
            self.ids[model] = answer["PhysicalResourceId"]
            if before is not None and before != self.ids[model]:
                self.call("Delete", model, physical_id=before, **properties)
        return answer
