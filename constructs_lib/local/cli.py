"""The command line of the embedded AWS."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

DEFAULT_PORT = 4566


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM; 0 when it ended as asked."""
    options = _parser().parse_args(arguments)
    # Late: ministack reads its configuration when it is imported, so the server sets it first.
    from .server import Options, serve

    return serve(
        Options(
            port=options.port,
            enforce_iam=options.enforce_iam,
            state_dir=options.state_dir,
            ready_file=options.ready_file,
            mqtt_port=options.mqtt_port,
        )
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m constructs_lib.local",
        description="An embedded AWS with SageMaker hosting, on this machine's loopback only.",
    )
    parser.add_argument(
        "--port", type=_port, default=DEFAULT_PORT, help="0 picks a free one (default: %(default)s)"
    )
    parser.add_argument("--enforce-iam", action="store_true", help="deny what no IAM policy allows")
    parser.add_argument(
        "--state-dir", type=Path, help="keep the state of ministack's services in this folder"
    )
    parser.add_argument("--ready-file", type=Path, help="write the endpoint URL to this file when ready")
    parser.add_argument(
        "--mqtt-port",
        type=_port,
        help="serve MQTT over TLS there too, for devices with certificates; 0 picks a free one",
    )
    return parser


def _port(text: str) -> int:
    try:
        port = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{port} is not a port: 0 to 65535")
    return port
