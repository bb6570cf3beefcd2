"""The server itself: where it listens, what it leaves behind, what a reset forgets."""

from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
import urllib.request
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tools.embedded_aws import PYTHON, REGION, ROOT, LocalAws, local_aws, until

from .async_endpoint import Queue, stored
from .hosting import BUCKET, ROLE, Hosting
from .test_multi_model import Models
from .test_pipelines import DIRECT, links, served


def prepared(aws: LocalAws) -> Hosting:
    aws.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    return Hosting(aws)


def children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for path in found for child in path.read_text().split()]


def alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def workspaces(folder: Path) -> list[Path]:
    return list(folder.glob("constructs-local-*"))


@pytest.fixture
def own_temp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder of the server's own. Short: Unix sockets are made in it."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def test_it_listens_on_loopback_only(aws: LocalAws) -> None:
    sockets = {
        line.split()[1]
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/{aws.process.pid}/net/{name}").read_text().splitlines()[1:]
        if line.split()[3] == "0A" and line.split()[9] in _inodes(aws.process.pid)
    }
    ports = {urlsplit(aws.url).port, aws.mqtt_port}
    assert sockets == {f"0100007F:{port:04X}" for port in ports}, "HTTP and MQTT, on 127.0.0.1"


def _inodes(pid: int) -> set[str]:
    links = (str(each.readlink()) for each in Path(f"/proc/{pid}/fd").iterdir() if each.is_symlink())
    return {link.removeprefix("socket:[").rstrip("]") for link in links if link.startswith("socket:")}


def descendants(pid: int) -> list[int]:
    return [each for child in children(pid) for each in (child, *descendants(child))]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_when_it_ends(own_temp: Path, number: signal.Signals) -> None:
    with local_aws(own_temp) as aws:
        hosting = prepared(aws)
        name = hosting.endpoint(hosting.puppet_config())
        several = Models(hosting)
        for model in "ab":
            several.put_puppet(model)
        several.serve()
        loaded = [several.pid(model) for model in "ab"]
        models = descendants(aws.process.pid)
        assert {int(hosting.invoke(name, "pid")[0]), *loaded} <= set(models)
        assert len(workspaces(own_temp)) == 1
        aws.process.send_signal(number)
        assert aws.process.wait(20) == (0 if number != signal.SIGKILL else -signal.SIGKILL)
        until(lambda: not alive(models), what="the model processes end")
        until(lambda: not workspaces(own_temp), what="the temporary folder is removed")
        assert (own_temp / "ready").exists() == (number == signal.SIGKILL)


def test_a_reset_stops_the_models_and_forgets(own_temp: Path) -> None:
    with local_aws(own_temp) as aws:
        hosting = prepared(aws)
        hosting.endpoint(hosting.puppet_config())
        several = Models(hosting)
        several.put_puppet("a")
        several.serve().ask("a")
        models = descendants(aws.process.pid)
        reset = urllib.request.Request(f"{aws.url}/_ministack/reset", method="POST")  # noqa: S310
        with urllib.request.urlopen(reset) as answer:  # noqa: S310
            assert answer.status == 200
        assert not alive(models)
        assert hosting.names() == []
        assert hosting.sagemaker.list_models()["Models"] == []
        again = prepared(aws)
        assert again.invoke(again.endpoint(again.puppet_config()))[0] == "puppet"


def test_the_state_survives_a_restart_when_asked_to(tmp_path: Path) -> None:
    state = ("--state-dir", str(tmp_path / "state"))
    with local_aws(tmp_path, *state) as aws:
        hosting = prepared(aws)
        name = hosting.endpoint(hosting.puppet_config("remembered"), Tags=[{"Key": "kept", "Value": "yes"}])
        several = Models(hosting)
        several.put_puppet("a")
        several.serve()
        chain = served(hosting, links(hosting, "a", "b", host_names=True), **DIRECT)
    with local_aws(tmp_path, *state) as aws:
        hosting = Hosting(aws)
        described = hosting.settled(name)
        assert hosting.invoke(name)[0] == "remembered"
        tags = hosting.sagemaker.list_tags(ResourceArn=described["EndpointArn"])["Tags"]
        assert tags == [{"Key": "kept", "Value": "yes"}]
        hosting.settled(several.endpoint)
        assert hosting.invoke(several.endpoint, TargetModel="a")[0] == "a"
        hosting.settled(chain)
        assert hosting.invoke(chain, "in", TargetContainerHostname="host-b")[0].startswith("in>b")


def test_a_backlog_survives_a_restart(tmp_path: Path) -> None:
    state = ("--state-dir", str(tmp_path / "state"))
    with local_aws(tmp_path, *state) as aws:
        before = Queue(prepared(aws))
        before.instances(0)
        answers = [before.send("echo one"), before.send(None, Body=b"echo two")]
    with local_aws(tmp_path, *state) as aws:
        hosting = Hosting(aws)
        hosting.settled(before.name)
        assert [stored(hosting, each["OutputLocation"]) for each in answers] == [None, None]
        hosting.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=before.name,
            DesiredWeightsAndCapacities=[{"VariantName": "main", "DesiredInstanceCount": 1}],
        )
        for each, expected in zip(answers, (b"one", b"two"), strict=True):
            until(lambda each=each: stored(hosting, each["OutputLocation"]), what="the result")
            assert stored(hosting, each["OutputLocation"]) == expected


def test_what_others_leave_in_the_temporary_folder_goes_too(own_temp: Path) -> None:
    """A killed server's folder when the next one starts, and Lambda's folders when it stops."""
    left = own_temp / "constructs-local-left"
    left.mkdir()
    (left / "lock").touch()
    with local_aws(own_temp) as aws:
        assert not left.exists()
        assert len(workspaces(own_temp)) == 1
        functions = aws.client("lambda")
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as packed:
            packed.writestr("index.py", "def handler(event, context): return 'called'")
        functions.create_function(
            FunctionName="f",
            Runtime="python3.11",
            Role=ROLE,
            Handler="index.handler",
            Code={"ZipFile": code.getvalue()},
        )
        assert functions.invoke(FunctionName="f")["Payload"].read() == b'"called"'
        workers = children(aws.process.pid)
        aws.process.send_signal(signal.SIGINT)
        assert aws.process.wait(20) == 0
    until(lambda: not alive(workers), what="Lambda's process ends")
    assert {each.name for each in own_temp.iterdir()} == {"server.log"}


def test_it_prints_what_the_ordinary_tools_need(aws: LocalAws) -> None:
    printed = aws.log.read_text()
    assert f"export AWS_ENDPOINT_URL={aws.url}\n" in printed
    assert "export AWS_ACCESS_KEY_ID=" in printed


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [str(PYTHON), "-m", "constructs_lib.local", *arguments]
    complete = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(command, env=complete, capture_output=True, text=True, timeout=30, check=False)


def test_a_port_in_use_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("--port", str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert "cannot listen on 127.0.0.1:" in done.stderr


def test_a_bad_setting_is_told_by_name() -> None:
    done = run("--port", "0", CONSTRUCTS_LOCAL_MAX_WORKERS="many")
    assert done.returncode == 1
    assert "CONSTRUCTS_LOCAL_MAX_WORKERS must be a number" in done.stderr
