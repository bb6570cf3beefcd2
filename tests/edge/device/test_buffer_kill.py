"""A process that is killed in the middle of its work, again and again: nothing that was synced is lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from constructs_lib.edge.runtime.device.buffer import DiskBuffer

ROUNDS = 25
_LIFE = """
import os, sys, threading
from pathlib import Path
from constructs_lib.edge.runtime.device.buffer import DiskBuffer

folder, room, fsync = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
buffer = DiskBuffer(folder / "buffer", max_bytes=room, fsync=fsync, segment_bytes=2048)
log = os.open(folder / "log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

def tell(kind, numbers):
    os.write(log, b"".join(b"%s %d\\n" % (kind, each) for each in numbers))

def write():
    while True:
        number = buffer.append(b"%d " % buffer.appended * 20)
        tell(b"appended", [number])
        tell(b"synced", [buffer.synced])

def send():
    while True:
        records, mark = buffer.peek(1000)
        tell(b"published", [each.number for each in mark.places])
        for place, record in zip(mark.places, records, strict=True):
            assert record.split() == [b"%d" % place.number] * 20
        buffer.confirm(mark.upto(len(records) // 2 + 1))
        tell(b"confirmed", [each.number for each in mark.upto(len(records) // 2 + 1).places])

threading.Thread(target=send, daemon=True).start()
print("ready", flush=True)
write()
"""


class Told:
    """What the processes said before they ended."""

    def __init__(self, log: Path) -> None:
        self._all: defaultdict[str, list[int]] = defaultdict(list)
        for line in log.read_text().splitlines():
            kind, number = line.split()
            self._all[kind].append(int(number))

    def __getitem__(self, kind: str) -> list[int]:
        return self._all[kind]


def lives(folder: Path, *, room: int, fsync: str) -> None:
    script = folder / "life.py"
    script.write_text(_LIFE)
    chance = random.Random(room)  # noqa: S311
    for _ in range(ROUNDS):
        life = subprocess.Popen(
            [sys.executable, "-B", str(script), str(folder), str(room), fsync],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        )
        assert life.stdout is not None
        assert life.stdout.readline() == b"ready\n"
        time.sleep(chance.uniform(0.005, 0.12))
        life.send_signal(signal.SIGKILL)
        _, errors = life.communicate()
        assert (life.returncode, errors) == (-signal.SIGKILL, b"")


@pytest.mark.parametrize("fsync", ["batch", "always"])
def test_with_room_enough_everything_arrives(tmp_path: Path, fsync: str) -> None:
    lives(tmp_path, room=64 << 20, fsync=fsync)
    told = Told(tmp_path / "log")
    buffer = DiskBuffer(tmp_path / "buffer", max_bytes=64 << 20)
    waiting = {int(each.split()[0]) for each in buffer.peek(1 << 30, 1 << 30)[0]}
    there = waiting | set(told["published"])
    assert len(told["appended"]) > 20 * ROUNDS
    # Each number was given once, and what a process had not told yet is at most one record for each life.
    assert max(Counter(told["appended"]).values()) == 1
    assert len(told["appended"]) <= buffer.appended <= len(told["appended"]) + ROUNDS
    assert set(range(max(told["synced"]))) <= there
    assert set(told["appended"]) <= there  # the end of a process loses not even what was not synced
    assert there == set(range(buffer.appended))
    assert not waiting & set(told["confirmed"])
    assert buffer.dropped == 0
    assert buffer.appended == buffer.delivered + len(waiting)
    assert set(told["confirmed"]) <= set(range(buffer.appended)) - waiting <= set(told["published"])
    buffer.close()


def test_with_little_room_what_is_missing_is_what_was_dropped(tmp_path: Path) -> None:
    room = 8192
    lives(tmp_path, room=room, fsync="batch")
    told = Told(tmp_path / "log")
    buffer = DiskBuffer(tmp_path / "buffer", max_bytes=room)
    waiting = [int(each.split()[0]) for each in buffer.peek(1 << 30, 1 << 30)[0]]
    assert waiting == list(range(buffer.appended - len(waiting), buffer.appended))
    assert len(told["appended"]) <= buffer.appended <= len(told["appended"]) + ROUNDS
    assert buffer.appended == buffer.delivered + len(waiting) + buffer.dropped
    gone = set(range(buffer.appended)) - set(waiting)
    published = set(told["published"]) & gone
    missing = gone - published
    assert missing
    # What was published may have been dropped before its delivery was known; what was not was dropped for sure.
    assert len(missing) <= buffer.dropped <= len(gone)
    assert buffer.delivered <= len(published)
    buffer.close()
