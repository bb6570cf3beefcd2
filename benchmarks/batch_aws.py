"""S3, DynamoDB, Glue and CloudWatch for the benchmark of batch transforms, below boto3.

They answer where boto3 would send a request: it has been checked, serialized and signed, and its answer is parsed.
HTTP, TLS, the network and waiting are not in it. What is kept is little, so that memory is that of who asks: S3 is a
folder, and items are counted and forgotten. The time that the answers themselves take is told, to be taken out.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

BUCKET = "benchmark"
_XML, _JSON = "application/xml", "application/x-amz-json-1.0"
_TABLE = {
    "Name": "churn",
    "PartitionKeys": [{"Name": "scored_on", "Type": "date"}, {"Name": "run", "Type": "string"}],
    "StorageDescriptor": {"Columns": [{"Name": "customer", "Type": "string"}], "Location": "s3://there"},
}


class Aws:
    """What there is, in a folder; and what was asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.calls: Counter[str] = Counter()
        """By service and operation: ``s3.GetObject``."""
        self.items = 0
        """That were put into DynamoDB."""
        self.seconds = 0.0
        """Of a core, that the answers took."""
        self._lock = threading.Lock()

    def session(self) -> boto3.Session:
        """One whose clients ask this."""
        session = boto3.Session("test", "test", region_name="us-east-1")
        session.events.register("before-send", self._answer)
        return session

    def _answer(self, request: AWSPreparedRequest, event_name: str, **_: object) -> AWSResponse | None:
        began = time.thread_time()
        name = event_name.removeprefix("before-send.")
        if request.url.startswith("http://127.0.0.1"):
            return None  # There is a server.
        with self._lock:
            self.calls[name] += 1
        answered: AWSResponse = getattr(self, f"_{name.replace('.', '_').replace('-', '_')}")(request)
        with self._lock:
            self.seconds += time.thread_time() - began
        return answered

    # --- S3 -------------------------------------------------------------------------------------------

    def _s3_GetObject(self, request: AWSPreparedRequest) -> AWSResponse:  # noqa: N802
        path = self._path(request)
        if not path.exists():
            return _answered(b"<Error><Code>NoSuchKey</Code></Error>", _XML, status=404)
        size = path.stat().st_size
        start, end = _range(request.headers.get("Range"), size)
        file = path.open("rb")
        file.seek(start)
        headers = {"ETag": etag(size), "Content-Length": str(end - start)}
        return AWSResponse(request.url, 200, headers, _Body(file, end - start))

    def _s3_PutObject(self, request: AWSPreparedRequest) -> AWSResponse:  # noqa: N802
        path = self._path(request)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.writelines(_pieces(request))
        return _answered(b"", _XML, ETag=etag(path.stat().st_size))

    def _s3_ListObjectsV2(self, request: AWSPreparedRequest) -> AWSResponse:  # noqa: N802
        (prefix,) = parse_qs(urlsplit(request.url).query)["prefix"]
        root = self._folder / BUCKET
        found = sorted((each.relative_to(root).as_posix(), each) for each in (root / prefix).rglob("*"))
        contents = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{path.stat().st_size}</Size></Contents>"
            for key, path in found
            if path.is_file()
        )
        return _answered(
            f"<ListBucketResult><IsTruncated>false</IsTruncated>{contents}</ListBucketResult>".encode(), _XML
        )

    def _path(self, request: AWSPreparedRequest) -> Path:
        return self._folder / BUCKET / unquote(urlsplit(request.url).path).lstrip("/")

    # --- the others -----------------------------------------------------------------------------------

    def _dynamodb_PutItem(self, request: AWSPreparedRequest) -> AWSResponse:  # noqa: N802
        assert b"ConditionExpression" in request.body
        with self._lock:
            self.items += 1
        return _answered(b"{}", _JSON)

    def _dynamodb_BatchWriteItem(self, request: AWSPreparedRequest) -> AWSResponse:  # noqa: N802
        with self._lock:
            self.items += request.body.count(b'"PutRequest"')
        return _answered(b'{"UnprocessedItems":{}}', _JSON)

    def _glue_GetTable(self, request: AWSPreparedRequest) -> AWSResponse:  # noqa: N802
        return _answered(json.dumps({"Table": _TABLE}).encode(), _JSON)

    def _glue_CreatePartition(self, request: AWSPreparedRequest) -> AWSResponse:  # noqa: N802
        return _answered(b"{}", _JSON)

    def _cloudwatch_PutMetricData(self, request: AWSPreparedRequest) -> AWSResponse:  # noqa: N802
        return _answered(b"", _JSON)


def etag(size: int) -> str:
    """Of an object of so many bytes: nobody replaces one here."""
    return f'"{size:032x}"'


def _pieces(request: AWSPreparedRequest) -> Iterator[bytes]:
    """What is put; boto3 sends it as ``size CRLF piece CRLF`` with a checksum behind the last, empty one."""
    body: Any = request.body
    if isinstance(body, bytes | bytearray):
        yield bytes(body)
        return
    for each in body:
        size, _, piece = each.partition(b"\r\n")
        if length := int(size, 16):
            yield piece[:length]


def _range(asked: str | bytes | None, size: int) -> tuple[int, int]:
    if not asked:
        return 0, size
    text = asked.decode() if isinstance(asked, bytes) else asked
    first, last = text.removeprefix("bytes=").split("-")
    return int(first), min(int(last) + 1, size)


def _answered(body: bytes, kind: str, status: int = 200, **headers: str) -> AWSResponse:
    told = {"Content-Type": kind, "Content-Length": str(len(body)), **headers}
    return AWSResponse("", status, told, _Whole(body))


class _Whole:
    """A body that is read at once."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, *_: object, **__: object) -> list[bytes]:
        return [self._body]


class _Body:
    """A part of a file, as urllib3 hands out what S3 sends."""

    def __init__(self, file: BinaryIO, left: int) -> None:
        self._file, self._left = file, left

    def read(self, size: int | None = None) -> bytes:
        if not self._left:
            self.close()
            return b""
        block = self._file.read(self._left if size is None else min(size, self._left))
        self._left -= len(block)
        return block

    def stream(self, *_: object, **__: object) -> list[bytes]:
        return [self.read()]

    def close(self) -> None:
        self._file.close()
