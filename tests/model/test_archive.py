"""The archive depends on names, modes and contents, and on nothing else of the machine that packs it."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from constructs_lib.model import archive
from constructs_lib.model.archive import ArchiveError, pack

ROOT = Path(__file__).parents[2]
FILES = {"model.json": "{}", "weights/a.bin": "aaa", "weights/b.bin": "bbb", "z/é模型.txt": "unicode"}


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Archives of each test go to a folder of its own, so that every one is really written."""
    folder = tmp_path / "workspace"
    folder.mkdir()
    monkeypatch.setattr(archive, "_workspace", lambda: folder)
    yield folder


Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def in_folder(name: str = "model", files: Mapping[str, str] = FILES, *, time: float = 1e9) -> Path:
        folder = tmp_path / name
        for relative, content in files.items():
            file = folder / relative
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, encoding="utf-8")
            os.utime(file, (time, time))
        return folder

    return in_folder


def members(path: Path) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(path) as tar:
        return {each.name: each for each in tar.getmembers()}


def content(path: Path, name: str) -> bytes:
    with tarfile.open(path) as tar:
        file = tar.extractfile(name)
        assert file is not None
        return file.read()


def test_copies_made_at_other_times_in_another_order_pack_to_the_same_bytes(
    make: Make, workspace: Path
) -> None:
    one = pack(make("one"))
    first = one.path.read_bytes()
    one.path.unlink()
    two = pack(make("two", dict(reversed(FILES.items())), time=1.7e9))
    assert two.digest == one.digest
    assert two.path.read_bytes() == first


PACK = """
import hashlib, os, sys
from pathlib import Path
os.umask(int(sys.argv[1], 8))
folder = Path(sys.argv[2])
(folder / "weights").mkdir(parents=True)
for name in sys.argv[3:]:
    (folder / name).write_text(name)
from constructs_lib.model.archive import pack
packed = pack(folder)
print(packed.digest, hashlib.sha256(packed.path.read_bytes()).hexdigest())
"""


