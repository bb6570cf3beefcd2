"""A model on devices: the fleet's components arrive, the program on each device answers, results come to the cloud."""

from __future__ import annotations

import http.client
import json
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from examples.breast_cancer.train import LABELS
from tools.core_devices import CoreDevice, UnixConnection, start_core_device
from tools.demo.patients import RECORDS, TRUTH, accuracy
from tools.demo.stage import Stage, must
from tools.device_identity import stored
from tools.device_python import device_python, tell_device
from tools.embedded_aws import stop, until

STACK = "Edge"
_GROUPS = {"scope-0001": "canary", "scope-0002": "fleet", "scope-0003": "fleet"}


def python_of(folder: Path) -> Path:
    """The interpreter on the devices of the demo."""
    return device_python(folder / "device")


def run(stage: Stage) -> None:
    """Start devices, ask each for a part of the records, and wait until all results are in S3."""
    outputs = stage.aws.outputs(STACK)
    with ExitStack() as running:
        devices = [
            _started(stage, running, thing, group, outputs["Fleet"]) for thing, group in _GROUPS.items()
        ]
        for device in devices:
            until(
                lambda device=device: _serves(device),  # type: ignore[misc]
                seconds=180,
                what=f"{device.thing} serves: {device.log()[-500:]}",
            )
        stage.say(f"Edge: {len(devices)} devices have got the model and serve it")
        labels = [
            _label(devices[number % len(devices)], record, f"demo-{number}")
            for number, record in enumerate(RECORDS)
        ]
        how = accuracy(labels, TRUTH)
        count = until(
            lambda: _arrived(stage, outputs["Results"]), seconds=120, what="the results of all devices"
        )
        stage.say(f"Edge: {how}; {count} results have come to S3")
        version = outputs["ModelVersion"]
        stage.seen.answered.append(
            ("EdgeFleet", f"{len(devices)} devices, model {version}", f"{len(RECORDS)} requests", how)
        )


def _started(stage: Stage, running: ExitStack, thing: str, group: str, fleet: str) -> CoreDevice:
    """A thing with a certificate in its group, and the device that it stands for."""
    iot = stage.aws.client("iot")
    issued = iot.create_keys_and_certificate(setAsActive=True)
    iot.create_thing(thingName=thing)
    iot.attach_thing_principal(thingName=thing, principal=issued["certificateArn"])
    iot.add_thing_to_thing_group(thingGroupName=f"{fleet}-{group}", thingName=thing)
    own = stored(stage.aws, stage.folder / "certificates" / thing, issued)
    tls = {"ca": str(own.ca), "cert": str(own.certificate), "key": str(own.key)}
    transport = {"kind": "mqtt", "host": "localhost", "port": stage.aws.mqtt_port, "tls": tls}
    told = {"transport": transport, "batch_seconds": 1, "summary_seconds": 2}
    tell_device(stage.folder / "device", thing, told)
    # Short paths: that of a socket has 107 characters.
    device = start_core_device(stage.aws, thing, stage.folder / thing[-4:])
    running.callback(stop, device.process)
    return device


def _serves(device: CoreDevice) -> bool:
    with suppress(OSError, http.client.HTTPException, IndexError):
        return _asked(device, RECORDS[0], "is-it-there")[0] == 200
    return False


def _label(device: CoreDevice, record: list[float], inference_id: str) -> str:
    status, answer = _asked(device, record, inference_id)
    must(status == 200, f"{device.thing} answered {status}: {answer}")
    (label,) = answer["outputs"]["label"]
    return LABELS[label]


def _asked(device: CoreDevice, record: list[float], inference_id: str) -> tuple[int, dict[str, Any]]:
    path = next(iter(device.root.glob("work/*.Runtime/state/run/inference.sock")), Path("nowhere"))
    connection = UnixConnection(path)
    try:
        headers = {"Content-Type": "application/json", "X-Amzn-SageMaker-Inference-Id": inference_id}
        connection.request("POST", "/invocations", json.dumps({"instances": [list(record)]}), headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def _arrived(stage: Stage, results: str) -> int:
    """How many of the demo's results are in S3, once all are."""
    bucket, _, prefix = results.removeprefix("s3://").partition("/")
    s3, found = stage.aws.client("s3"), set()
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for each in page.get("Contents", ()):
            for line in s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read().splitlines():
                found |= {record["inference_id"] for record in json.loads(line)["records"]}
    count = len([id for id in found if str(id).startswith("demo-")])
    return count if count == len(RECORDS) else 0
