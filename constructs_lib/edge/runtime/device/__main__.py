"""Run the program: ``python -m constructs_lib.edge.runtime.device [--config FILE] [--root DIR]``.

Without ``--config``, the configuration is the environment variable EDGE_CONFIG. SIGTERM or SIGINT stops it: exit 0.
Exit 2: the configuration is wrong; 1: it cannot run here.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from .config import BadConfig, Config, config_of

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_TURN_SECONDS = 0.0005


def _config(arguments: Sequence[str]) -> Config:
    parser = argparse.ArgumentParser(prog="edge-inference", description="Serve a model on this device")
    parser.add_argument("--config", type=Path, help="a file of JSON; default: the variable EDGE_CONFIG")
    parser.add_argument("--root", help="the folder of the program's state; wins over the configuration's")
    told = parser.parse_args(arguments)
    try:
        text = told.config.read_text() if told.config else os.environ.get("EDGE_CONFIG", "{}")
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfig(f"the configuration cannot be read: {error}") from error
    return config_of(text, os.environ, root=told.root)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    logging.basicConfig(
        level=logging.INFO, stream=sys.stdout, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.raiseExceptions = False
    # A request waits no longer for a thread that tells of others. Python's own is 5 ms, as long as a model may take.
    sys.setswitchinterval(_TURN_SECONDS)
    # Blocked in all threads, and waited for in this one.
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        config = _config(sys.argv[1:] if arguments is None else arguments)
    except BadConfig as error:
        print(error, file=sys.stderr, flush=True)
        return 2
    from .program import Program
    from .server import AlreadyRunning

    try:
        program = Program(config)
    except (AlreadyRunning, OSError) as error:
        print(f"the program cannot run: {error}", file=sys.stderr, flush=True)
        return 1
    program.start()
    signal.sigwait(_SIGNALS)
    program.stop()
    return 0


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    # A thread may be loading a model in native code: the interpreter is not taken apart under it.
    os._exit(code)