def test_processes_with_different_umasks_and_hash_seeds_pack_to_the_same_bytes(tmp_path: Path) -> None:
    names = ["model.json", "weights/a", "weights/b"]
    outputs = [
        subprocess.run(
            [sys.executable, "-c", PACK, umask, str(tmp_path / seed), *order],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": zone},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for umask, seed, zone, order in (("022", "1", "UTC", names), ("077", "2", "Asia/Tokyo", names[::-1]))
    ]
    assert outputs[0] == outputs[1]
    assert len(outputs[0].split()) == 2


def test_members_are_sorted_and_carry_no_time_no_owner_and_plain_modes(make: Make) -> None:
    packed = members(pack(make()).path)
    assert list(packed) == sorted(FILES)
    for each in packed.values():
        assert (each.mtime, each.uid, each.gid, each.uname, each.gname) == (0, 0, 0, "", "")
        assert each.mode == 0o644
        assert each.isreg()


def test_the_gzip_header_has_no_name_and_no_time(make: Make) -> None:
    header = pack(make()).path.read_bytes()[:10]
    assert header[:3] == b"\x1f\x8b\x08"
    assert header[3] == 0, "no flags, so no file name"
    assert header[4:8] == b"\0\0\0\0"


def test_contents_survive(make: Make) -> None:
    packed = pack(make())
    assert {name: content(packed.path, name).decode() for name in FILES} == FILES


@pytest.mark.parametrize(
    "changed",
    [
        {**FILES, "model.json": "{ }"},
        {**FILES, "more": ""},
        {name: text for name, text in FILES.items() if name != "model.json"},
        {**{name: text for name, text in FILES.items() if name != "model.json"}, "model2.json": "{}"},
        {**FILES, "weights/a.bin": "bbb", "weights/b.bin": "aaa"},
    ],
    ids=["a content", "a file more", "a file less", "a name", "contents exchanged"],
)
def test_any_change_of_content_changes_the_digest(make: Make, changed: dict[str, str]) -> None:
    assert pack(make("one")).digest != pack(make("two", changed)).digest


def test_the_executable_bit_is_kept_and_counts(make: Make) -> None:
    folder = make()
    plain = pack(folder).digest
    (folder / "model.json").chmod(0o700)
    packed = pack(folder)
    assert members(packed.path)["model.json"].mode == 0o755
    assert packed.digest != plain


def test_other_permission_bits_do_not_count(make: Make) -> None:
    folder = make()
    plain = pack(folder).digest
    (folder / "model.json").chmod(0o600)
    assert pack(folder).digest == plain


def test_long_and_unicode_names_survive(make: Make) -> None:
    name = "/".join(["模型-" + "a" * 50] * 4) + "/weights.bin"
    packed = pack(make("long", {name: "x"}))
    assert content(packed.path, name) == b"x"


def test_code_goes_beneath_code(make: Make) -> None:
    packed = pack(
        make("model", {"model.json": "{}"}), code=make("inference", {"inference.py": "", "lib/a.py": ""})
    )
    assert list(members(packed.path)) == ["code/inference.py", "code/lib/a.py", "model.json"]


def test_a_clash_of_model_and_code_is_refused(make: Make) -> None:
    model, code = make("model", {"code/inference.py": ""}), make("inference", {"inference.py": ""})
    with pytest.raises(ArchiveError, match=r"code/inference\.py is in both"):
        pack(model, code=code)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty" / "deeper").mkdir(parents=True)
    with pytest.raises(ArchiveError, match="holds no file to pack"):
        pack(tmp_path / "empty")


def test_a_folder_of_excluded_files_is_refused(make: Make) -> None:
    with pytest.raises(ArchiveError, match="holds no file to pack"):
        pack(make("model", {"__pycache__/a.pyc": "", ".DS_Store": ""}))


@pytest.mark.parametrize(
    ("exclude", "left"),
    [
        ((), ["a.ipynb", "deep/b.ipynb", "deep/keep.txt", "keep.txt"]),
        (("*.ipynb",), ["deep/keep.txt", "keep.txt"]),
        (("deep",), ["a.ipynb", "keep.txt"]),
        (("deep/*.txt",), ["a.ipynb", "deep/b.ipynb", "keep.txt"]),
        (("KEEP.TXT",), ["a.ipynb", "deep/b.ipynb", "deep/keep.txt", "keep.txt"]),
    ],
)
def test_patterns_exclude_by_name_or_path(make: Make, exclude: tuple[str, ...], left: list[str]) -> None:
    files = dict.fromkeys(["a.ipynb", "keep.txt", "deep/b.ipynb", "deep/keep.txt"], "x")
    assert list(members(pack(make("model", files), exclude=exclude).path)) == left


def test_what_never_belongs_into_a_model_is_left_out(make: Make) -> None:
    files = dict.fromkeys(
        [".git/HEAD", "__pycache__/a.pyc", "a.pyc", ".DS_Store", ".ipynb_checkpoints/x", "a"], "x"
    )
    assert list(members(pack(make("model", files)).path)) == ["a"]


def test_a_link_within_the_folder_is_packed_as_the_file_it_names(make: Make) -> None:
    folder = make()
    (folder / "latest.json").symlink_to("model.json")
    packed = pack(folder)
    assert members(packed.path)["latest.json"].isreg()
    assert content(packed.path, "latest.json") == b"{}"


def test_a_folder_reached_through_a_link_is_packed(make: Make, tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to(make())
    assert pack(tmp_path / "current").digest == pack(tmp_path / "model").digest


def test_a_link_that_leaves_the_folder_is_refused(make: Make) -> None:
    folder, outside = make(), make("outside", {"secret": "x"})
    (folder / "stolen").symlink_to(outside / "secret")
    with pytest.raises(ArchiveError, match=r"stolen links outside of .*; copy the file in"):
        pack(folder)


def test_a_broken_link_is_refused(make: Make) -> None:
    folder = make()
    (folder / "lost").symlink_to("gone")
    with pytest.raises(ArchiveError, match="lost is a broken link"):
        pack(folder)


def test_a_link_to_a_folder_is_refused_rather_than_left_out(make: Make) -> None:
    folder = make()
    (folder / "again").symlink_to("weights")
    with pytest.raises(ArchiveError, match="again is no regular file"):
        pack(folder)


def test_a_link_that_is_excluded_is_not_looked_at(make: Make) -> None:
    folder = make()
    (folder / "lost").symlink_to("gone")
    assert "lost" not in members(pack(folder, exclude=["lost"]).path)


def test_a_pipe_is_refused(make: Make) -> None:
    folder = make()
    os.mkfifo(folder / "pipe")
    with pytest.raises(ArchiveError, match="pipe is no regular file"):
        pack(folder)


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        pack(tmp_path / "nowhere")


def test_an_unchanged_folder_is_written_once(make: Make) -> None:
    folder = make()
    first = pack(folder).path
    written = first.stat().st_mtime_ns, first.stat().st_ino
    assert pack(folder).path == first
    assert (first.stat().st_mtime_ns, first.stat().st_ino) == written


def test_nothing_half_written_is_left_or_taken_for_whole(
    make: Make, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make()

    def full(*_: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patched:
        patched.setattr(tarfile.TarFile, "addfile", full)
        with pytest.raises(OSError, match="no space left"):
            pack(folder)
    assert list(workspace.glob("*.tar.gz")) == []
    assert list(members(pack(folder).path)) == sorted(FILES)


def test_a_big_file_is_streamed_not_held_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = 48 * 1024 * 1024
    folder = tmp_path / "big"
    folder.mkdir()
    with (folder / "weights.bin").open("wb") as file:
        file.truncate(size)  # sparse: quick to make
    greatest = 0
    original = io.BufferedReader.read

    class Watched(io.BufferedReader):
        def read(self, size: int | None = -1, /) -> bytes:
            nonlocal greatest
            chunk = original(self, size)
            greatest = max(greatest, len(chunk))
            return chunk

    opened = Path.open
    monkeypatch.setattr(
        Path,
        "open",
        lambda self, mode="r", **rest: (
            Watched(io.FileIO(self)) if mode == "rb" else opened(self, mode, **rest)
        ),
    )
    packed = pack(folder)
    assert 0 < greatest <= 1024 * 1024
    assert members(packed.path)["weights.bin"].size == size
    assert packed.path.stat().st_size < size // 100


def test_the_digest_is_of_the_contents_not_of_the_compression(make: Make) -> None:
    packed = pack(make())
    assert packed.digest != hashlib.sha256(packed.path.read_bytes()).hexdigest()
    assert packed.path.name == f"{packed.digest}.tar.gz"


def test_the_workspace_is_private_and_removed_when_the_process_ends() -> None:
    script = (
        "from constructs_lib.model.archive import _workspace as w; "
        "p = w(); (p / 'x').touch(); print(p, oct(p.stat().st_mode & 0o777), w() == p)"
    )
    run = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    path, mode, same = run.stdout.split()
    assert (mode, same) == ("0o700", "True")
    assert not Path(path).exists()
