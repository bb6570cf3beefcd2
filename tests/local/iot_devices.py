"""Things with certificates, and MQTT clients of them, for the tests of the embedded AWS."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tools.device_identity import Identity, stored
from tools.embedded_aws import ACCOUNT, REGION, LocalAws, until

_numbers = itertools.count(1)
ALL_OF_IOT = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "iot:*", "Resource": "*"}}


def thing_with_certificate(
    aws: LocalAws, folder: Path, thing: str, policy: Mapping[str, Any] = ALL_OF_IOT
) -> Identity:
    """A thing that has a certificate with a policy."""
    iot = aws.client("iot")
    issued = iot.create_keys_and_certificate(setAsActive=True)
    name = f"{thing}-policy"
    iot.create_policy(policyName=name, policyDocument=json.dumps(policy))
    iot.attach_policy(policyName=name, target=issued["certificateArn"])
    iot.create_thing(thingName=thing)
    iot.attach_thing_principal(thingName=thing, principal=issued["certificateArn"])
    return stored(aws, folder, issued, issued["certificateArn"])


@dataclass
class Client:
    """A connected MQTT client that keeps what it gets."""

    mqtt: paho.Client
    heard: list[tuple[str, Any]] = field(default_factory=list)

    def publish(self, topic: str, message: Any) -> None:
        """Publish, and wait until the broker has it."""
        told = self.mqtt.publish(topic, json.dumps(message), qos=1)
        told.wait_for_publish(10)
        assert told.is_published()

    def subscribe(self, *topics: str) -> None:
        """Subscribe, and wait until the broker knows."""
        done = threading.Event()
        self.mqtt.on_subscribe = lambda *_: done.set()
        self.mqtt.subscribe([(topic, 1) for topic in topics])
        assert done.wait(10)

    def answer(self, topic: str) -> Any:
        """The first message on a topic."""
        return until(lambda: [m for t, m in self.heard if t == topic], what=f"a message on {topic}")[0]


@contextmanager
def connected(client: paho.Client, host: str, port: int) -> Iterator[Client]:
    """The client, connected until the end of the block."""
    up = threading.Event()
    kept = Client(client)
    client.on_connect = lambda *_: up.set()
    client.on_message = lambda _c, _u, message: kept.heard.append(
        (message.topic, json.loads(message.payload or b"null"))
    )
    client.connect(host, port)
    client.loop_start()
    try:
        assert up.wait(15), "not connected"
        yield kept
    finally:
        client.disconnect()
        client.loop_stop()


@contextmanager
def over_tls(aws: LocalAws, identity: Identity, client_id: str) -> Iterator[Client]:
    """A device with a certificate."""
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id)
    client.tls_set_context(identity.context())
    assert aws.mqtt_port is not None
    with connected(client, "localhost", aws.mqtt_port) as device:
        yield device


@contextmanager
def over_websocket(aws: LocalAws, client_id: str) -> Iterator[Client]:
    """A client with the credentials of an account instead of a certificate, over the port of everything else.

    The host and the credential tell the server that it is MQTT, and of whom: AWS's SDKs send the same, signed.
    """
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id, transport="websockets")
    host = aws.client("iot").describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"]
    credential = f"{ACCOUNT}/20260101/{REGION}/iotdevicegateway/aws4_request"
    client.ws_set_options(path=f"/mqtt?X-Amz-Credential={quote(credential, safe='')}", headers={"Host": host})
    with connected(client, "127.0.0.1", int(aws.url.rpartition(":")[2])) as device:
        yield device


def provisioned(device: Client, template: str, serial: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Ask for a certificate, and for a thing with it by a template: both answers."""
    create, provision = (
        "$aws/certificates/create/json",
        f"$aws/provisioning-templates/{template}/provision/json",
    )
    replies = [f"{topic}/{reply}" for topic in (create, provision) for reply in ("accepted", "rejected")]
    device.subscribe(*replies)
    device.publish(create, {})
    certificate = device.answer(f"{create}/accepted")
    token = certificate["certificateOwnershipToken"]
    device.publish(provision, {"certificateOwnershipToken": token, "parameters": {"SerialNumber": serial}})
    answer = until(lambda: [m for t, m in device.heard if t in replies[2:]], what="the answer")[0]
    return certificate, answer
