"""GitHub's comments on issues, on loopback: as many pages as there are, and what is written."""

from __future__ import annotations

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


class GitHub:
    """The part of the API that a comment takes."""

    def __init__(self, *bodies: str, refuses: int | None = None) -> None:
        self.comments = dict(enumerate(bodies, 1))
        self.authorizations: set[str | None] = set()
        comments, authorizations = self.comments, self.authorizations

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = urlsplit(self.path)
                assert asked.path == "/repos/acme/models/issues/7/comments"
                query = parse_qs(asked.query)
                page, size = int(query["page"][0]), int(query["per_page"][0])
                told = [{"id": id, "body": body} for id, body in comments.items()]
                self._answer(200, told[size * (page - 1) : size * page])

            def do_POST(self) -> None:
                assert self.path == "/repos/acme/models/issues/7/comments"
                comments[len(comments) + 1] = self._body()
                self._answer(201, {"id": len(comments)})

            def do_PATCH(self) -> None:
                (id,) = re.fullmatch(r"/repos/acme/models/issues/comments/(\d+)", self.path).groups()
                comments[int(id)] = self._body()
                self._answer(200, {"id": int(id)})

            def _body(self) -> str:
                return str(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"])

            def _answer(self, status: int, told: Any) -> None:
                authorizations.add(self.headers["Authorization"])
                self.send_response(status if refuses is None else refuses)
                self.end_headers()
                self.wfile.write(json.dumps(told).encode())

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.environment = {
            "GITHUB_API_URL": f"http://127.0.0.1:{self._server.server_port}",
            "GITHUB_REPOSITORY": "acme/models",
            "GITHUB_TOKEN": "secret",
        }
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def __enter__(self) -> GitHub:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
