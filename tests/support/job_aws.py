"""As much of AWS over HTTP as a processing job of the monitor talks to, for a process of its own."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape


class JobAws:
    """One bucket, on loopback. Metrics and events are taken, and not looked at."""

    def __init__(self, objects: Mapping[str, bytes]) -> None:
        self.objects = dict(objects)
        self.put: list[str] = []
        """Keys, in the order they were written; for a service's other calls its name."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def environment(self) -> dict[str, str]:
        """What lets boto3 talk to it."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


def _handler(aws: JobAws) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = urlsplit(self.path)
            asked = {name: values[0] for name, values in parse_qs(address.query).items()}
            _, _, key = unquote(address.path).lstrip("/").partition("/")
            if "list-type" in asked:
                self._answer(200, _listed(aws.objects, asked.get("prefix", ""), asked.get("delimiter")))
            elif key in aws.objects:
                self._answer(200, aws.objects[key])
            else:
                self._answer(404, b"<Error><Code>NoSuchKey</Code><Message>none</Message></Error>")

        def do_PUT(self) -> None:
            _, _, key = unquote(urlsplit(self.path).path).lstrip("/").partition("/")
            aws.objects[key] = self._body()
            aws.put.append(key)
            self._answer(200, b"")

        def do_POST(self) -> None:
            self._body()
            is_events = "Events" in self.headers.get("X-Amz-Target", "")
            aws.put.append("event" if is_events else "metrics")
            self._answer(
                200, json.dumps({"FailedEntryCount": 0, "Entries": []}).encode() if is_events else _TOLD
            )

        def _body(self) -> bytes:
            if self.headers.get("Content-Encoding") == "aws-chunked" or "Content-Length" not in self.headers:
                raise AssertionError("bodies come in one piece")
            return self.rfile.read(int(self.headers["Content-Length"]))

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", '"e"')
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    return Handler


_TOLD = b"<PutMetricDataResponse><ResponseMetadata/></PutMetricDataResponse>"


def _listed(objects: Mapping[str, bytes], prefix: str, delimiter: str | None) -> bytes:
    found: dict[str, Any] = {}
    for key in sorted(each for each in objects if each.startswith(prefix)):
        folder, cut, _ = key.removeprefix(prefix).partition(delimiter) if delimiter else ("", "", "")
        if cut:
            found[f"<CommonPrefixes><Prefix>{escape(prefix + folder + cut)}</Prefix></CommonPrefixes>"] = None
        else:
            found[f"<Contents><Key>{escape(key)}</Key><Size>{len(objects[key])}</Size></Contents>"] = None
    return f"<ListBucketResult><IsTruncated>false</IsTruncated>{''.join(found)}</ListBucketResult>".encode()
