"""The program: local inference first, and whatever else goes wrong, that goes on."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .buffer import BufferInUseError, DiskBuffer
from .config import Config
from .http_server import HttpServer
from .memory import give_back, rss_mb
from .models import ModelStore
from .recorder import Recorder
from .sampling import Sampler
from .server import Routes, hold, listen_at, listen_on
from .shadow import ModelShadow
from .summary import Counts
from .swap import Swapper
from .transport import Transport, transport_of
from .uplink import Uplink

_LOG = logging.getLogger(__name__)
_ANSWER_SECONDS = 5.0
"""For requests that are under way when the program stops; the nucleus kills it after 15."""
_DRAIN_SECONDS = 5.0
_FLUSH_SECONDS = 2.0
_LEAST_CONNECTIONS = 128


class Program:
    """All parts, wired. One for each process."""

    def __init__(self, config: Config) -> None:
        """Take hold of the folder and the sockets.

        :raises AlreadyRunning: another program has them.
        :raises OSError: they cannot be had.
        """
        self._config = config
        self._begun = time.monotonic()
        self._stopping = threading.Event()
        self._held = hold(config.root)
        self._version = program_version()
        self._counts = Counts()
        self._buffer = _buffer(config)
        self._recorder = Recorder(
            self._buffer,
            self._counts,
            Sampler(config.sampling.percent, errors_always=config.sampling.errors_always),
            thing=config.thing,
            inputs=config.sampling.inputs,
        )
        self._store = ModelStore(config.root)
        self._swapper = Swapper(
            self._store,
            counts=self._counts,
            program=self._version,
            on_report=self._report,
            threads=config.threads,
            memory_mb=config.memory_mb,
        )
        self._transport = _transport(config)
        self._shadow: ModelShadow | None = None
        self._uplink = None
        if self._transport is not None:
            self._shadow = ModelShadow(self._transport, config.thing, self._swapper.want)
            self._uplink = self._made_uplink(self._transport)
        self._server = self._made_server()
        self._threads = [
            threading.Thread(target=self._models, name="models", daemon=True),
            threading.Thread(target=self._summaries, name="summaries", daemon=True),
        ]

    def start(self) -> None:
        """Serve. Until the last good model is loaded, requests are told to come again."""
        self._server.start()
        self._recorder.start()
        for thread in self._threads:
            thread.start()
        for each in (self._transport, self._shadow, self._uplink):
            if each is not None:
                _guarded("telemetry could not be started", each.start)
        _LOG.info("program %s serves at %s", self._version, self._config.socket)

    def stop(self) -> None:
        """Take no more requests, answer those that have come, send what waits for a few seconds."""
        self._stopping.set()
        self._swapper.close()
        self._swapper.wake.set()
        _guarded("the socket stays", lambda: self._config.socket.unlink(missing_ok=True))
        if not self._server.stop(_ANSWER_SECONDS):
            _LOG.warning("requests were still under way when the program stopped")
        self._recorder.stop(_FLUSH_SECONDS)
        _guarded("the last summary is lost", self._summarise)
        if self._uplink is not None:
            self._uplink.stop(drain_seconds=_DRAIN_SECONDS)
        if self._transport is not None:
            _guarded("the transport did not stop", self._transport.stop)
        if self._buffer is not None:
            _guarded("the buffer did not close", self._buffer.close)
        self._held.close()

    def status(self) -> dict[str, Any]:
        """For people on the device, and for whoever hands a model over."""
        config, loaded, buffer = self._config, self._swapper.current, self._buffer
        ports = loaded.predictor if loaded else None
        return {
            "fleet": config.fleet,
            "thing": config.thing,
            "group": config.group,
            "program": self._version,
            "uptime_seconds": round(time.monotonic() - self._begun, 1),
            **self._swapper.status(),
            "inputs": [each.told() for each in ports.inputs] if ports else [],
            "outputs": [each.told() for each in ports.outputs] if ports else [],
            "buffer": None
            if buffer is None
            else {"records": buffer.records, "bytes": buffer.bytes, "dropped": buffer.dropped},
            "connected": self._transport is not None and self._transport.connected,
            "rss_mb": round(rss_mb(), 1),
        }

    # --- parts ----------------------------------------------------------------------------------------

    def _made_server(self) -> HttpServer:
        config = self._config
        listeners = [listen_at(config.socket)]
        if config.http_port is not None:
            listeners.append(listen_on(config.http_port))
        routes = Routes(
            current=lambda: self._swapper.current,
            status=self.status,
            offered=self._swapper.wake.set,
            observer=self._recorder,
            max_concurrent=config.max_concurrent,
            max_body_bytes=config.max_body_bytes,
        )
        return HttpServer(listeners, routes, most=max(_LEAST_CONNECTIONS, 2 * config.max_concurrent))

    def _made_uplink(self, transport: Transport) -> Uplink | None:
        config = self._config
        if self._buffer is None:
            return None
        return Uplink(
            buffer=self._buffer,
            transport=transport,
            fleet=config.fleet,
            thing=config.thing,
            batch_bytes=config.batch_bytes,
            batch_seconds=config.batch_seconds,
        )

    def _report(self, told: dict[str, Any]) -> None:
        if self._shadow is not None:
            self._shadow.report(told)

    # --- threads --------------------------------------------------------------------------------------

    def _models(self) -> None:
        _guarded("models could not be started", self._swapper.start)
        while not self._stopping.is_set():
            self._swapper.wake.wait(self._config.model_check_seconds)
            self._swapper.wake.clear()
            if not self._stopping.is_set():
                _guarded("models could not be looked at", self._swapper.look)
                self._watch_memory()

    def _watch_memory(self) -> None:
        limit = self._config.memory_mb
        if limit is not None and rss_mb() > limit:
            give_back()
            if rss_mb() > limit:
                _LOG.warning("the program has %.0f MiB, and may have %d", rss_mb(), limit)

    def _summaries(self) -> None:
        while not self._stopping.wait(self._config.summary_seconds):
            _guarded("a summary is lost", self._summarise)

    def _summarise(self) -> None:
        loaded = self._swapper.current
        self._recorder.summarise(group=self._config.group, model_version=loaded.version if loaded else None)


def program_version() -> str:
    """Of the program itself, by what its modules are: 12 hexadecimal digits."""
    folder = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(f"{path.relative_to(folder).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def _buffer(config: Config) -> DiskBuffer | None:
    try:
        return DiskBuffer(
            config.root / "buffer",
            max_bytes=config.buffer.max_bytes,
            max_age_seconds=config.buffer.max_age_seconds,
            fsync=config.buffer.fsync,
        )
    except (OSError, BufferInUseError):
        _LOG.exception("there is no buffer: results are counted, and not told")
        return None


def _transport(config: Config) -> Transport | None:
    try:
        return transport_of(config.transport, thing=config.thing)
    except Exception:
        _LOG.exception("there is no way out: results stay on the device")
        return None


def _guarded(what: str, act: Callable[[], object]) -> None:
    """Telemetry and models may go wrong in ways nobody thought of: requests are answered all the same."""
    try:
        act()
    except Exception:
        _LOG.exception("%s", what)
