"""MQTT over TLS against a real broker: who is who."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from constructs_lib.edge.runtime.device.transport import mqtt
from tests.support.certificates import Certificates
from tests.support.mosquitto import broker
from tests.support.waiting import PATIENCE, until


class Secured:
    def __init__(self, folder: Path) -> None:
        self.ours, self.theirs = Certificates(folder / "ours"), Certificates(folder / "theirs")
        self.elsewhere = Certificates(folder / "elsewhere", server="broker.example")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Secured:
    return Secured(tmp_path_factory.mktemp("certificates"))


def test_both_sides_show_certificates(tmp_path: Path, device: Any, certificates: Secured) -> None:
    with broker(tmp_path / "broker", certificates=certificates.ours) as running:
        transport = device(running.port, tls=certificates.ours.identity("cam-1"))
        until(lambda: transport.connected)
        assert transport.publish("t", b"x", timeout=PATIENCE)
        assert "u'cam-1'" in running.log()


@pytest.mark.parametrize("who", ["a stranger", "nobody"])
def test_a_broker_that_does_not_know_us_is_no_connection(
    tmp_path: Path, device: Any, certificates: Secured, who: str, caplog: pytest.LogCaptureFixture
) -> None:
    stranger = certificates.theirs.identity("cam-1")
    own = type(stranger)(ca=certificates.ours.ca, cert=stranger.cert, key=stranger.key)
    with broker(tmp_path / "broker", certificates=certificates.ours) as running:
        transport = device(running.port, tls=own if who == "a stranger" else None)
        until(lambda: "no connection" in caplog.text)
        assert not transport.publish("t", b"x", timeout=1)
    assert transport.connections == 0


@pytest.mark.parametrize("why", ["another authority", "another name"])
def test_a_broker_that_we_do_not_know_is_told_nothing(
    tmp_path: Path, device: Any, certificates: Secured, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    served = certificates.theirs if why == "another authority" else certificates.elsewhere
    trusted = (certificates.ours if why == "another authority" else certificates.elsewhere).identity("cam-1")
    with broker(tmp_path / "broker", certificates=served) as running:
        transport = device(running.port, tls=trusted)
        until(lambda: "no connection" in caplog.text)
        assert transport.connections == 0
        assert "CONNECT" not in running.log()
    assert "CERTIFICATE_VERIFY_FAILED" in caplog.text
    assert ("mismatch" in caplog.text) == (why == "another name")


def test_a_certificate_that_comes_later_is_used_then(
    tmp_path: Path, device: Any, certificates: Secured, caplog: pytest.LogCaptureFixture
) -> None:
    made = certificates.ours.identity("cam-1")
    later = type(made)(ca=made.ca, cert=tmp_path / "cert.pem", key=tmp_path / "key.pem")
    with (
        broker(tmp_path / "broker", certificates=certificates.ours) as running,
        caplog.at_level(logging.WARNING),
    ):
        transport = device(running.port, tls=later)
        until(lambda: "No such file" in caplog.text)
        later.cert.write_bytes(made.cert.read_bytes())
        later.key.write_bytes(made.key.read_bytes())
        until(lambda: transport.connected)


def test_port_443_says_to_aws_iot_that_it_speaks_mqtt(
    certificates: Secured, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr(
        mqtt.ssl.SSLContext, "set_alpn_protocols", lambda _, protocols: asked.append(protocols)
    )
    mqtt._context(certificates.ours.identity("cam-1"), 8883)
    assert asked == []
    mqtt._context(certificates.ours.identity("cam-1"), 443)
    assert asked == [["x-amzn-mqtt-ca"]]
