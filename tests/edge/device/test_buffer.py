"""The buffer of a device: order, bounds, age, restarts, full disks."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from constructs_lib.edge.runtime.device import buffer as module
from constructs_lib.edge.runtime.device.buffer import BufferInUseError, DiskBuffer, Mark

LARGE = 1 << 20
NOW = 1_800_000_000.0


def opened(folder: Path, **options: object) -> DiskBuffer:
    return DiskBuffer(folder, **{"max_bytes": LARGE, **options})  # type: ignore[arg-type]


@pytest.fixture
def buffer(tmp_path: Path) -> Iterator[DiskBuffer]:
    made = opened(tmp_path / "buffer")
    yield made
    made.close()


def balanced(buffer: DiskBuffer) -> bool:
    return buffer.appended == buffer.delivered + buffer.records + buffer.dropped


def test_records_are_read_oldest_first_and_stay_until_they_are_confirmed(buffer: DiskBuffer) -> None:
    assert [buffer.append(b"%d" % i) for i in range(5)] == [0, 1, 2, 3, 4]
    records, mark = buffer.peek(100)
    assert records == [b"0", b"1", b"2", b"3", b"4"]
    assert buffer.peek(100)[0] == records
    buffer.confirm(mark.upto(2))
    assert buffer.peek(100)[0] == [b"2", b"3", b"4"]
    assert (buffer.records, buffer.delivered, buffer.dropped) == (3, 2, 0)


def test_a_mark_confirms_once(buffer: DiskBuffer) -> None:
    for i in range(4):
        buffer.append(b"%d" % i)
    _, first = buffer.peek(100, max_records=2)
    _, both = buffer.peek(100, max_records=3)
    for each in (first, first, both, first):
        buffer.confirm(each)
    assert (buffer.delivered, buffer.records, buffer.dropped) == (3, 1, 0)
    assert buffer.peek(100)[0] == [b"3"]


def test_what_is_read_is_bounded_by_bytes_and_records_but_is_never_nothing(buffer: DiskBuffer) -> None:
    for size in (500, 10, 10):
        buffer.append(b"x" * size)
    assert [len(each) for each in buffer.peek(20)[0]] == [500]
    assert [len(each) for each in buffer.peek(515)[0]] == [500, 10]
    assert [len(each) for each in buffer.peek(520)[0]] == [500, 10, 10]
    assert len(buffer.peek(1000, max_records=2)[0]) == 2


def test_an_empty_buffer_has_nothing(buffer: DiskBuffer) -> None:
    assert buffer.peek(100) == ([], Mark(()))
    buffer.confirm(Mark(()))
    assert (buffer.records, buffer.bytes, buffer.dropped, buffer.delivered) == (0, 0, 0, 0)


def test_an_empty_record_is_one(buffer: DiskBuffer) -> None:
    buffer.append(b"")
    assert buffer.peek(10)[0] == [b""]


@pytest.mark.parametrize("fsync", ["batch", "always"])
def test_a_restart_changes_nothing(tmp_path: Path, fsync: str) -> None:
    first = opened(tmp_path, fsync=fsync)
    for i in range(10):
        first.append(b"%d" % i)
    first.confirm(first.peek(100, max_records=4)[1])
    first.close()
    again = opened(tmp_path, fsync=fsync)
    assert again.peek(100)[0] == [b"%d" % i for i in range(4, 10)]
    assert (again.appended, again.delivered, again.records, again.dropped) == (10, 4, 6, 0)
    assert again.append(b"next") == 10
    again.close()


def test_numbers_go_on_where_everything_was_delivered_before_a_restart(tmp_path: Path) -> None:
    first = opened(tmp_path)
    first.append(b"a")
    first.confirm(first.peek(10)[1])
    first.close()
    again = opened(tmp_path)
    assert (again.append(b"b"), again.delivered, again.dropped) == (1, 1, 0)
    again.close()


def test_the_oldest_go_when_there_is_no_more_room_and_are_counted_over_restarts(tmp_path: Path) -> None:
    buffer = opened(tmp_path, max_bytes=8192)
    for i in range(1000):
        buffer.append(b"%04d" % i * 10)
        assert sum(each.stat().st_size for each in tmp_path.glob("*.records")) <= 8192
        assert balanced(buffer)
    kept = [int(each[:4]) for each in buffer.peek(LARGE)[0]]
    assert kept == list(range(1000 - len(kept), 1000))
    assert (buffer.dropped, buffer.records) == (1000 - len(kept), len(kept))
    # Not more than is needed is dropped: what there is room for is used, but for one file.
    assert buffer.bytes > 8192 - 1024 - 100
    buffer.close()
    again = opened(tmp_path, max_bytes=8192)
    assert (again.dropped, again.records, again.delivered) == (1000 - len(kept), len(kept), 0)
    again.close()


def test_a_smaller_bound_after_a_restart_holds_from_the_next_record_on(tmp_path: Path) -> None:
    first = opened(tmp_path)
    for _ in range(300):
        first.append(b"x" * 100)
    first.close()
    again = opened(tmp_path, max_bytes=4096)
    again.append(b"last")
    assert again.bytes <= 4096
    assert again.peek(LARGE)[0][-1] == b"last"
    assert balanced(again)
    assert again.dropped > 0
    again.close()


def test_a_record_that_was_dropped_on_its_way_counts_once(tmp_path: Path) -> None:
    buffer = opened(tmp_path, max_bytes=4096, segment_bytes=1024)
    for _ in range(20):
        buffer.append(b"x" * 100)
    _, mark = buffer.peek(LARGE)
    for _ in range(25):
        buffer.append(b"y" * 100)
    dropped = buffer.dropped
    assert 0 < dropped < 20
    buffer.confirm(mark)
    assert (buffer.dropped, buffer.delivered) == (dropped, 20 - dropped)
    assert set(buffer.peek(LARGE)[0]) == {b"y" * 100}
    assert balanced(buffer)
    buffer.close()


def test_a_record_larger_than_the_buffer_is_dropped_and_harms_no_other(tmp_path: Path) -> None:
    buffer = opened(tmp_path, max_bytes=4096)
    buffer.append(b"before")
    buffer.append(b"x" * 5000)
    buffer.append(b"after")
    assert buffer.peek(LARGE)[0] == [b"before", b"after"]
    assert buffer.dropped == 1
    buffer.close()
    assert opened(tmp_path, max_bytes=4096).dropped == 1


def test_a_record_that_is_too_old_is_dropped_instead_of_read(tmp_path: Path) -> None:
    now = NOW
    buffer = opened(tmp_path, max_age_seconds=60, clock=lambda: now)
    for age in (100, 61, 60, 0):
        now = NOW - age
        buffer.append(b"%d" % age)
    now = NOW
    assert buffer.peek(100)[0] == [b"60", b"0"]
    assert (buffer.dropped, buffer.records) == (2, 2)
    now = NOW + 1000
    assert buffer.peek(100)[0] == []
    assert (buffer.dropped, buffer.records) == (4, 0)
    buffer.close()
    assert opened(tmp_path).dropped == 4


def test_a_clock_that_was_not_set_yet_makes_no_record_old(tmp_path: Path) -> None:
    now = 5.0
    buffer = opened(tmp_path, max_age_seconds=60, clock=lambda: now)
    buffer.append(b"at the start of the device")
    now = NOW
    assert buffer.peek(100)[0] == [b"at the start of the device"]
    buffer.close()


def test_another_process_may_not_have_the_folder(tmp_path: Path, buffer: DiskBuffer) -> None:
    asks = f"""
