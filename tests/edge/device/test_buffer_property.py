"""The buffer against a model of it: any operations, restarts, torn tails, bits that flip."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from constructs_lib.edge.runtime.device.buffer import DiskBuffer, Mark
from constructs_lib.edge.runtime.device.frames import OVERHEAD, framed, frames

ROOM, SEGMENT = 4096, 512
RECORDS = st.binary(max_size=200)


class Buffers(RuleBasedStateMachine):
    """What was appended, in its order; what was read; what the buffer may have dropped: only the oldest."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.buffer = self.opened()
        self.appended: list[bytes] = []
        self.delivered: set[int] = set()
        self.marks: list[Mark] = []
        self.head = 0

    def opened(self) -> DiskBuffer:
        return DiskBuffer(self.folder, max_bytes=ROOM, segment_bytes=SEGMENT)

    def teardown(self) -> None:
        self.buffer.close()
        shutil.rmtree(self.folder)

    def waiting(self) -> list[bytes]:
        return self.buffer.peek(1 << 30, 1 << 30)[0]

    @rule(size=st.integers(0, 250))
    def append(self, size: int) -> None:
        record = (b"%d " % len(self.appended) * size)[:size]
        assert self.buffer.append(record) == len(self.appended)
        self.appended.append(record)

    @rule(count=st.integers(2, 30), size=st.integers(50, 250))
    def append_many(self, count: int, size: int) -> None:
        for _ in range(count):
            self.append(size)

    @rule()
    def append_too_much(self) -> None:
        self.append(ROOM)

    @rule(most=st.integers(0, 2000), count=st.integers(1, 20))
    def peek(self, most: int, count: int) -> None:
        records, mark = self.buffer.peek(most, count)
        numbers = [place.number for place in mark.places]
        assert [self.appended[number] for number in numbers] == records
        assert len(records) <= count
        assert len(records) == 1 or sum(map(len, records)) <= most or not records
        self.marks.append(mark)

    @precondition(lambda self: self.marks)
    @rule(data=st.data())
    def confirm(self, data: Any) -> None:
        mark = data.draw(st.sampled_from(self.marks))
        part = mark.upto(data.draw(st.integers(0, len(mark.places))))
        oldest = self.oldest()
        self.buffer.confirm(part)
        self.delivered |= {each.number for each in part.places if each.number >= oldest}

    @rule()
    def restart(self) -> None:
        self.buffer.close()
        self.buffer = self.opened()
        self.marks.clear()

    @rule()
    def lose_the_process(self) -> None:
        """What another process finds in a copy of the files as they are now, is the same."""
        copy = self.folder.with_name(self.folder.name + "-copy")
        shutil.copytree(self.folder, copy)
        other = DiskBuffer(copy, max_bytes=ROOM, segment_bytes=SEGMENT)
        assert other.peek(1 << 30, 1 << 30)[0] == self.waiting()
        assert (other.appended, other.delivered) == (self.buffer.appended, self.buffer.delivered)
        assert (other.records, other.dropped) == (self.buffer.records, self.buffer.dropped)
        other.close()
        shutil.rmtree(copy)

    def oldest(self) -> int:
        """The lowest number that waits: as many as wait are the newest, without those that never fitted."""
        fitted = [number for number, each in enumerate(self.appended) if len(each) < ROOM]
        first = len(fitted) - self.buffer.records
        return fitted[first] if first < len(fitted) else len(self.appended)

    @invariant()
    def it_adds_up(self) -> None:
        assert self.buffer.appended == len(self.appended)
        assert self.buffer.delivered == len(self.delivered)
        assert self.buffer.dropped == len(self.appended) - len(self.delivered) - self.buffer.records
        assert not any(number >= self.oldest() for number in self.delivered)

    @invariant()
    def the_newest_wait_in_order(self) -> None:
        assert self.waiting() == [each for each in self.appended[self.oldest() :] if len(each) < ROOM]

    @invariant()
    def nothing_grows(self) -> None:
        assert sum(each.stat().st_size for each in self.folder.glob("*.records")) <= ROOM
        assert sum(OVERHEAD + len(each) for each in self.waiting()) == self.buffer.bytes


Buffers.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestBuffers = Buffers.TestCase


def filled(folder: Path, records: list[bytes], segment: int = 1 << 20) -> list[Path]:
    buffer = DiskBuffer(folder, max_bytes=1 << 20, segment_bytes=segment)
    for each in records:
        buffer.append(each)
    buffer.close()
    return sorted(folder.glob("*.records"))


def found_in(folder: Path, segment: int = 1 << 20) -> tuple[list[bytes], DiskBuffer]:
    buffer = DiskBuffer(folder, max_bytes=1 << 20, segment_bytes=segment)
    return buffer.peek(1 << 30)[0], buffer


