"""One question to the program on this device, over its Unix socket."""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path
from typing import Any

_SECONDS = 10.0


class ProgramAway(Exception):  # noqa: N818 - it is read as a sentence
    """No program answers on the socket."""


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_SECONDS)
        self.sock.connect(str(self._path))


def ask(path: Path, method: str, target: str) -> dict[str, Any]:
    """What the program at the socket `path` answers.

    :raises ProgramAway: there is none, or it goes before it has answered.
    """
    connection = _Connection(path)
    try:
        connection.request(method, target, headers={"Content-Length": "0"} if method == "POST" else {})
        answer = json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise ProgramAway(str(error)) from error
    finally:
        connection.close()
    return answer if isinstance(answer, dict) else {}