from pathlib import Path
from constructs_lib.edge.runtime.device.buffer import BufferInUseError, DiskBuffer
try:
    DiskBuffer(Path({str(tmp_path / "buffer")!r}), max_bytes=8192)
except BufferInUseError as error:
    print(error)
"""
    told = subprocess.run([sys.executable, "-c", asks], capture_output=True, text=True, check=True)
    assert "another process has the buffer" in told.stdout
    with pytest.raises(BufferInUseError):
        opened(tmp_path / "buffer")


def test_the_folder_is_free_once_the_buffer_is_closed(tmp_path: Path) -> None:
    buffer = opened(tmp_path)
    buffer.append(b"a")
    _, mark = buffer.peek(10)
    buffer.close()
    buffer.close()
    buffer.confirm(mark)
    with pytest.raises(ValueError, match="closed"):
        buffer.append(b"b")
    again = opened(tmp_path)
    assert again.peek(10)[0] == [b"a"]
    again.close()


@pytest.mark.parametrize(("options", "told"), [({"fsync": "never"}, "never"), ({"max_bytes": 10}, "4096")])
def test_wrong_options_are_refused(tmp_path: Path, options: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        opened(tmp_path, **options)


def test_always_syncs_before_it_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = opened(tmp_path, fsync="always")
    synced: list[int] = []
    monkeypatch.setattr(module.os, "fdatasync", synced.append)
    for i in range(3):
        number = buffer.append(b"a")
        assert buffer.synced == number + 1
        assert len(synced) == i + 1
    buffer.close()


def test_batch_syncs_by_itself_within_a_second_or_so(buffer: DiskBuffer) -> None:
    buffer.append(b"a")
    assert buffer.synced == 0
    waited = threading.Event()
    for _ in range(50):
        if buffer.synced == 1:
            break
        waited.wait(0.1)
    assert buffer.synced == 1


def test_reading_syncs(buffer: DiskBuffer) -> None:
    buffer.append(b"a")
    buffer.peek(10)
    assert buffer.synced == 1


def test_counts_that_are_lost_begin_anew_and_no_record_is(tmp_path: Path) -> None:
    buffer = opened(tmp_path, segment_bytes=100)
    for i in range(10):
        buffer.append(b"%d" % i * 50)
    buffer.confirm(buffer.peek(LARGE, max_records=4)[1])
    buffer.close()
    (tmp_path / "tally").write_bytes(b"nonsense" * 1000)
    again = opened(tmp_path, segment_bytes=100)
    assert again.peek(LARGE)[0] == [b"%d" % i * 50 for i in range(4, 10)]
    assert (again.dropped, again.appended) == (0, 10)
    again.close()


def test_a_power_cut_while_the_counts_are_written_leaves_those_before(tmp_path: Path) -> None:
    buffer = opened(tmp_path)
    for i in range(6):
        buffer.append(b"%d" % i)
    for _ in range(2):
        buffer.confirm(buffer.peek(LARGE, max_records=2)[1])
    written = (tmp_path / "tally").read_bytes()
    buffer.close()
    for slot in (0, 4096):  # one of them was written last
        (tmp_path / "tally").write_bytes(written[:slot] + b"\0" * 20 + written[slot + 20 :])
        shutil.copytree(tmp_path, tmp_path.parent / f"copy-{slot}")
    found = []
    for slot in (0, 4096):
        again = opened(tmp_path.parent / f"copy-{slot}")
        found.append((again.delivered, again.dropped, again.peek(100)[0][0]))
        again.close()
    assert sorted(found) == [(2, 0, b"2"), (4, 0, b"4")]


def test_files_of_others_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.records").write_text("mine")
    buffer = opened(tmp_path)
    buffer.append(b"a")
    assert buffer.peek(10)[0] == [b"a"]
    buffer.close()
    assert (tmp_path / "notes.records").read_text() == "mine"


def test_threads_lose_and_double_nothing(buffer: DiskBuffer) -> None:
    writers, each = 8, 400

    def write(writer: int) -> None:
        for i in range(each):
            buffer.append(b"%d-%d" % (writer, i))

    threads = [threading.Thread(target=write, args=(i,)) for i in range(writers)]
    for thread in threads:
        thread.start()
    seen: list[bytes] = []
    while any(thread.is_alive() for thread in threads) or buffer.records:
        records, mark = buffer.peek(1000)
        seen += records
        buffer.confirm(mark)
    assert sorted(seen) == sorted(b"%d-%d" % (w, i) for w in range(writers) for i in range(each))
    for writer in range(writers):
        own = [record for record in seen if record.startswith(b"%d-" % writer)]
        assert own == [b"%d-%d" % (writer, i) for i in range(each)]
    assert (buffer.delivered, buffer.dropped) == (writers * each, 0)


_FULL = """
import os, sys
from pathlib import Path
from constructs_lib.edge.runtime.device.buffer import DiskBuffer

