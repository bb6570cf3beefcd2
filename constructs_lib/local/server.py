"""Start and stop of the embedded AWS: environment first, then ministack, then our plug-ins."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .workspace import Workspace

_HOST = "127.0.0.1"
_DEFAULT_REGION = "us-east-1"
_DEFAULT_ACCOUNT = "000000000000"
_KEEP_ALIVE_SECONDS = 75


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line chooses."""

    port: int
    enforce_iam: bool = False
    state_dir: Path | None = None
    ready_file: Path | None = None
    mqtt_port: int | None = None


def serve(options: Options) -> int:
    """Serve until SIGINT or SIGTERM; the exit status."""
    try:
        listener = _listen(options.port)
    except OSError as error:
        print(f"cannot listen on {_HOST}:{options.port}: {error.strerror}", file=sys.stderr)
        return 1
    port = listener.getsockname()[1]
    mqtt = None
    if options.mqtt_port is not None:
        try:
            mqtt = _listen(options.mqtt_port)
        except OSError as error:
            print(f"cannot listen on {_HOST}:{options.mqtt_port}: {error.strerror}", file=sys.stderr)
            return 1
    _prepare_environment(options, port, mqtt)
    logging.basicConfig(
        level=os.environ["LOG_LEVEL"], format="%(asctime)s %(levelname)s [%(name)s] %(message)s"
    )
    workspace = Workspace()
    workspace.take_in_temporary_files()
    try:
        asyncio.run(_serve(options, listener, mqtt, workspace))
    finally:
        workspace.close()
    return 0


def _listen(port: int) -> socket.socket:
    """The one socket of the server, on loopback whatever the environment says."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((_HOST, port))
    return listener


def _prepare_environment(options: Options, port: int, mqtt: socket.socket | None) -> None:
    """Set what ministack reads when it is imported."""
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or _DEFAULT_REGION
    os.environ.update(
        BIND_HOST=_HOST,
        GATEWAY_PORT=str(port),
        MINISTACK_REGION=os.environ.get("MINISTACK_REGION", region),
        AUTH="true" if options.enforce_iam else "false",
        # Listeners of their own on all interfaces: not on this machine. That of MQTT gets a socket of ours.
        IOT_MTLS_ENABLED="1" if mqtt else "0",
        IOT_MTLS_PORT=str(mqtt.getsockname()[1]) if mqtt else "",
        SFTP_ENABLED="0",
        USE_SSL="0",
    )
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    if options.state_dir is not None:
        state, objects = options.state_dir / "services", options.state_dir / "s3"
        os.environ.update(PERSIST_STATE="1", STATE_DIR=str(state), S3_PERSIST="1", S3_DATA_DIR=str(objects))


async def _serve(
    options: Options, listener: socket.socket, mqtt: socket.socket | None, workspace: Workspace
) -> None:
    from hypercorn.asyncio import serve as hypercorn_serve  # type: ignore[import-not-found]  # .venv-local
    from ministack.app import app

    from .plugins import install

    port = listener.getsockname()[1]
    plugins = install(workspace, endpoint_url=f"http://{_HOST}:{port}", mqtt=mqtt)
    stop = _stop_signal()
    try:
        announcement = asyncio.create_task(_announce_when_ready(options, port, mqtt))
        # From the first accepted connection on, hypercorn owns the socket.
        await hypercorn_serve(app, _hypercorn_config(listener), shutdown_trigger=stop.wait)
        announcement.cancel()
    finally:
        await plugins.close()
        if options.ready_file is not None:
            options.ready_file.unlink(missing_ok=True)


def _hypercorn_config(listener: socket.socket) -> Any:
    from hypercorn.config import Config  # type: ignore[import-not-found]  # .venv-local

    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.keep_alive_timeout = _KEEP_ALIVE_SECONDS
    config.loglevel = os.environ["LOG_LEVEL"]
    # A stop must not wait for clients that keep their connections open.
    config.graceful_timeout = 1
    config.shutdown_timeout = 5
    return config


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def _announce_when_ready(options: Options, port: int, mqtt: socket.socket | None) -> None:
    """Print what a user needs, once the server answers."""
    url = f"http://{_HOST}:{port}"
    while not await _answers(port):
        await asyncio.sleep(0.05)
    for line in _exports(url, enforce_iam=options.enforce_iam):
        print(line, flush=True)
    told = [url]
    if mqtt is not None:
        told.append(f"mqtts://{_HOST}:{mqtt.getsockname()[1]}")
        print(f"# MQTT over TLS: {told[-1]}, whose CA is {url}/_ministack/iot/ca.pem", flush=True)
    if options.ready_file is not None:
        unfinished = options.ready_file.with_name(options.ready_file.name + ".new")
        unfinished.write_text("\n".join(told) + "\n")
        unfinished.replace(options.ready_file)


async def _answers(port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection(_HOST, port)
        writer.write(b"GET /_ministack/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        status_line = await reader.readline()
    except OSError:
        return False
    writer.close()
    return b" 200 " in status_line


def _exports(url: str, *, enforce_iam: bool) -> list[str]:
    """The environment of the ordinary tools: cdk, aws, boto3."""
    account = os.environ.get("MINISTACK_ACCOUNT_ID", _DEFAULT_ACCOUNT)
    mode = "IAM is enforced" if enforce_iam else "IAM is not enforced"
    return [
        f"# An embedded AWS is ready at {url} ({mode}; the access key is the account id). Stop it with Ctrl-C.",
        f"export AWS_ENDPOINT_URL={url}",
        f"export AWS_ACCESS_KEY_ID={account} AWS_SECRET_ACCESS_KEY=local",
        f"export AWS_REGION={os.environ['MINISTACK_REGION']} AWS_DEFAULT_REGION={os.environ['MINISTACK_REGION']}",
        "export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true",
    ]
