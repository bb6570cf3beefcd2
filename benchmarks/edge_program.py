"""The device's program in a process of its own, and a client of it that costs little itself."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from .edge_models import Record

ROOT = Path(__file__).resolve().parents[1]
MODULE = "constructs_lib.edge.runtime.device"
VERSION = "1.0.0"


class Client:
    """Asks one question again and again over one connection: its bytes are made once."""

    def __init__(self, path: Path, record: Record) -> None:
        """Connect."""
        body = io.BytesIO()
        np.save(body, record, allow_pickle=False)
        head = (
            "POST /invocations HTTP/1.1\r\nHost: device\r\nContent-Type: application/x-npy\r\n"
            f"Accept: application/x-npy\r\nContent-Length: {len(body.getvalue())}\r\n\r\n"
        )
        self._question = head.encode() + body.getvalue()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(str(path))

    def ask(self) -> bytes:
        """The body of the answer.

        :raises RuntimeError: it is another than 200.
        """
        self._socket.sendall(self._question)
        read = self._socket.recv(65_536)
        while (end := read.find(b"\r\n\r\n")) < 0:
            read += self._more()
        if not read.startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(f"the program answers {read[:400]!r}")
        head = read[:end].lower()
        start = head.index(b"content-length:") + len(b"content-length:")
        length = int(head[start:].split(b"\r\n", 1)[0])
        while len(read) < end + 4 + length:
            read += self._more()
        return read[end + 4 :]

    def _more(self) -> bytes:
        block = self._socket.recv(65_536)
        if not block:
            raise RuntimeError("the program has gone")
        return block

    def close(self) -> None:
        """Close."""
        self._socket.close()


@contextmanager
def served(model: bytes) -> Iterator[tuple[Path, int]]:
    """A program that serves this model, with all results told of: its socket, and its process.

    What is told goes to a file, as it would go to a broker: in batches.
    """
    with tempfile.TemporaryDirectory(prefix="edge-") as name:
        root = Path(name)
        _hand_over(root, model)
        config = {"fleet": "cameras", "transport": {"kind": "file", "folder": str(root / "out")}}
        process = subprocess.Popen(
            [sys.executable, "-m", MODULE, "--root", str(root)],
            cwd=ROOT,
            env={**os.environ, "EDGE_CONFIG": json.dumps(config), "AWS_IOT_THING_NAME": "cam-1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield _up(root / "run" / "inference.sock", process), process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def _hand_over(root: Path, model: bytes) -> None:
    archive = root / "model.tar.gz"
    with tarfile.open(archive, "w:gz") as file:
        member = tarfile.TarInfo("model.onnx")
        member.size = len(model)
        file.addfile(member, io.BytesIO(model))
    given = {"root": root, "archive": archive, "version": VERSION, "wait": 0}
    more = [text for name, value in given.items() for text in (f"--{name}", str(value))]
    subprocess.run(
        [sys.executable, "-m", f"{MODULE}.handover", *more], cwd=ROOT, check=True, capture_output=True
    )


def _up(path: Path, process: subprocess.Popen[bytes]) -> Path:
    """Its socket, as soon as the model is served."""
    question = b"GET /ping HTTP/1.1\r\nHost: device\r\nConnection: close\r\n\r\n"
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"the program ended with {process.returncode}")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asked:
            try:
                asked.connect(str(path))
                asked.sendall(question)
                if asked.recv(64).startswith(b"HTTP/1.1 200 "):
                    return path
            except OSError:
                pass
        time.sleep(0.05)
    raise RuntimeError("the program serves no model")
