"""The configuration is accepted whole, or refused with all that is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from constructs_lib.edge.runtime.device.config import BadConfig, Config, Tls, TransportConfig, config_of

LEAST: dict[str, Any] = {"fleet": "cameras", "thing": "cam-1", "transport": {"kind": "greengrass"}}


def _config(given: dict[str, Any], **environment: str) -> Config:
    return config_of(json.dumps(LEAST | given), environment)


def test_all_of_it() -> None:
    found = _config(
        {
            "group": "canary",
            "root": "/data",
            "socket": "/run/s",
            "http_port": 8080,
            "transport": {
                "kind": "mqtt",
                "host": "broker",
                "port": 1883,
                "client_id": "me",
                "tls": {"ca": "/ca", "cert": "/cert", "key": "/key"},
            },
            "sampling": {"percent": 12.5, "inputs": False, "errors_always": False},
            "buffer": {"max_bytes": 100_000, "max_age_seconds": 60, "fsync": "always"},
            "summary_seconds": 30,
            "batch_bytes": 2048,
            "batch_seconds": 1,
            "memory_mb": 128,
            "threads": 2.0,
            "max_body_bytes": 2048,
            "max_concurrent": 4,
            "model_check_seconds": 0.5,
        }
    )
    assert (found.group, found.root, found.socket, found.http_port) == (
        "canary",
        Path("/data"),
        Path("/run/s"),
        8080,
    )
    assert found.transport == TransportConfig(
        kind="mqtt",
        host="broker",
        port=1883,
        client_id="me",
        tls=Tls(ca=Path("/ca"), cert=Path("/cert"), key=Path("/key")),
    )
    assert (found.sampling.percent, found.sampling.inputs, found.sampling.errors_always) == (
        12.5,
        False,
        False,
    )
    assert (found.buffer.max_bytes, found.buffer.max_age_seconds, found.buffer.fsync) == (
        100_000,
        60,
        "always",
    )
    assert (found.summary_seconds, found.batch_bytes, found.batch_seconds) == (30, 2048, 1)
    assert (found.memory_mb, found.threads, found.max_body_bytes, found.max_concurrent) == (128, 2, 2048, 4)
    assert isinstance(found.threads, int)


def test_defaults() -> None:
    found = _config(
        {"socket": None, "http_port": None, "transport": {"kind": "mqtt", "host": "b", "tls": None}}
    )
    assert (found.group, found.http_port, found.memory_mb) == ("fleet", None, 512)
    assert found.socket == Path("/var/lib/edge-inference/run/inference.sock")
    assert (found.transport.port, found.transport.client_id, found.transport.tls) == (8883, None, None)
    assert (found.sampling.percent, found.sampling.inputs, found.buffer.max_bytes) == (
        100,
        True,
        64 * 1024**2,
    )
    assert _config({"memory_mb": None}).memory_mb is None


def test_the_thing_may_come_from_the_nucleus_and_the_root_from_the_command() -> None:
    given = {"fleet": "f", "root": "/a", "transport": {"kind": "file", "folder": "/out"}}
    found = config_of(json.dumps(given), {"AWS_IOT_THING_NAME": "named"}, root="/b")
    assert (found.thing, found.root, found.socket) == ("named", Path("/b"), Path("/b/run/inference.sock"))
    assert _config({}, AWS_IOT_THING_NAME="other").thing == "cam-1"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"fleet": "Cameras"}, "fleet is 'Cameras'"),
        ({"thing": "a/b"}, "thing is 'a/b'"),
        ({"thing": None}, "AWS_IOT_THING_NAME"),
        ({"group": "all"}, "canary or fleet"),
        ({"root": "relative"}, "an absolute path"),
        ({"root": "/" + "x" * 100}, "at most 107 bytes"),
        ({"http_port": 70_000}, "http_port is 70000"),
        ({"http_port": True}, "http_port is True"),
        ({"transport": None}, "transport is None"),
        ({"transport": {"kind": "pigeon", "host": "x"}}, "transport.kind is 'pigeon'"),
        ({"transport": {"kind": "mqtt"}}, "transport.host is None"),
        ({"transport": {"kind": "file"}}, "transport.folder is None"),
        ({"transport": {"kind": "greengrass", "host": "x"}}, "transport.host is not known"),
        (
            {"transport": {"kind": "mqtt", "host": "b", "tls": {"ca": "/a", "cert": "/c"}}},
            "transport.tls.key is None",
        ),
        ({"sampling": {"percent": 101}}, "sampling.percent is 101"),
        ({"sampling": {"inputs": 1}}, "sampling.inputs is 1"),
        ({"sampling": {"percents": 1}}, "sampling.percents is not known"),
        ({"sampling": []}, "sampling is []"),
        ({"buffer": {"fsync": "never"}}, "batch or always"),
        ({"buffer": {"max_age_seconds": 0}}, "buffer.max_age_seconds is 0"),
        ({"threads": 1.5}, "threads is 1.5"),
        ({"threads": float("nan")}, "threads is nan"),
        ({"threads": float("inf")}, "threads is inf"),
        ({"batch_bytes": 200_000}, "batch_bytes is 200000"),
        ({"summary_second": 1}, "summary_second is not known"),
    ],
)
def test_what_is_wrong_is_told(given: dict[str, Any], told: str) -> None:
    with pytest.raises(BadConfig) as error:
        _config(given)
    assert told in str(error.value)
    assert str(error.value).count("\n- ") == 1


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(BadConfig) as error:
        _config({"fleet": 1, "threads": 0, "sampling": {"x": 1}, "extra": 1})
    assert str(error.value).count("\n- ") == 4


@pytest.mark.parametrize("text", ["", "[]", "{", "null"])
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(BadConfig):
        config_of(text, {})
