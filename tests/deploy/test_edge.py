"""A fleet on the embedded AWS, with its IAM and the policies of certificates enforced.

Devices join with a claim certificate. A stand-in of the nucleus brings them the components; the program on each serves
a real model, and tells of it by MQTT under the device's own certificate.
"""

from __future__ import annotations

import io
import json
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from constructs_lib.edge.runtime.cloud.hook import Settings
from examples.breast_cancer.for_devices import make
from tests.deploy.conftest import QUICK, Account
from tests.deploy.fleets import RECORDS, Fleet, Scope
from tests.deploy.topics import queue_hearing
from tests.local.iot_devices import Identity, over_tls, provisioned, stored
from tools.core_devices import core_device
from tools.device_python import device_python, tell_device
from tools.embedded_aws import local_aws, until

pytestmark = pytest.mark.deploy

GOOD = Path("examples/breast_cancer/edge")


def serials() -> dict[str, list[str]]:
    """Two serial numbers that the hook puts into the canary, and two that it does not."""
    settings = Settings(
        fleet="scopes", devices={}, canary_percent=20, canary_group="canary", fleet_group="fleet"
    )
    found: dict[str, list[str]] = {"canary": [], "fleet": []}
    for number in range(1000):
        serial = f"scope-{number:04}"
        group = found[settings.group_of(serial)]
        if len(group) < 2:
            group.append(serial)
    return found


SERIALS = serials()
ALL = [*SERIALS["canary"], *SERIALS["fleet"]]


def joined(
    fleet: Fleet, claim: Identity, serial: str, folder: Path
) -> tuple[dict[str, Any], Identity | None]:
    """Ask for a certificate and for a thing with it: the answer, and the certificate."""
    with over_tls(fleet.aws, claim, f"new-{serial}") as device:
        certificate, answer = provisioned(device, "scopes", serial)
    return answer, stored(fleet.aws, folder, certificate) if "thingName" in answer else None


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("edge")
    with local_aws(folder, "--enforce-iam", "--mqtt-port", "0", settings=QUICK) as aws:
        made = Fleet(Account(aws, folder), device_python(folder / "device"))
        made.cdk.run("bootstrap")
        made.deploy(GOOD)
        yield made


@pytest.fixture(scope="module")
def claim(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Identity:
    iot = fleet.aws.client("iot")
    issued = iot.create_keys_and_certificate(setAsActive=True)
    iot.attach_policy(policyName=fleet.told["ClaimPolicy"], target=issued["certificateArn"])
    return stored(fleet.aws, tmp_path_factory.mktemp("claim"), issued)


@pytest.fixture(scope="module")
def scopes(
    fleet: Fleet, claim: Identity, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Scope]]:
    """Four devices that have joined, and what was deployed before they did."""
    assert fleet.rolled_out(1)["status"] == "SUCCEEDED"
    # Short paths: that of a socket has 107 characters.
    folder = Path(tmp_path_factory.mktemp("d"))
    with ExitStack() as stack:
        found = {}
        for serial in ALL:
            answer, identity = joined(fleet, claim, serial, folder / "certificates" / serial)
            assert answer.get("thingName") == serial, answer
            assert identity is not None
            tls = {"ca": str(identity.ca), "cert": str(identity.certificate), "key": str(identity.key)}
            tell_device(
                fleet.python.parent,
                serial,
                {
                    "transport": {
                        "kind": "mqtt",
                        "host": "localhost",
                        "port": fleet.aws.mqtt_port,
                        "tls": tls,
                    },
                    "batch_seconds": 1,
                    "summary_seconds": 2,
                },
            )
            found[serial] = Scope(stack.enter_context(core_device(fleet.aws, serial, folder / serial[-4:])))
        for each in found.values():
            until(each.serves, seconds=120, what=f"{each.thing} serves")
        yield found


def test_devices_join_the_group_that_the_hook_says(fleet: Fleet, scopes: dict[str, Scope]) -> None:
    del scopes
    iot = fleet.aws.client("iot")
    for group, things in SERIALS.items():
        found = iot.list_things_in_thing_group(thingGroupName=f"scopes-{group}")["things"]
        assert sorted(found) == sorted(things)


def test_a_stranger_gets_no_thing(fleet: Fleet, claim: Identity, tmp_path: Path) -> None:
    answer, _ = joined(fleet, claim, "toaster-1", tmp_path)
    assert answer["errorCode"] == "AccessDenied"
    until(lambda: fleet.metric("ProvisioningRefused"), what="the refusal is counted")


def test_every_device_answers_as_the_model_does(fleet: Fleet, scopes: dict[str, Scope]) -> None:
    session = onnxruntime.InferenceSession(GOOD / "model.onnx")
    name = session.get_inputs()[0].name
    for scope in scopes.values():
        # As devices are checked: a record at a time.
        for record in RECORDS[:5]:
            expected = session.run(None, {name: np.asarray([record], np.float32)})
            status, headers, answer = scope.ask([record])
            assert status == 200
            assert headers["X-Model-Version"] == fleet.told["ModelVersion"]
            told = answer["predictions"][0] if "predictions" in answer else answer
            assert json.dumps(int(np.ravel(expected[0])[0])) in json.dumps(told)