folder = Path(sys.argv[1])
buffer = DiskBuffer(folder / "buffer", max_bytes=1 << 20, segment_bytes=1 << 16)
filler = folder / "filler"
buffer.append(b"before")
with filler.open("wb", buffering=0) as file:
    try:
        while True:
            file.write(b"f" * 512)
    except OSError:
        pass
while not buffer.dropped:  # what is left of the page that it has
    buffer.append(b"full" * 64)
kept = buffer.records
for _ in range(20):
    buffer.append(b"full" * 64)
print("while full", buffer.dropped, buffer.records - kept)
records, mark = buffer.peek(100)
buffer.confirm(mark)
print("delivered while full", buffer.delivered)
filler.unlink()
buffer.append(b"after")
print("then", buffer.dropped, buffer.peek(1 << 20)[0][-1].decode(), buffer.records - kept)
dropped = buffer.dropped
buffer.close()
again = DiskBuffer(folder / "buffer", max_bytes=1 << 20, segment_bytes=1 << 16)
print("restarted", again.dropped == dropped, again.delivered, again.peek(1 << 20)[0][-1].decode())
"""


def _small_disk(script: Path) -> subprocess.CompletedProcess[str]:
    """Run it with a file system of 256 KiB of its own, where the kernel allows that."""
    mounted = 'mkdir -p "$1" && mount -t tmpfs -o size=256k tmpfs "$1" && exec "$2" "$3" "$1"'
    line = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mounted, "sh"]
    return subprocess.run(
        [*line, str(script.parent / "disk"), sys.executable, str(script)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )


def test_a_full_disk_costs_records_and_nothing_else(tmp_path: Path) -> None:
    script = tmp_path / "full.py"
    script.write_text(_FULL)
    told = _small_disk(script)
    if "unshare" in told.stderr or "mount" in told.stderr:
        pytest.skip(f"no file system of its own for a test here: {told.stderr.strip()}")
    assert told.stdout.splitlines() == [
        "while full 21 0",
        "delivered while full 1",
        "then 21 after 0",
        "restarted True 1 after",
    ], told.stderr
    assert told.stderr.count("the disk takes no more") == 1


def test_an_error_of_the_disk_fails_no_caller(
    buffer: DiskBuffer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    buffer.append(b"a")

    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    with caplog.at_level(logging.WARNING), monkeypatch.context() as patch:
        patch.setattr(module.os, "fdatasync", fail)
        records, mark = buffer.peek(10)
        buffer.confirm(mark)
    assert records == [b"a"]
    assert "could not sync the buffer" in caplog.text
    assert (buffer.delivered, buffer.records) == (1, 0)
