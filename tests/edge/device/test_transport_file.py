"""Messages in files, and which transport a configuration asks for."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from constructs_lib.edge.runtime.device.transport import transport_of
from constructs_lib.edge.runtime.device.transport.file import FileTransport
from tests.support.waiting import until

DELTA = "$aws/things/cam-1/shadow/name/model/update/delta"


@pytest.fixture
def transport(tmp_path: Path) -> Iterator[FileTransport]:
    made = FileTransport(tmp_path / "out", poll_seconds=0.02)
    made.start()
    yield made
    made.stop()


def test_a_message_is_a_line_of_its_topic(transport: FileTransport, tmp_path: Path) -> None:
    assert transport.publish("dt/cams/cam-1/summary", b'{"number": 1}', timeout=1)
    assert transport.publish("dt/cams/cam-1/summary", '{\n"text": "zwölf"\n}'.encode(), timeout=1)
    assert transport.publish("$aws/x", b"\xffnot json", timeout=1)
    assert (
        tmp_path / "out" / "dt~cams~cam-1~summary.jsonl"
    ).read_text() == '{"number":1}\n{"text":"zwölf"}\n'
    assert json.loads((tmp_path / "out" / "$aws~x.jsonl").read_text()) == "\ufffdnot json"


def test_a_line_that_a_crash_tore_off_harms_no_other(transport: FileTransport, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "t.jsonl").write_text('{"n":1}\n{"n":')
    transport.publish("t", b'{"n":3}', timeout=1)
    assert (tmp_path / "out" / "t.jsonl").read_text() == '{"n":1}\n{"n":\n{"n":3}\n'


def test_what_cannot_be_written_is_not_acknowledged(transport: FileTransport, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file where the folder should be")
    assert not transport.publish("t", b"{}", timeout=1)
    (tmp_path / "out").unlink()
    assert transport.publish("t", b"{}", timeout=1)


def test_half_a_line_is_taken_back_when_the_disk_takes_no_more(tmp_path: Path) -> None:
    writes = f"""
from pathlib import Path
from constructs_lib.edge.runtime.device.transport.file import FileTransport
transport = FileTransport(Path({str(tmp_path)!r}))
transport.start()
print([transport.publish("t", b'"' + b"x" * 600 + b'"', timeout=1) for _ in range(3)])
"""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    told = subprocess.run(
        [sys.executable, "-B", "-c", writes], capture_output=True, text=True, check=True, preexec_fn=limit
    )
    assert told.stdout == "[True, False, False]\n"
    assert (tmp_path / "t.jsonl").read_text() == '"' + "x" * 600 + '"\n'


def test_files_are_messages_to_the_device(transport: FileTransport, tmp_path: Path) -> None:
    heard: list[tuple[str, bytes]] = []
    inbox = tmp_path / "out" / "in"
    inbox.mkdir(parents=True)
    name = DELTA.replace("/", "~")
    (inbox / f"{name}@1.json").write_bytes(b"first")
    (inbox / f"{name}@2.json.part").write_bytes(b"not complete")
    (inbox / "other~topic.json").write_bytes(b"nobody asked")
    transport.subscribe(DELTA, lambda topic, payload: heard.append((topic, payload)))
    until(lambda: heard)
    (inbox / f"{name}@2.json.part").rename(inbox / f"{name}@2.json")
    until(lambda: len(heard) == 2)
    assert heard == [(DELTA, b"first"), (DELTA, b"not complete")]
    assert [each.name for each in inbox.iterdir()] == ["other~topic.json"]


def test_a_handler_that_fails_stops_no_other(
    transport: FileTransport, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    heard = threading.Event()

    def fail(topic: str, payload: bytes) -> None:
        raise KeyError("unforeseen")

    transport.subscribe("a", fail)
    transport.subscribe("b", lambda *_: heard.set())
    inbox = tmp_path / "out" / "in"
    inbox.mkdir(parents=True)
    (inbox / "a.json").write_bytes(b"{}")
    (inbox / "b.json").write_bytes(b"{}")
    assert heard.wait(10)
    assert "message a.json was not handled" in caplog.text


def test_it_is_connected_while_it_runs(tmp_path: Path) -> None:
    transport = FileTransport(tmp_path)
    assert (transport.connected, transport.connections) == (False, 0)
    assert not transport.publish("t", b"{}", timeout=1)
    transport.start()
    assert (transport.connected, transport.connections) == (True, 1)
    transport.stop()
    assert not transport.connected
    assert not transport.publish("t", b"{}", timeout=1)


def config(**given: object) -> SimpleNamespace:
    absent = {"host": None, "port": 8883, "client_id": None, "tls": None, "folder": None}
    return SimpleNamespace(**{**absent, **given})


def test_the_configuration_chooses(tmp_path: Path) -> None:
    made = transport_of(config(kind="file", folder=tmp_path), thing="cam-1")
    assert isinstance(made, FileTransport)


@pytest.mark.parametrize(
    ("kind", "told"), [("mqtt", "needs a host"), ("file", "needs a folder"), ("pigeon", "is not known")]
)
def test_a_configuration_without_what_it_needs_is_refused(kind: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        transport_of(config(kind=kind), thing="cam-1")


@pytest.mark.parametrize("kind", ["file", "mqtt", "greengrass"])
def test_a_transport_imports_no_package_of_another(kind: str, tmp_path: Path) -> None:
    asks = f"""
import sys
from types import SimpleNamespace
from pathlib import Path
from constructs_lib.edge.runtime.device.transport import transport_of
config = SimpleNamespace(kind={kind!r}, host="localhost", port=1, client_id=None, tls=None, folder=Path("."))
transport_of(config, thing="t")
print([each for each in ("paho", "awsiot", "awscrt", "numpy", "onnxruntime", "aws_cdk") if each in sys.modules])
"""
    told = subprocess.run([sys.executable, "-c", asks], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == {"file": "[]", "mqtt": "['paho']", "greengrass": "[]"}[kind]
