"""The command line of the nucleus."""

from __future__ import annotations

import argparse
import logging
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from threading import Event

import boto3

from .cloud import Aws
from .device import Device
from .token_exchange import TokenExchange

#: The most that a device which finds nothing waits between its looks, in intervals.
_SLOWEST = 4


def main(arguments: Sequence[str] | None = None) -> int:
    """Be a core device until SIGINT or SIGTERM; 0 when it ended as asked."""
    parser = _parser()
    options = parser.parse_args(arguments)
    exchange = (options.certificates, options.role_alias, options.mqtt_port)
    if any(exchange) and not all(exchange):
        parser.error("--certificates, --role-alias and --mqtt-port go together")
    logging.basicConfig(
        level=os.environ.get("LOG_LEVEL", "INFO"), format="%(asctime)s %(levelname)s [%(name)s] %(message)s"
    )
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    cloud = Aws(options.thing, endpoint=options.endpoint, role=_role(options))
    device = Device(options.thing, root=options.root.resolve(), cloud=cloud, environment=cloud.environment())
    try:
        device.start()
        device.work(stop, interval=options.interval, slowest=_SLOWEST * options.interval)
    finally:
        device.close()
    return 0


def _role(options: argparse.Namespace) -> boto3.Session | None:
    """The session of the token exchange role, where the device is given a certificate."""
    if options.certificates is None:
        return None
    exchange = TokenExchange(
        host="localhost",
        port=options.mqtt_port,
        alias=options.role_alias,
        thing=options.thing,
        certificate=options.certificates / "cert.pem",
        key=options.certificates / "key.pem",
        ca=options.certificates / "ca.pem",
    )
    return exchange.session(str(boto3.Session().region_name))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m constructs_lib.local.greengrass.nucleus",
        description="A Greengrass core device for the embedded AWS: runs what is deployed to a thing and its groups. "
        "Credentials and the region come from the environment, as for every tool of AWS.",
    )
    parser.add_argument(
        "--endpoint",
        default=os.environ.get("AWS_ENDPOINT_URL"),
        help="the embedded AWS (default: AWS_ENDPOINT_URL)",
    )
    parser.add_argument("--thing", required=True, help="the IoT thing that the device is")
    parser.add_argument(
        "--root", type=Path, required=True, help="its folder; what is there is taken up again"
    )
    parser.add_argument(
        "--interval",
        type=float,
        default=0.5,
        help=f"seconds between looks for deployments, up to {_SLOWEST} times as many where there are none "
        "(default: %(default)s)",
    )
    exchange = parser.add_argument_group(
        "token exchange",
        "Artefacts and components use the rights of a role, instead of the device's credentials.",
    )
    exchange.add_argument("--certificates", type=Path, help="a folder with cert.pem, key.pem and ca.pem")
    exchange.add_argument("--role-alias", help="the role alias whose role it is")
    exchange.add_argument(
        "--mqtt-port", type=int, help="that of the embedded AWS, which exchanges credentials too"
    )
    return parser
