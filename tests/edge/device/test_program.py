"""The whole program, in a process of its own: serves, swaps, falls back, survives, tells."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from .support import (
    MODULE,
    REPOSITORY,
    Running,
    UnixConnection,
    constant_archive,
    constant_model,
    hand_over,
    packed,
    read_lines,
    until,
)


def test_serves_what_was_handed_over_before_it_started(program: Running, tmp_path: Path) -> None:
    done = hand_over(program.root, constant_archive(tmp_path, 7), "1.0.7")
    assert done.returncode == 0, done.stderr
    program.start().serves("1.0.7")
    status, body, headers = program.infer([[1, 2, 3, 4]])
    assert (status, body) == (200, {"outputs": {"y": [[10.0]], "which": [[7.0]]}})
    assert headers["X-Model-Version"] == "1.0.7"
    assert program.stop() == 0


def test_no_request_is_dropped_while_models_are_swapped(program: Running, tmp_path: Path) -> None:
    archives = [constant_archive(tmp_path, number) for number in range(3)]
    program.hand_over(archives[0], "1.0.0", wait=0)
    program.start().serves("1.0.0")
    done, wrong, answered = threading.Event(), [], [0] * 4
    seen: list[set[str]] = [set() for _ in range(4)]

    def hammer(client: int) -> None:
        connection = UnixConnection(program.socket)
        body = json.dumps({"instances": [[1, 1, 1, 1]]}).encode()
        while not done.is_set():
            try:
                connection.request("POST", "/invocations", body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                told, version = json.loads(answer.read()), answer.headers["X-Model-Version"]
                # The answer is that of the model whose version it has, whole.
                right = answer.status == 200 and told["outputs"]["which"] == [
                    [float(version.rsplit(".")[-1])]
                ]
                wrong.extend([] if right else [(answer.status, version, told)])
            except Exception as error:
                wrong.append((client, repr(error)))
                return
            seen[client].add(version)
            time.sleep(0.002)
            answered[client] += 1

    threads = [threading.Thread(target=hammer, args=(client,)) for client in range(4)]
    for thread in threads:
        thread.start()
    for turn in range(1, 22):
        number = turn % 3
        handed = program.hand_over(archives[number], f"1.0.{number}")
        assert handed.returncode == 0, handed.stderr + program.log()
        assert program.infer([[0, 0, 0, 0]])[2]["X-Model-Version"] == f"1.0.{number}"
    done.set()
    for thread in threads:
        thread.join(20)
    assert wrong == []
    assert min(answered) > 100
    assert seen == [{"1.0.0", "1.0.1", "1.0.2"}] * 4


def test_a_bad_model_is_rejected_and_the_good_one_serves_on(program: Running, tmp_path: Path) -> None:
    program.hand_over(constant_archive(tmp_path, 1), "good", wait=0)
    program.start().serves("good")
    corrupt = packed(tmp_path / "c.tar.gz", {"model.onnx": constant_model(1)[:-40]})
    wrong = constant_archive(tmp_path, 2, model_onnx=constant_model(3))
    told = constant_archive(tmp_path, 4, metadata_json=json.dumps({"inputs": [{"name": "pixels"}]}).encode())
    killer = packed(tmp_path / "k.tar.gz", {"model.onnx": constant_model(1, kills=True)})
    reasons = {
        "killer": (killer, "SIGFPE"),
        "corrupt": (corrupt, "cannot load"),
        "wrong": (wrong, "off by 1"),
        "other": (told, "pixels"),
    }
    for version, (archive, reason) in reasons.items():
        done = program.hand_over(archive, version)
        assert done.returncode == 1
        assert reason in done.stderr
        state = program.status()
        assert state is not None
        assert (state["model"]["version"], state["model"]["status"]) == ("good", "rejected")
        assert reason in state["model"]["reason"]
        assert program.infer([[1, 1, 1, 1]])[1]["outputs"]["which"] == [[1.0]]
    assert program.hand_over(constant_archive(tmp_path, 5), "better").returncode == 0
    assert program.infer([[1, 1, 1, 1]])[1]["outputs"]["which"] == [[5.0]]


def test_a_model_beyond_the_limit_of_memory_is_rejected(program: Running, tmp_path: Path) -> None:
    program.settings = {"memory_mb": 200}
    program.hand_over(constant_archive(tmp_path, 1), "good", wait=0)
    program.start().serves("good")
    large = packed(tmp_path / "l.tar.gz", {"model.onnx": constant_model(2, folded_mb=300)})
    done = program.hand_over(large, "large")
    assert done.returncode == 1
    assert "may take 200 MiB" in done.stderr
    assert program.infer([[1, 1, 1, 1]])[0] == 200


def test_what_was_killed_serves_the_last_good_model_again(program: Running, tmp_path: Path) -> None:
    for number in (1, 2):
        program.hand_over(constant_archive(tmp_path, number), f"v{number}", wait=0)
        program.start().serves(f"v{number}")
        program.kill()
    # As if it had died in the middle of loading it again.
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    mark = {"version": "v2", "tries": 1, "boot": boot}
    (program.root / "models" / "loading.json").write_text(json.dumps(mark))
    program.start().serves("v1")
    told = program.status()
    assert told is not None
    assert told["model"] | {"since": 0, "program": ""} == {
        "version": "v1",
        "status": "rejected",
        "wanted": "v2",
        "reason": "it killed the program while it was loaded",
        "previous": None,
        "since": 0,
        "program": "",
    }
    again = program.hand_over(tmp_path / "2.tar.gz", "v2")
    assert again.returncode == 1
    assert "it killed the program" in again.stderr


def test_it_tells_of_each_inference_once(program: Running, tmp_path: Path) -> None:
    program.hand_over(constant_archive(tmp_path, 1), "v1", wait=0)
    program.start().serves("v1")
    for number in range(50):
        program.infer([[number, 0, 0, 0]])
    assert program.infer([[1, 2]])[0] == 400
    assert program.stop() == 0
    messages = read_lines(program.out / "dt~cameras~cam-1~inference.jsonl")
    records: list[dict[str, Any]] = [each for message in messages for each in message["records"]]
    assert len({each["id"] for each in records}) == len(records) == 51
    assert [each["output"]["y"] for each in records[:-1]] == [[[float(number)]] for number in range(50)]
    assert records[3]["input"] == {"X": [[3.0, 0.0, 0.0, 0.0]]}
    assert records[-1]["status"] == "error"
    summaries = read_lines(program.out / "dt~cameras~cam-1~summary.jsonl")
    assert sum(each["inferences"] for each in summaries) == 51
    assert sum(each["errors"] for each in summaries) == 1
    assert summaries[-1]["model_version"] == "v1"
    assert summaries[-1]["group"] == "fleet"


def test_what_is_under_way_is_answered_when_it_stops(program: Running, tmp_path: Path) -> None:
    program.hand_over(constant_archive(tmp_path, 1), "v1", wait=0)
    program.start().serves("v1")
    connection = UnixConnection(program.socket)
    body = json.dumps({"instances": [[1, 1, 1, 1]]}).encode()
    connection.putrequest("POST", "/invocations")
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders()
    assert connection.sock is not None
    connection.sock.sendall(body[:10])
    time.sleep(0.2)
    assert program.process is not None
    program.process.terminate()
    until(lambda: not program.socket.exists())
    time.sleep(0.2)
    connection.sock.sendall(body[10:])
    assert connection.getresponse().status == 200
    assert program.process.wait(20) == 0
    assert not program.socket.exists()


def test_a_result_too_large_for_a_message_is_told_without_its_input(program: Running, tmp_path: Path) -> None:
    program.hand_over(constant_archive(tmp_path, 1), "v1", wait=0)
    program.start().serves("v1")
    assert program.infer([[1, 1, 1, 1]] * 1600)[0] == 200
    assert program.infer([[1, 1, 1, 1]] * 1601)[0] == 200
    assert program.stop() == 0
    messages = read_lines(program.out / "dt~cameras~cam-1~inference.jsonl")
    small, large = [each for message in messages for each in message["records"]]
    assert len(small["input"]["X"]) == 1600
    assert large["input"] is None
    assert len(large["output"]["y"]) == 1601


def test_the_shadow_chooses_among_what_is_here(program: Running, tmp_path: Path) -> None:
    topic = "$aws~things~cam-1~shadow~name~model~update"
    for number in (1, 2):
        program.hand_over(constant_archive(tmp_path, number), f"v{number}", wait=0)
        program.start().serves(f"v{number}")
        if number == 1:
            program.stop()
    incoming = program.out / "in"
    incoming.mkdir(exist_ok=True)
    delta = {"state": {"version": "v1"}, "version": 7}
    (incoming / "new").write_text(json.dumps(delta))
    (incoming / "new").rename(incoming / f"{topic}~delta.json")
    program.serves("v1")

    def reported() -> dict[str, Any]:
        lines = read_lines(program.out / f"{topic}.jsonl")
        return lines[-1]["state"]["reported"] if lines else {}

    until(lambda: reported().get("version") == "v1")
    assert reported()["status"] == "serving"
    assert reported()["previous"] == "v2"
    assert program.hand_over(constant_archive(tmp_path, 3), "v3").returncode == 0
    until(lambda: reported().get("version") == "v3")


def test_killed_under_requests_it_serves_again_and_ids_stay_unique(program: Running, tmp_path: Path) -> None:
    program.hand_over(constant_archive(tmp_path, 1), "v1", wait=0)
    for _ in range(3):
        program.start().serves("v1")
        for number in range(20):
            assert program.infer([[number, 0, 0, 0]])[0] == 200
        program.kill()
    program.start().serves("v1")
    assert program.stop() == 0
    messages = read_lines(program.out / "dt~cameras~cam-1~inference.jsonl")
    ids = {record["id"] for message in messages for record in message["records"]}
    # What was answered in the last moment before a SIGKILL may not have come to the disk.
    assert 45 <= len(ids) <= 60


def test_telemetry_that_cannot_be_had_fails_no_request(program: Running, tmp_path: Path) -> None:
    program.hand_over(constant_archive(tmp_path, 1), "v1", wait=0)
    (program.root / "buffer").write_text("no folder")
    program.start().serves("v1")
    assert program.infer([[1, 1, 1, 1]])[0] == 200
    told = program.status()
    assert told is not None
    assert told["buffer"] is None
    assert program.stop() == 0


def test_the_loopback_is_there_if_it_is_asked_for(program: Running) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program.settings = {"http_port": port}
    program.start().up()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", "/ping")
    assert connection.getresponse().status == 503
    connection.close()
    assert program.stop() == 0


def test_a_second_program_does_not_take_the_firsts_place(program: Running) -> None:
    program.start().up()
    second = Running(program.root).start()
    assert second.process is not None
    assert second.process.wait(20) == 1
    assert "another program has" in program.log()
    assert program.status() is not None


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"memory": 5}, "memory is not known"),
        ({"transport": {"kind": "pigeon"}}, "transport.kind is 'pigeon'"),
    ],
)
def test_a_wrong_configuration_is_told(program: Running, settings: dict[str, Any], told: str) -> None:
    program.settings = settings
    process = program.start().process
    assert process is not None
    assert process.wait(20) == 2
    assert told in program.log()


def test_it_runs_from_a_file(program: Running) -> None:
    given = {"fleet": "f", "thing": "t", "root": "/nowhere", "transport": {"kind": "greengrass"}}
    file = program.root / "config.json"
    file.write_text(json.dumps(given))
    command = [sys.executable, "-m", MODULE, "--config", str(file), "--root", str(program.root)]
    process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        told = program.up().status()
        assert told is not None
        assert told["thing"] == "t"
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
