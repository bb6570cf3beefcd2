"""Disks that are full, worn out, or have what nobody put there: a model is served, and what can be read is told."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from constructs_lib.edge.runtime.device import memory, models, segments
from constructs_lib.edge.runtime.device.buffer import DiskBuffer
from constructs_lib.edge.runtime.device.config import BadConfig, config_of
from constructs_lib.edge.runtime.device.frames import Frame, frames

from .support import Running, constant_archive, hand_over
from .test_swap import Device, device

__all__ = ["device"]


class TestModels:
    def full(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def write(path: Path, document: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(models, "write_json", write)

    def test_a_start_on_a_full_disk_serves_what_was_served(
        self, device: Device, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        device.offer(1)
        device.look()
        self.full(monkeypatch)
        assert device.boot().serves == "v1"

    def test_on_a_full_disk_the_first_model_is_served_too(
        self, device: Device, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        device.offer(1)
        self.full(monkeypatch)
        assert device.look().serves == "v1"

    def test_on_a_full_disk_no_other_takes_its_place(
        self, device: Device, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        device.offer(1)
        device.look()
        device.offer(2)
        self.full(monkeypatch)
        assert device.look().serves == "v1"
        assert "No space left" in device.reports[-1]["reason"]

    @pytest.mark.parametrize("name", ["state.json", "offered.json", "loading.json"])
    def test_a_file_that_cannot_be_read_is_none(self, device: Device, name: str) -> None:
        device.offer(1)
        device.look()
        path = device.store.path / name
        path.unlink(missing_ok=True)
        path.mkdir()
        assert device.boot().serves == "v1"

    def test_a_mark_that_stays_hinders_nothing(self, device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
        def stay(store: models.ModelStore) -> None:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        device.offer(1)
        monkeypatch.setattr(models.ModelStore, "end_loading", stay)
        assert device.look().serves == "v1"
        device.swapper.close()
        # The mark blames it when the program starts again; there is no other, so it is tried apart, and serves.
        assert device.boot().serves == "v1"


class TestBuffer:
    @pytest.fixture
    def unreadable(self, monkeypatch: pytest.MonkeyPatch) -> set[str]:
        """The names of files whose second half the disk does not give any more."""
        names: set[str] = set()

        def read(file: BinaryIO, *, start: int, stop: int, least: int) -> Iterator[Frame]:
            for frame in frames(file, start=start, stop=stop, least=least):
                if Path(file.name).name in names and frame.end > stop // 2:
                    raise OSError(errno.EIO, os.strerror(errno.EIO))
                yield frame

        monkeypatch.setattr(segments, "frames", read)
        return names

    def opened(self, folder: Path) -> DiskBuffer:
        return DiskBuffer(folder, max_bytes=1 << 20, segment_bytes=1000)

    def sent(self, buffer: DiskBuffer) -> list[int]:
        found = []
        while records := buffer.peek(500)[0]:
            found += [int(each) for each in records]
            buffer.confirm(buffer.peek(500)[1])
        return found

    @pytest.mark.parametrize("again", [False, True], ids=["found on the way", "found at the start"])
    def test_what_is_behind_a_bad_place_of_the_disk_is_sent(
        self, tmp_path: Path, unreadable: set[str], again: bool
    ) -> None:
        buffer = self.opened(tmp_path)
        for number in range(100):
            buffer.append(b"%060d" % number)
        files = sorted(each.name for each in tmp_path.glob("*.records"))
        bad, after = files[2], int(files[3][:20])
        unreadable.add(bad)
        if again:
            buffer.close()
            buffer = self.opened(tmp_path)
        found = self.sent(buffer)
        lost = [each for each in range(100) if each not in found]
        assert found == sorted(found)
        assert lost == [*range(lost[0], after)]
        assert int(bad[:20]) < lost[0]
        assert (buffer.records, buffer.delivered, buffer.dropped) == (0, len(found), len(lost))
        assert not (tmp_path / bad).exists()
        buffer.close()

    def test_a_last_file_that_is_bad_is_written_on_from_where_it_can_be_read(
        self, tmp_path: Path, unreadable: set[str]
    ) -> None:
        buffer = self.opened(tmp_path)
        for number in range(5):
            buffer.append(b"%060d" % number)
        buffer.close()
        unreadable.update(each.name for each in tmp_path.glob("*.records"))
        buffer = self.opened(tmp_path)
        unreadable.clear()
        assert buffer.append(b"5") == 5
        found = self.sent(buffer)
        assert found[-1] == 5
        assert buffer.appended == buffer.delivered + buffer.dropped
        buffer.close()


def test_a_process_that_may_take_little_memory_is_not_allowed_more(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (10 << 20, 20 << 20))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: asked.append(limits))
    memory.hold_to(10_000)
    assert asked == [(20 << 20, 20 << 20)]


@pytest.mark.parametrize(
    "text",
    ['{"root": "/\\ud800", "fleet": "f", "thing": "t", "transport": {"kind": "greengrass"}}', "[" * 100_000],
    ids=["no text", "too deep"],
)
def test_odd_configurations_are_refused_in_words(text: str) -> None:
    with pytest.raises(BadConfig):
        config_of(text, {})


def test_it_stops_in_order_though_its_socket_cannot_be_removed(program: Running, tmp_path: Path) -> None:
    hand_over(program.root, constant_archive(tmp_path, 1), "v1")
    program.start().serves("v1")
    assert program.infer([[1, 1, 1, 1]])[0] == 200
    program.socket.unlink()
    program.socket.mkdir()
    assert program.stop() == 0
    assert (program.out / "dt~cameras~cam-1~inference.jsonl").exists()
