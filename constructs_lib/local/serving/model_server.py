"""The program of one model process: the `sagemaker-inference` contract over HTTP on a Unix socket.

It runs alone (`python -P model_server.py SOCKET MODEL_DIR MEMORY WORKSPACE`), apart from the
server that started it, and imports nothing of this package. It loads the model first and
listens afterwards: that the socket answers means that the model is loaded.
"""

from __future__ import annotations

import importlib.util
import os
import resource
import shutil
import signal
import socketserver
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from sagemaker_inference.transformer import Transformer


def _die_with_parent(workspace: str) -> None:
    """End this process and its children when the server goes away, however it goes.

    Standard input is a pipe that only the server holds open, so it ends even when the server
    was killed. The workspace goes too: nobody else is left to remove it.
    """
    while os.read(0, 1024):
        pass
    shutil.rmtree(workspace, ignore_errors=True)
    os.killpg(0, signal.SIGKILL)


def code_folders(model_dir: Path) -> list[Path]:
    """Where the user's code may be, the first to be searched first."""
    folders = [model_dir / "code", model_dir]
    submitted = os.environ.get("SAGEMAKER_SUBMIT_DIRECTORY")
    if submitted:
        folders.insert(0, Path(submitted))
    return folders


def require_code(folders: list[Path]) -> None:
    """Say what is missing rather than that there is no model_fn."""
    program = os.environ.get("SAGEMAKER_PROGRAM", "inference.py").removesuffix(".py")
    if importlib.util.find_spec(program) is None:
        searched = ", ".join(as_in_container(str(folder)) for folder in folders)
        sys.exit(f"no inference code: {program}.py is not in {searched}")


def as_in_container(text: str) -> str:
    """The text with the paths that the model would see on AWS, not this machine's."""
    return text.replace(os.environ["SAGEMAKER_BASE_DIR"], "/opt/ml")


class _Exchange:
    """One request and its answer, in the shape that multi-model-server's context gives to handlers."""

    def __init__(self, model_dir: Path) -> None:
        self.system_properties = {"model_dir": str(model_dir)}
        self.request_processor = [self]
        self.begin({})

    def begin(self, request_headers: dict[str, str]) -> None:
        """Start anew: the transformer keeps the context it was initialised with, so it is reused."""
        self._request_headers = request_headers
        self.response_headers: dict[str, str] = {}
        self.content_type = "application/octet-stream"
        self.status, self.phrase = 200, "OK"

    def get_request_properties(self) -> dict[str, str]:
        return self._request_headers

    def get_all_request_header(self, _index: int = 0) -> dict[str, str]:
        return self._request_headers

    def get_request_header(self, _index: int, key: str) -> str | None:
        return self._request_headers.get(key)

    def set_response_content_type(self, _index: int, value: str) -> None:
        self.content_type = value

    def set_response_header(self, _index: int, key: str, value: str) -> None:
        self.response_headers[key] = value

    def set_response_status(self, code: int = 200, phrase: str = "", idx: int = 0) -> None:
        self.status, self.phrase = int(code), phrase


class Model:
    """The loaded model. One prediction at a time, as in a worker of AWS's containers."""

    def __init__(self, model_dir: Path) -> None:
        self._exchange = _Exchange(model_dir)
        self._transformer = Transformer()
        self._transformer.validate_and_initialize(model_dir=str(model_dir), context=self._exchange)
        self._one_at_a_time = threading.Lock()

    def invoke(self, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        """The status, headers and body of the answer."""
        with self._one_at_a_time:
            exchange = self._exchange
            exchange.begin(headers)
            answer = self._transformer.transform([{"body": body}], exchange)[0]
            sent = {"Content-Type": str(exchange.content_type), **exchange.response_headers}
            return exchange.status, sent, _as_bytes(answer)


def _as_bytes(answer: Any) -> bytes:
    return answer.encode() if isinstance(answer, str) else bytes(answer)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ModelHttpServer

    def do_GET(self) -> None:
        """Answer the health check."""
        self._reply(HTTPStatus.OK if self.path == "/ping" else HTTPStatus.NOT_FOUND, {}, b"")

    def do_POST(self) -> None:
        """Predict."""
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self._reply(*self.server.model.invoke(_title_cased(self.headers), body))

    def address_string(self) -> str:
        """A Unix socket's peer has no address."""
        return "local"

    def log_message(self, *_: Any) -> None:
        """The log belongs to the model."""

    def _reply(self, status: int, headers: dict[str, str], body: bytes) -> None:
        # One write, so that head and body do not travel apart.
        head = [f"HTTP/1.1 {int(status)} -", f"Content-Length: {len(body)}"]
        head += [f"{name}: {_one_line(value)}" for name, value in headers.items()]
        self.wfile.write("\r\n".join([*head, "", ""]).encode("latin-1", "replace") + body)


def _one_line(value: str) -> str:
    return " ".join(str(value).splitlines())


def _title_cased(headers: Any) -> dict[str, str]:
    return {"-".join(part.capitalize() for part in name.split("-")): value for name, value in headers.items()}


class ModelHttpServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Answers requests to one model."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, socket_path: str, model: Model) -> None:
        self.model = model
        super().__init__(socket_path, _Handler)


def _main(socket_path: str, model_dir: str, memory: str, workspace: str) -> None:
    threading.Thread(target=_die_with_parent, args=(workspace,), daemon=True).start()
    # The server stops its models itself; a Ctrl-C in its terminal must not come first.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (int(memory), int(memory)))
    folders = code_folders(Path(model_dir))
    sys.path[:0] = [str(folder) for folder in folders]
    require_code(folders)
    with ModelHttpServer(socket_path, Model(Path(model_dir))) as server:
        server.serve_forever()


if __name__ == "__main__":
    _main(*sys.argv[1:])
