"""Accepts connections, on a Unix socket and on the loopback: a thread for each, and only so many.

A request that has arrived, or is arriving, is answered, also while the server stops.
"""

from __future__ import annotations

import logging
import select
import socket
import threading
import time
from collections.abc import Sequence

from .errors import BadRequest
from .wire import Connection, Gone, Handle, Times

_LOG = logging.getLogger(__name__)


class HttpServer:
    """Answers on sockets that listen already."""

    def __init__(
        self,
        listeners: Sequence[socket.socket],
        handle: Handle,
        *,
        most: int = 128,
        times: Times | None = None,
    ) -> None:
        """:param most: connections at once; another one is told so, and closed."""
        self._listeners = list(listeners)
        self._handle = handle
        self._most = most
        self._times = times or Times()
        self._lock = threading.Lock()
        self._open: dict[Connection, threading.Thread] = {}
        self.stopping = False
        self._threads = [
            threading.Thread(target=self._accept, args=(each,), name="accept", daemon=True)
            for each in self._listeners
        ]
        self._wake, self._woken = socket.socketpair()

    def start(self) -> None:
        """Begin to accept."""
        for each in self._threads:
            each.start()

    def stop(self, seconds: float) -> bool:
        """Accept no more, answer what has arrived, close; whether all was answered in time."""
        self.stopping = True
        self._wake.close()
        for thread in self._threads:
            thread.join(seconds)
        for each in (*self._listeners, self._woken):
            each.close()
        until = time.monotonic() + seconds
        with self._lock:
            still = dict(self._open)
        for connection in still:
            connection.no_more()
        for thread in still.values():
            thread.join(max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in still.values())

    def _accept(self, listener: socket.socket) -> None:
        """Accept until the server stops, and then those that have connected by now."""
        listener.setblocking(False)
        poll = select.poll()
        for each in (listener, self._woken):
            poll.register(each, select.POLLIN)
        while True:
            poll.poll()
            last = self.stopping
            try:
                while True:
                    accepted, _ = listener.accept()
                    self._take(accepted)
            except BlockingIOError:
                if last:
                    return
            except OSError as error:
                if last:
                    return
                # No descriptors left, perhaps: others will be closed.
                _LOG.warning("no connection could be accepted: %s", error)
                time.sleep(0.1)

    def _take(self, accepted: socket.socket) -> None:
        connection = Connection(accepted, lambda: self.stopping)
        with self._lock:
            full = len(self._open) >= self._most
            if not full:
                thread = threading.Thread(target=self._serve, args=(connection,), name="client", daemon=True)
                self._open[connection] = thread
        if full:
            connection.refuse(BadRequest(429, f"{self._most} connections are open already"))
            return
        try:
            thread.start()
        except RuntimeError:
            _LOG.exception("no thread could be started")
            self._forget(connection)

    def _serve(self, connection: Connection) -> None:
        try:
            connection.run(self._handle, self._times)
        except Gone:
            pass
        except Exception:
            _LOG.exception("a connection ended")
        finally:
            self._forget(connection)

    def _forget(self, connection: Connection) -> None:
        with self._lock:
            self._open.pop(connection, None)
        connection.close()
