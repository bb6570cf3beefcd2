"""A bucket in memory, behind a real boto3 client."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, field
from typing import Any

from botocore.response import StreamingBody
from urllib3.exceptions import ProtocolError

from .fake_aws import EPOCH, Killed, Params, Refused, client_answered_by

BUCKET = "captured"


@dataclass
class FakeBucket:
    """What lies in the bucket, and what was called."""

    objects: dict[str, bytes] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    kill_before: str | None = None
    may_list: bool = True
    """Whether the caller has ``s3:ListBucket``: to others S3 denies what is not there."""
    unreadable: frozenset[str] = frozenset()
    """Objects that the caller may not read."""
    breaks_after: int | None = None
    """Bytes after which each download breaks off."""

    def client(self, service: str) -> Any:
        """A real boto3 client that talks to this."""
        return client_answered_by(self._answer, service)

    def _answer(self, operation: str, params: Params) -> Params:
        self.calls.append(operation)
        if operation == self.kill_before:
            raise Killed
        answered: Params = getattr(self, f"_{operation}")(params)
        return answered

    def _ListObjectsV2(self, params: Params) -> Params:  # noqa: N802
        assert params["Bucket"] == BUCKET
        prefix, delimiter = params["Prefix"], params.get("Delimiter")
        found: dict[str, bool] = {}
        """Keys, and whether each is a common prefix."""
        for key in sorted(self.objects):
            if key.startswith(prefix):
                folder, cut, _ = key.removeprefix(prefix).partition(delimiter) if delimiter else ("", "", "")
                found[prefix + folder + cut if cut else key] = bool(cut)
        # One a page, so that whoever reads the first page only is found out.
        start = int(params.get("ContinuationToken", "0"))
        page = list(found.items())[start : start + 1]
        contents = [
            {"Key": key, "LastModified": EPOCH, "Size": len(self.objects[key])}
            for key, common in page
            if not common
        ]
        prefixes = [{"Prefix": key} for key, common in page if common]
        more = start + 1 < len(found)
        return {
            "IsTruncated": more,
            **({"Contents": contents} if contents else {}),
            **({"CommonPrefixes": prefixes} if prefixes else {}),
            **({"NextContinuationToken": str(start + 1)} if more else {}),
        }

    def _GetObject(self, params: Params) -> Params:  # noqa: N802
        key = params["Key"]
        body = self.objects.get(key)
        if key in self.unreadable or (body is None and not self.may_list):
            action = "s3:GetObject" if key in self.unreadable else "s3:ListBucket"
            raise Refused("AccessDenied", f"User: u is not authorized to perform: {action} on resource: r")
        if body is None:
            raise Refused("NoSuchKey", "The specified key does not exist.")
        etag = hashlib.sha256(body).hexdigest()
        if params.get("IfMatch", etag) != etag:
            raise Refused("PreconditionFailed", "At least one of the pre-conditions did not hold")
        start, _, last = params.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")
        if "Range" in params and int(start) >= len(body):
            raise Refused("InvalidRange", "The requested range is not satisfiable")
        rest = body[int(start) : int(last) + 1 if last else None]
        raw: Any = io.BytesIO(rest) if self.breaks_after is None else _Breaking(rest, self.breaks_after)
        return {"Body": StreamingBody(raw, len(rest)), "ETag": etag}

    def _PutObject(self, params: Params) -> Params:  # noqa: N802
        self.objects[params["Key"]] = params["Body"]
        return {"ETag": '"e"'}


class _Breaking(io.BytesIO):
    """A connection that breaks after some bytes."""

    def __init__(self, body: bytes, after: int) -> None:
        super().__init__(body[:after])
        self._whole = len(body) <= after

    def read(self, size: int | None = -1, /) -> bytes:
        block = super().read(size)
        if not block and not self._whole:
            raise ProtocolError("Connection broken")
        return block
