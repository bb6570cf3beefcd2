"""Messages in files: for a device without a network, whose results somebody fetches, and for trying things out.

What is published is a line of ``<topic>.jsonl`` in the folder, with ``~`` for each ``/`` of the topic. A file
``in/<topic>.json``, or ``in/<topic>@<anything>.json``, is a message to the device, which removes it; rename it to that
name when it is complete. Files are handled in the order of their names.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from pathlib import Path

from . import Handler

_SUFFIX = ".json"

log = logging.getLogger(__name__)


class FileTransport:
    """Sends into files, receives from files. A message is acknowledged when a power cut would not lose it."""

    def __init__(self, folder: Path, *, poll_seconds: float = 0.2) -> None:
        """Use a folder, which is made when the transport starts."""
        self._folder = Path(folder)
        self._poll_seconds = poll_seconds
        self._handlers: dict[str, Handler] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="file-transport", daemon=True)
        self._started = False

    def start(self) -> None:
        """Begin to look for messages."""
        self._started = True
        self._thread.start()

    @property
    def connected(self) -> bool:
        """Whether it was started: files are always there, and where they are not, publishing says so."""
        return self._started and not self._stopping.is_set()

    @property
    def connections(self) -> int:
        """1 from the start on."""
        return int(self._started)

    def publish(self, topic: str, payload: bytes, *, timeout: float) -> bool:
        """Add a line; whether it is on disk. A payload that is not JSON is written as a string."""
        if not self.connected:
            return False
        line = json.dumps(_document(payload), separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
        try:
            with self._lock:
                self._folder.mkdir(parents=True, exist_ok=True)
                _append(self._folder / f"{_flat(topic)}.jsonl", line)
        except OSError as error:
            log.warning("a message was not written: %s", error)
            return False
        return True

    def subscribe(self, topic: str, handle: Handler) -> None:
        """Have messages of a topic handled; those that lie there already are."""
        with self._lock:
            self._handlers[_flat(topic)] = handle

    def stop(self) -> None:
        """Look for messages no more."""
        self._stopping.set()
        if self._started and threading.current_thread() is not self._thread:
            self._thread.join()

    def _poll(self) -> None:
        while not self._stopping.wait(self._poll_seconds):
            for each in sorted((self._folder / "in").glob(f"*{_SUFFIX}")):
                self._handle(each)

    def _handle(self, path: Path) -> None:
        name = path.name.removesuffix(_SUFFIX).partition("@")[0]
        with self._lock:
            handle = self._handlers.get(name)
        if handle is None:
            return
        try:
            payload = path.read_bytes()
            path.unlink()
            handle(name.replace("~", "/"), payload)
        except Exception:  # a message that cannot be handled is no reason to handle no other
            log.exception("message %s was not handled", path.name)


def _flat(topic: str) -> str:
    return topic.replace("/", "~")


def _document(payload: bytes) -> object:
    try:
        return json.loads(payload)
    except ValueError:
        return payload.decode(errors="replace")


def _append(path: Path, line: bytes) -> None:
    """All of the line or none of it; what a crash left of another ends here."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        size = os.fstat(file).st_size
        torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"
        content = b"\n" + line if torn else line
        try:
            if os.write(file, content) < len(content):
                raise OSError(f"no room for {len(content)} bytes in {path}")
            os.fdatasync(file)
        except OSError:
            os.ftruncate(file, size)
            raise
    finally:
        os.close(file)