def test_a_tail_torn_at_any_byte_costs_that_record_alone(tmp_path: Path) -> None:
    records = [b"first", b"second", b"", b"the last one"]
    (file,) = filled(tmp_path / "whole", records)
    content = file.read_bytes()
    last = len(content) - OVERHEAD - len(records[-1])
    for cut in range(last, len(content) + 1):
        folder = tmp_path / f"cut-{cut}"
        shutil.copytree(tmp_path / "whole", folder)
        (folder / file.name).write_bytes(content[:cut])
        kept = records if cut == len(content) else records[:-1]
        found, buffer = found_in(folder)
        assert found == kept
        # It was appended, as the counts say; so it counts as dropped. It is no longer on disk.
        assert (buffer.appended, buffer.dropped) == (4, 4 - len(kept))
        assert (folder / file.name).stat().st_size == (len(content) if cut == len(content) else last)
        assert buffer.append(b"next") == 4
        assert buffer.peek(1 << 30)[0] == [*kept, b"next"]
        buffer.close()
        again, buffer = found_in(folder)
        assert again == [*kept, b"next"]
        buffer.close()


@pytest.mark.parametrize(
    "garbage", [b"\0" * 700, b"\xf5rec" * 100, framed(1, 0, b"stale"), framed(99, 0, b"x" * 50)[:-1]]
)
def test_what_lies_behind_the_last_record_is_none(tmp_path: Path, garbage: bytes) -> None:
    records = [b"first", b"second"]
    (file,) = filled(tmp_path, records)
    whole = file.stat().st_size
    with file.open("ab") as opened:
        opened.write(garbage)
    found, buffer = found_in(tmp_path)
    assert found == records
    assert file.stat().st_size == whole
    assert buffer.append(b"third") == 2
    buffer.close()
    assert found_in(tmp_path)[0] == [*records, b"third"]


@settings(max_examples=150, deadline=None)
@given(records=st.lists(st.binary(max_size=60), min_size=1, max_size=12), data=st.data())
def test_a_flipped_bit_costs_the_record_that_has_it_alone(records: list[bytes], data: Any) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = filled(folder, records, segment=256)
        places = []
        for file in files:
            with file.open("rb") as opened:
                begin = 0
                for frame in frames(opened, start=0, stop=file.stat().st_size, least=0):
                    places.append((file, begin, frame.end, frame.number))
                    begin = frame.end
        assert [each[3] for each in places] == list(range(len(records)))
        file, begin, end, number = data.draw(st.sampled_from(places))
        bit = data.draw(st.integers(8 * begin, 8 * end - 1))
        content = bytearray(file.read_bytes())
        content[bit // 8] ^= 1 << bit % 8
        file.write_bytes(content)
        found, buffer = found_in(folder, segment=256)
        assert found == [each for i, each in enumerate(records) if i != number]
        assert (buffer.appended, buffer.dropped, buffer.records) == (len(records), 1, len(records) - 1)
        buffer.confirm(buffer.peek(1 << 30)[1])
        assert (buffer.delivered, buffer.dropped, buffer.records) == (len(records) - 1, 1, 0)
        buffer.close()


@settings(max_examples=100, deadline=None)
@given(
    damage=st.binary(min_size=1, max_size=80),
    place=st.integers(0, 900),
    records=st.lists(RECORDS, max_size=10),
)
def test_whatever_is_written_over_it_what_is_read_was_appended(
    damage: bytes, place: int, records: list[bytes]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file in filled(folder, records, segment=400):
            content = file.read_bytes()
            file.write_bytes(content[:place] + damage + content[place + len(damage) :])
        found, buffer = found_in(folder, segment=400)
        rest = iter(records)
        assert all(each in rest for each in found)  # in their order
        assert buffer.appended == buffer.delivered + buffer.records + buffer.dropped
        buffer.append(b"goes on")
        assert buffer.peek(1 << 30)[0] == [*found, b"goes on"]
        buffer.close()


def test_records_that_are_damaged_while_it_runs_are_passed_and_counted(tmp_path: Path) -> None:
    buffer = DiskBuffer(tmp_path, max_bytes=1 << 20, segment_bytes=200)
    for i in range(12):
        buffer.append(b"%02d" % i * 30)
    files = sorted(tmp_path.glob("*.records"))
    for file in files[1:3]:
        file.write_bytes(b"\0" * file.stat().st_size)
    records, mark = buffer.peek(1 << 30)
    assert [each[:2] for each in records] == [b"00", b"01", *(b"%02d" % i for i in range(6, 12))]
    buffer.confirm(mark)
    assert (buffer.delivered, buffer.dropped, buffer.records, buffer.bytes) == (8, 4, 0, 0)
    buffer.close()


def test_where_nothing_can_be_read_any_more_the_buffer_does_not_hang(tmp_path: Path) -> None:
    buffer = DiskBuffer(tmp_path, max_bytes=1 << 20, segment_bytes=200)
    for _ in range(5):
        buffer.append(b"x" * 60)
    for file in tmp_path.glob("*.records"):
        file.write_bytes(b"\0" * file.stat().st_size)
    assert buffer.peek(100) == ([], Mark(()))
    assert (buffer.records, buffer.dropped, buffer.bytes) == (0, 5, 0)
    buffer.append(b"goes on")
    assert buffer.peek(100)[0] == [b"goes on"]
    buffer.close()
