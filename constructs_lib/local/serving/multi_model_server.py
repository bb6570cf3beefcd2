"""The program of one multi-model container: forks a process for every model that it is told to load.

It runs alone (`python -P multi_model_server.py SOCKET MODEL_DIR MEMORY WORKSPACE`), as
model_server.py does, whose parts it takes. Importing what models need is most of the time that
loading them takes, and most of the memory: the models are forked from a process that has done so.

A connection to SOCKET brings one request, a line of JSON: `{"load": {"model_dir": …, "folder": …}}`
or `{"preload": [modules]}`. The process of a model answers on the connection by itself, two lines,
and keeps it open: its end is the model's end. The model then listens on the socket `s` in its folder.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import importlib.util
import json
import os
import resource
import select
import shutil
import signal
import socket
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

_spec = importlib.util.spec_from_file_location("_model_server", Path(__file__).with_name("model_server.py"))
assert _spec is not None and _spec.loader is not None  # noqa: S101, PT018  # it lies beside this file
model_server = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(model_server)

_PR_SET_PDEATHSIG = 1
_REQUEST_SECONDS = 5.0
_PRELOAD_SECONDS = 60
_BACKLOG = 128


class _Container:
    """Takes requests one after the other, without a thread: only then is a fork safe."""

    def __init__(self, listener: socket.socket, workspace: str) -> None:
        self._listener = listener
        self._workspace = workspace

    def serve(self) -> NoReturn:
        """Take requests until the server at the other end of standard input is gone."""
        while True:
            readable, _, _ = select.select([self._listener, sys.stdin], [], [])
            if sys.stdin in readable and not os.read(0, 1024):
                shutil.rmtree(self._workspace, ignore_errors=True)
                os.killpg(0, signal.SIGKILL)
            if self._listener in readable:
                connection, _ = self._listener.accept()
                with connection:
                    self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        """Act on a request; one that does not arrive, as of a health check, is none."""
        connection.settimeout(_REQUEST_SECONDS)
        with suppress(OSError), connection.makefile("rb") as lines:
            line = lines.readline()
            request = json.loads(line) if line.endswith(b"\n") else {}
            if "load" in request:
                self._load(connection, **request["load"])
            if "preload" in request:
                self._preload(request["preload"])

    def _load(self, connection: socket.socket, model_dir: str, folder: str) -> None:
        parent = os.getpid()
        if os.fork() == 0:
            self._listener.close()
            try:
                _become_model(connection, parent, Path(model_dir), Path(folder))
            finally:
                os._exit(1)

    def _preload(self, modules: list[str]) -> None:
        """Let a process that has imported the modules go on with the work, if they can be forked with.

        It takes over while this one waits. A module that starts threads, crashes or hangs does not
        spoil more than that process: this one then goes on as before.
        """
        parent, heir = os.getpid(), os.fork()
        if heir == 0:
            _follow(parent)
            signal.alarm(_PRELOAD_SECONDS)
            for module in modules:
                with suppress(Exception):
                    importlib.import_module(module)
            signal.alarm(0)
            if len(list(Path("/proc/self/task").iterdir())) > 1:
                os._exit(0)
            # What is there for good is not looked at again, so that its pages stay shared.
            gc.freeze()
            self.serve()
        with suppress(ChildProcessError):
            os.waitpid(heir, 0)


def _follow(parent: int) -> None:
    """End when the parent does, however it ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def _become_model(connection: socket.socket, parent: int, model_dir: Path, folder: Path) -> None:
    """Load the model, say so, and answer requests for the rest of this process's life."""
    _follow(parent)
    # A group of its own: what the model starts ends with it.
    os.setsid()
    _tell(connection, {"pid": os.getpid()})
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    before = set(sys.modules)
    try:
        os.chdir(folder)
        server = model_server.ModelHttpServer("s", _loaded(model_dir))
    except BaseException as error:
        traceback.print_exc()
        _tell(connection, {"status": _status_of(error), "message": _message_of(error)})
        return
    _tell(connection, {"status": 200, "modules": _library_modules(set(sys.modules) - before)})
    server.serve_forever()


def _loaded(model_dir: Path) -> Any:
    folders = model_server.code_folders(model_dir)
    sys.path[:0] = [str(folder) for folder in folders]
    model_server.require_code(folders)
    return model_server.Model(model_dir)


def _status_of(error: BaseException) -> int:
    """507 is what a container answers that has no memory for a model; 500 is any other failure."""
    return 507 if isinstance(error, MemoryError) else 500


def _message_of(error: BaseException) -> str:
    said = str(error) if isinstance(error, SystemExit) else f"{type(error).__name__}: {error}"
    return str(model_server.as_in_container(said))


def _library_modules(names: set[str]) -> list[str]:
    """Those of the modules that are installed here, in the order of their import; not the user's."""
    return [
        name
        for name, module in list(sys.modules.items())
        if name in names and str(getattr(module, "__file__", None) or "").startswith(sys.prefix)
    ]


def _tell(connection: socket.socket, answer: dict[str, Any]) -> None:
    # The server may have given up: then nobody listens.
    with suppress(OSError):
        connection.sendall(json.dumps(answer).encode() + b"\n")


def _main(socket_path: str, _model_dir: str, memory: str, workspace: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The ends of models are told by their connections: nobody needs to ask for their status.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (int(memory), int(memory)))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(socket_path)
        listener.listen(_BACKLOG)
        _Container(listener, workspace).serve()


if __name__ == "__main__":
    _main(*sys.argv[1:])
