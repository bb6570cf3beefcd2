"""What lies on the disk, after anything that may happen."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from constructs_lib.edge.runtime.device import models
from constructs_lib.edge.runtime.device.errors import BadModel
from constructs_lib.edge.runtime.device.files import read_json, write_json
from constructs_lib.edge.runtime.device.models import ModelStore, State

from .support import MODULE, REPOSITORY, classifier, hand_over, packed


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "root")


def test_a_state_is_read_as_it_was_saved(store: ModelStore) -> None:
    state = State(
        serving="2", previous="1", rejected={"3": "bad"}, offer="x", wanted="2", leads="wanted", since=5
    )
    store.save(state)
    assert store.state() == state


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"serving": 3, "rejected": [1], "since": "x"}', b"\xff"]
)
def test_a_spoilt_state_is_none(store: ModelStore, content: bytes) -> None:
    (store.path / "state.json").write_bytes(content)
    assert store.state() == State()
    (store.path / "offered.json").write_bytes(content)
    assert store.offered() is None


@pytest.mark.parametrize("version", ["../x", "", ".x", "a/b", "x" * 65, "a b"])
def test_a_version_is_no_way_out(store: ModelStore, version: str) -> None:
    write_json(store.path / "offered.json", {"version": version, "at": 1, "id": "x"})
    assert store.offered() is None
    assert not store.has(version)


def test_readers_see_old_or_new_and_never_half(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    write_json(path, {"n": 0, "filler": ""})
    done = threading.Event()

    def write() -> None:
        for n in range(300):
            write_json(path, {"n": n, "filler": "x" * (n % 7) * 5000})
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    while not done.is_set():
        found = read_json(path)
        assert found is not None
        assert len(found["filler"]) == found["n"] % 7 * 5000
    thread.join()
    assert [each.name for each in tmp_path.iterdir()] == ["file.json"]


def test_a_write_that_fails_leaves_what_was(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    write_json(path, {"n": 1})
    with pytest.raises(TypeError):
        write_json(path, {"n": object()})
    assert read_json(path) == {"n": 1}


class TestMark:
    def test_a_death_is_a_models_fault_at_once(self, store: ModelStore) -> None:
        assert store.died_loading() is None
        store.begin_loading("1")
        assert store.died_loading() == "1"
        store.end_loading()
        assert store.died_loading() is None

    def test_a_power_cut_is_the_second_time_only(
        self, store: ModelStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        boots = iter("abcdefgh")

        def boot() -> str:
            return now

        monkeypatch.setattr(models, "_boot", boot)
        now = next(boots)
        store.begin_loading("1")
        now = next(boots)
        assert store.died_loading() is None
        store.begin_loading("1")
        now = next(boots)
        assert store.died_loading() == "1"
        store.begin_loading("2")
        now = next(boots)
        assert store.died_loading() is None


def test_what_is_needed_stays_and_the_rest_goes(store: ModelStore) -> None:
    for version in ("1", "2", "3", "4"):
        store.folder(version).mkdir()
    incoming = store.path / f"{models.INCOMING}x"
    incoming.mkdir()
    store.offer("4", "id")
    store.prune({"2", None})
    assert store.versions() == ["2", "4"]
    assert incoming.is_dir()


def test_a_removal_cut_off_leaves_no_half_model(store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.folder("1").mkdir()
    (store.folder("1") / "model.onnx").write_bytes(b"x")
    monkeypatch.setattr(models.shutil, "rmtree", lambda *_, **__: None)
    models.remove(store.folder("1"))
    assert store.versions() == []
    monkeypatch.undo()
    store.prune(set())
    assert [each.name for each in store.path.iterdir() if each.is_dir()] == []


class TestHandover:
    def test_without_a_program_it_offers(self, store: ModelStore, tmp_path: Path) -> None:
        done = hand_over(
            store.path.parent, packed(tmp_path / "a", {"model.onnx": classifier()}), "1.2.3", wait=5
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert "no program answers" in done.stdout
        offer = store.offered()
        assert offer is not None
        assert offer.version == "1.2.3"
        store.require_whole("1.2.3")

    def test_it_needs_no_onnxruntime(self) -> None:
        heavy = "{'numpy', 'onnxruntime', 'aws_cdk'} & {*sys.modules}"
        code = f"import sys, {MODULE}.handover; sys.exit(' '.join({heavy}) or None)"
        subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True)

    def test_a_bad_archive_offers_nothing(self, store: ModelStore, tmp_path: Path) -> None:
        done = hand_over(store.path.parent, packed(tmp_path / "a", {"x": b""}), "1")
        assert done.returncode == 1
        assert "has no model.onnx" in done.stderr
        assert store.offered() is None
        assert store.versions() == []

    @pytest.mark.parametrize("version", ["../x", "a/b", ""])
    def test_a_version_that_is_a_path_is_refused(
        self, store: ModelStore, tmp_path: Path, version: str
    ) -> None:
        done = hand_over(store.path.parent, packed(tmp_path / "a", {"model.onnx": b"x"}), version)
        assert done.returncode == 2
        assert [each for each in store.path.iterdir() if each.is_dir()] == []

    def test_damage_on_the_disk_is_found_and_mended(self, store: ModelStore, tmp_path: Path) -> None:
        archive = packed(tmp_path / "a", {"model.onnx": classifier()})
        hand_over(store.path.parent, archive, "1")
        inode = (store.folder("1") / "model.onnx").stat().st_ino
        hand_over(store.path.parent, archive, "1")
        assert (store.folder("1") / "model.onnx").stat().st_ino == inode
        content = bytearray(classifier())
        content[100] ^= 1
        (store.folder("1") / "model.onnx").write_bytes(content)
        with pytest.raises(BadModel, match=r"model\.onnx is damaged"):
            store.require_whole("1")
        hand_over(store.path.parent, archive, "1")
        store.require_whole("1")

    def test_killed_at_any_moment_it_leaves_the_last_offer(self, store: ModelStore, tmp_path: Path) -> None:
        good = packed(tmp_path / "a", {"model.onnx": classifier()})
        hand_over(store.path.parent, good, "good")
        large = packed(tmp_path / "b", {"model.onnx": classifier(1), "w": bytes(60_000_000)})
        command = [
            sys.executable,
            "-m",
            f"{MODULE}.handover",
            "--root",
            str(store.path.parent),
            "--wait",
            "0",
        ]
        for wait in (0.1, 0.15, 0.2, 0.3, 0.4, 0.6):
            process = subprocess.Popen(
                [*command, "--archive", str(large), "--version", "new"], cwd=REPOSITORY
            )
            time.sleep(wait)
            process.send_signal(signal.SIGKILL)
            process.wait()
            offer = store.offered()
            assert offer is not None
            for version in {offer.version, *store.versions()}:
                store.require_whole(version)
        done = hand_over(store.path.parent, large, "new")
        assert done.returncode == 0, done.stderr
        assert store.versions() == ["good", "new"]
        assert not list(store.path.glob(f"{models.INCOMING}*"))


def test_the_manifest_is_json(store: ModelStore, tmp_path: Path) -> None:
    hand_over(store.path.parent, packed(tmp_path / "a", {"model.onnx": b"x", "code/y": b"y"}), "1")
    assert sorted(json.loads((store.folder("1") / "manifest.json").read_text())["files"]) == [
        "code/y",
        "model.onnx",
    ]
