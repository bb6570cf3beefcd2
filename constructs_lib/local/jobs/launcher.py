"""The program around one command of a job, which ends the command when the server is gone.

It runs alone (`python -I -S launcher.py COMMAND…`), apart from the server that started it, and imports
nothing of this package. Its standard input is the tie to the server: a server that was killed closes it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

NOT_STARTED = 127
"""The exit status of a command that could not be started, as of a shell."""


def _main(command: list[str]) -> int:
    # The command is asked to end and may take its time; an ignored signal it would inherit, a handled one not.
    signal.signal(signal.SIGTERM, lambda _number, _frame: None)
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603  # the job's own command
    except (OSError, ValueError) as error:
        print(f"cannot start {command[0]}: {error}", file=sys.stderr)
        return NOT_STARTED
    threading.Thread(target=_end_with_the_server, daemon=True).start()
    status = process.wait()
    return 128 - status if status < 0 else status


def _end_with_the_server() -> None:
    # Not through sys.stdin, whose lock would be held when the interpreter ends.
    while os.read(0, 1):
        pass
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    raise SystemExit(_main(sys.argv[1:]))
