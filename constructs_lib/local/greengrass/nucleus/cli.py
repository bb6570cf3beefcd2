"""The command line of the nucleus."""

from __future__ import annotations

import argparse
import logging
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from threading import Event

from .cloud import Aws
from .device import Device

#: The most that a device which finds nothing waits between its looks, in intervals.
_SLOWEST = 4


def main(arguments: Sequence[str] | None = None) -> int:
    """Be a core device until SIGINT or SIGTERM; 0 when it ended as asked."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(
        level=os.environ.get("LOG_LEVEL", "INFO"), format="%(asctime)s %(levelname)s [%(name)s] %(message)s"
    )
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    cloud = Aws(options.thing, endpoint=options.endpoint)
    device = Device(options.thing, root=options.root.resolve(), cloud=cloud, environment=cloud.environment())
    try:
        device.start()
        device.work(stop, interval=options.interval, slowest=_SLOWEST * options.interval)
    finally:
        device.close()
    return 0


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
    return parser
