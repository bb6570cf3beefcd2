"""Starts and stops an embedded AWS, in a process and an environment of its own, for the tests and the demo."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import boto3
from botocore.config import Config

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / ".venv-local" / "bin" / "python"
ACCOUNT = "123456789012"
REGION = "eu-west-1"
START_SECONDS = 60.0
STOP_SECONDS = 20.0

T = TypeVar("T")


def until(ask: Callable[[], T], *, seconds: float = 20.0, what: str = "what was waited for") -> T:
    """Ask again until the answer is true, and return it; AssertionError after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() >= deadline:
            raise AssertionError(f"{what}: not within {seconds:g} s, last answer {answer!r}")
        time.sleep(0.05)


class FunctionFailedError(Exception):
    """A deployed function has failed; carries what it said."""


@dataclass(frozen=True)
class LocalAws:
    """A running embedded AWS."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path
    mqtt_port: int | None = None
    """That of MQTT over TLS, where the server was asked for one (`--mqtt-port 0`)."""
    _clients: dict[str, Any] = field(default_factory=dict)

    def session(self, key: str = ACCOUNT, secret: str = "local", token: str | None = None) -> boto3.Session:  # noqa: S107
        """A session; an account id as the key is that account."""
        return boto3.Session(
            aws_access_key_id=key, aws_secret_access_key=secret, aws_session_token=token, region_name=REGION
        )

    def client(self, service: str, session: boto3.Session | None = None) -> Any:
        """A client that asks once: a test wants to see the first error."""
        if session is None and service in self._clients:
            return self._clients[service]
        config = Config(retries={"total_max_attempts": 1}, max_pool_connections=32)
        client = (session or self.session()).client(service, endpoint_url=self.url, config=config)
        if session is None:
            self._clients[service] = client
        return client

    def outputs(self, stack: str) -> dict[str, str]:
        """The outputs of a deployed stack, by their logical ids."""
        (found,) = self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        return {each["OutputKey"]: each["OutputValue"] for each in found["Outputs"]}

    def call(self, function: str, event: Mapping[str, Any]) -> dict[str, Any]:
        """What a deployed function answers, with no right but those of its role.

        :raises FunctionFailedError: it failed.
        """
        called = self.client("lambda").invoke(FunctionName=function, Payload=json.dumps(dict(event)))
        answered = json.loads(called["Payload"].read())
        if "FunctionError" in called:
            raise FunctionFailedError(f"{function}: {answered}")
        return dict(answered)

    def environment(self) -> dict[str, str]:
        """The environment in which the ordinary tools (cdk, aws) find this AWS and nothing else."""
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return inherited | {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "CDK_DISABLE_CLI_TELEMETRY": "1",
            "CI": "1",
        }


@contextlib.contextmanager
def local_aws(folder: Path, *arguments: str, settings: Mapping[str, str] | None = None) -> Iterator[LocalAws]:
    """An embedded AWS on a free port, logging into `folder`; stopped at the end, whatever happens.

    `settings` are environment variables: CONSTRUCTS_LOCAL_TIME_SCALE and its relatives.
    """
    ready, log = folder / "ready", folder / "server.log"
    command = [
        str(PYTHON),
        "-m",
        "constructs_lib.local",
        "--port",
        "0",
        "--ready-file",
        str(ready),
        *arguments,
    ]
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    environment = inherited | {"PYTHONPATH": str(ROOT), "MINISTACK_ACCOUNT_ID": ACCOUNT, **(settings or {})}
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603  # our own command
            command,
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        url, *mqtt = _urls_when_ready(process, ready, log)
        port = int(mqtt[0].rpartition(":")[2]) if mqtt else None
        yield LocalAws(url, process, log, port)
    finally:
        stop(process)


def _urls_when_ready(process: subprocess.Popen[bytes], ready: Path, log: Path) -> list[str]:
    deadline = time.monotonic() + START_SECONDS
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(
                f"the embedded AWS did not start:\n{log.read_text(errors='replace')[-4000:]}"
            )
        time.sleep(0.05)
    return ready.read_text().split()


def stop(process: subprocess.Popen[bytes]) -> None:
    """Stop a server: asked first, then made to."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