def test_results_arrive_in_s3_and_counts_in_cloudwatch(fleet: Fleet, scopes: dict[str, Scope]) -> None:
    asked = {f"{thing}-{number}" for thing in ALL for number in range(10)}
    for each in sorted(asked):
        thing = each.rpartition("-")[0]
        assert scopes[thing].ask(RECORDS[:1], inference_id=each)[0] == 200

    def arrived() -> bool:
        return asked <= {record["inference_id"] for record in fleet.results()}

    until(arrived, seconds=90, what="all results")
    mine = [record for record in fleet.results() if record["inference_id"] in asked]
    assert {record["thing"] for record in mine} == set(ALL)
    assert all(record["inference_id"].startswith(record["thing"]) for record in mine)
    until(lambda: fleet.metric("Inferences") >= len(asked), seconds=90, what="the counts")
    until(lambda: fleet.metric("Inferences", Group="canary") >= 20, seconds=60, what="those of the canary")
    version = fleet.told["ModelVersion"]
    until(
        lambda: fleet.metric("Inferences", ModelVersion=version) >= len(asked),
        seconds=60,
        what="those of the version",
    )
    groups = {thing: group for group, things in SERIALS.items() for thing in things}

    def known() -> dict[str, str]:
        table = fleet.aws.client("dynamodb").scan(TableName=fleet.told["Devices"])["Items"]
        return {item["thing"]["S"]: item["group"]["S"] for item in table}

    until(lambda: known() == groups, seconds=60, what="all devices in the table")


def test_a_device_says_in_its_shadow_what_it_serves(fleet: Fleet, scopes: dict[str, Scope]) -> None:
    data = fleet.aws.client("iot-data")

    def reported(thing: str) -> Any:
        body = data.get_thing_shadow(thingName=thing, shadowName="model")["payload"].read()
        return json.loads(body)["state"].get("reported", {})

    for thing in scopes:
        until(lambda thing=thing: reported(thing).get("status") == "serving", what=f"the shadow of {thing}")
        assert reported(thing)["version"] == fleet.told["ModelVersion"]


@pytest.fixture(scope="module")
def better(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("better")
    make(folder, hidden=24)
    return folder


def test_a_deployment_rolls_a_new_model_out_and_no_request_is_dropped(
    fleet: Fleet, scopes: dict[str, Scope], better: Path
) -> None:
    before = fleet.told["ModelVersion"]
    answers: list[tuple[int, str]] = []
    done = threading.Event()

    def ask_on() -> None:
        while not done.is_set():
            status, headers, _ = scopes[SERIALS["canary"][0]].ask(RECORDS[:1])
            answers.append((status, headers.get("X-Model-Version", "")))
            time.sleep(0.01)

    asking = threading.Thread(target=ask_on)
    asking.start()
    try:
        fleet.deploy(better)
        rollout = fleet.rolled_out(2)
    finally:
        done.set()
        asking.join()
    assert rollout["status"] == "SUCCEEDED", (rollout, scopes[SERIALS["canary"][0]].device.log())
    after = fleet.told["ModelVersion"]
    assert after != before
    assert {each.serves() for each in scopes.values()} == {after}
    assert {status for status, _ in answers} == {200}
    versions = [version for _, version in answers]
    assert set(versions) == {before, after}
    assert versions == sorted(versions, key=[before, after].index), "it went back and forth"


def test_a_bad_model_is_stopped_at_the_canary_and_told_of(
    fleet: Fleet, scopes: dict[str, Scope], better: Path, tmp_path: Path
) -> None:
    serving = fleet.told["ModelVersion"]
    bad = tmp_path / "bad"
    shutil.copytree(better, bad)
    with np.load(bad / "golden.npz") as golden:
        arrays = dict(golden)
    outputs = [name for name in arrays if name.startswith("output_")]
    wrong = {
        name: arrays[name] + 1 if arrays[name].dtype.kind == "f" else 1 - arrays[name] for name in outputs
    }
    raw = io.BytesIO()
    np.savez(raw, **{**arrays, **wrong})
    (bad / "golden.npz").write_bytes(raw.getvalue())
    queue = queue_hearing(fleet.aws, fleet.told["OnCall"], "edge-on-call")
    fleet.start(model=fleet.put_model("bad", bad))
    rollout = fleet.rolled_out(3)
    assert rollout["status"] == "FAILED"
    assert rollout["error"] == "CanaryFailed", rollout
    until(lambda: {each.serves() for each in scopes.values()} == {serving}, seconds=60, what="the way back")
    # All others were never given it.
    for thing in SERIALS["fleet"]:
        folder = scopes[thing].device.root / "work" / "scopes.Runtime" / "state" / "models"
        versions = {each.name for each in folder.iterdir() if each.is_dir()}
        assert serving in versions
        assert versions <= fleet.deployed
    sqs = fleet.aws.client("sqs")

    def told() -> bool:
        """Alarms tell the topic too."""
        found = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        return any("came to nothing: CanaryFailed" in json.loads(each["Body"])["Message"] for each in found)

    until(told, seconds=30, what="the notice")
    until(lambda: fleet.metric("RolloutsFailed"), what="the failure is counted")
    until(lambda: fleet.metric("RejectedModels", Group="canary"), seconds=60, what="the rejection is counted")


def test_the_census_counts_devices_and_finds_the_silent_one(fleet: Fleet, scopes: dict[str, Scope]) -> None:
    """Last: it ends a device."""
    iot = fleet.aws.client("iot")
    iot.create_thing(thingName="scope-9999")
    iot.add_thing_to_thing_group(thingGroupName="scopes-fleet", thingName="scope-9999")
    census = next(
        each["FunctionName"]
        for each in fleet.aws.client("lambda").list_functions()["Functions"]
        if "Census" in each["FunctionName"]
    )
    invoked = fleet.aws.client("lambda").invoke(FunctionName=census, Payload=b"{}")
    assert json.loads(invoked["Payload"].read()) == {"devices": {"canary": 2, "fleet": 3}, "silent": 1}
    assert fleet.metric("SilentDevices", "Maximum", Group="fleet") == 1
    assert fleet.metric("DevicesByVersion", "Maximum", ModelVersion=fleet.told["ModelVersion"]) == 4
