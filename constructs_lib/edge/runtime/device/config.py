"""What the program is told: read once, checked as a whole, and then only values of known types."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .reading import Reader

MEBIBYTE = 1024**2
ROOT = "/var/lib/edge-inference"
KINDS = ("mqtt", "greengrass", "file")
FSYNC = ("batch", "always")
_NAME = re.compile(r"[a-z0-9-]{1,40}")
_THING = re.compile(r"[a-zA-Z0-9:_-]{1,128}")
_LONGEST_SOCKET = 107
"""Bytes of a Unix socket's path on Linux (sun_path has 108 with its end)."""


class BadConfig(ValueError):  # noqa: N818 - it is read as a sentence
    """The configuration is wrong; the message lists all that is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """How to know the broker, and be known to it: paths of PEM files."""

    ca: Path
    cert: Path
    key: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportConfig:
    """The way out; what a kind does not need is None."""

    kind: str
    """``mqtt``, ``greengrass`` (through the nucleus) or ``file``."""
    host: str | None = None
    port: int = 8883
    client_id: str | None = None
    """Default: the thing's name."""
    tls: Tls | None = None
    folder: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingConfig:
    """Which results are told of."""

    percent: float = 100.0
    """0–100 of the inferences."""
    inputs: bool = True
    """Whether a result has its input."""
    errors_always: bool = True
    """Whether failed inferences are told of whatever the share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BufferConfig:
    """How much waits on the disk while there is no network."""

    max_bytes: int = 64 * MEBIBYTE
    max_age_seconds: float | None = None
    fsync: str = "batch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All of it; units are in the names."""

    fleet: str
    thing: str
    group: str
    root: Path
    socket: Path
    http_port: int | None
    """On 127.0.0.1; None: the Unix socket alone."""
    transport: TransportConfig
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    buffer: BufferConfig = field(default_factory=BufferConfig)
    summary_seconds: float = 60.0
    batch_bytes: int = 32_768
    batch_seconds: float = 10.0
    memory_mb: int | None = 512
    """MiB that the whole program may take; None: what the machine has."""
    threads: int = 1
    """That one inference computes with."""
    max_body_bytes: int = 6 * MEBIBYTE
    max_concurrent: int = 8
    model_check_seconds: float = 2.0


def config_of(text: str, environment: Mapping[str, str], *, root: str | None = None) -> Config:
    """The configuration that `text` is.

    :param environment: has AWS_IOT_THING_NAME, which the nucleus of Greengrass sets; ``thing`` of the text wins.
    :param root: wins over ``root`` of the text.
    :raises BadConfig: with all that is wrong.
    """
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadConfig(f"the configuration is no JSON: {error}") from error
    if not isinstance(given, dict):
        raise BadConfig(f"the configuration is {type(given).__name__}, and an object is needed")
    if root is not None:
        given["root"] = root
    if given.get("thing") is None:
        given["thing"] = environment.get("AWS_IOT_THING_NAME")
    reader = Reader(given)
    config = _config(reader)
    if reader.wrong:
        raise BadConfig("the configuration is wrong:\n" + "\n".join(f"- {each}" for each in reader.wrong))
    return config


def _config(reader: Reader) -> Config:
    config = Config(
        fleet=reader.text("fleet", _NAME, "1–40 of a–z, 0–9 and -"),
        thing=reader.text("thing", _THING, "1–128 of letters, digits, : _ -, here or in AWS_IOT_THING_NAME"),
        group=reader.choice("group", ("canary", "fleet"), "fleet"),
        root=reader.path("root", ROOT),
        socket=_socket(reader),
        http_port=reader.whole("http_port", None, 1, 65_535),
        transport=_transport(reader.section("transport", needed=True)),
        sampling=_sampling(reader.section("sampling")),
        buffer=_buffer(reader.section("buffer")),
        summary_seconds=reader.number("summary_seconds", 60, 1, 86_400),
        batch_bytes=reader.whole("batch_bytes", 32_768, 1024, 131_072),
        batch_seconds=reader.number("batch_seconds", 10, 0.05, 3600),
        memory_mb=reader.whole("memory_mb", 512, 64, 1_048_576, empty=True),
        threads=reader.whole("threads", 1, 1, 64),
        max_body_bytes=reader.whole("max_body_bytes", 6 * MEBIBYTE, 1024, 1024 * MEBIBYTE),
        max_concurrent=reader.whole("max_concurrent", 8, 1, 256),
        model_check_seconds=reader.number("model_check_seconds", 2, 0.05, 3600),
    )
    reader.refuse_others()
    return config


def _socket(reader: Reader) -> Path:
    root = reader.path("root", ROOT)
    socket = reader.path("socket", str(root / "run" / "inference.sock"))
    if len(str(socket).encode()) > _LONGEST_SOCKET:
        reader.refuse("socket", str(socket), f"a path of at most {_LONGEST_SOCKET} bytes")
    return socket


def _transport(reader: Reader) -> TransportConfig:
    kind = reader.choice("kind", KINDS, None)
    if kind == "mqtt":
        made = TransportConfig(
            kind=kind,
            host=reader.text("host", re.compile(r"\S{1,255}"), "the name of a broker"),
            port=reader.whole("port", 8883, 1, 65_535),
            client_id=reader.text("client_id", _THING, "1–128 of letters, digits, : _ -", empty=True) or None,
            tls=_tls(reader),
        )
    elif kind == "file":
        made = TransportConfig(kind=kind, folder=reader.path("folder", None))
    else:
        made = TransportConfig(kind=kind)
    if kind:
        reader.refuse_others()
    return made


def _tls(reader: Reader) -> Tls | None:
    if reader.lacks("tls"):
        return None
    files = reader.section("tls")
    made = Tls(ca=files.path("ca", None), cert=files.path("cert", None), key=files.path("key", None))
    files.refuse_others()
    return made


def _sampling(reader: Reader) -> SamplingConfig:
    made = SamplingConfig(
        percent=reader.number("percent", 100, 0, 100),
        inputs=reader.yes("inputs", True),
        errors_always=reader.yes("errors_always", True),
    )
    reader.refuse_others()
    return made


def _buffer(reader: Reader) -> BufferConfig:
    age: Any = None if reader.lacks("max_age_seconds") else reader.number("max_age_seconds", 0, 1, 10**9)
    made = BufferConfig(
        max_bytes=reader.whole("max_bytes", 64 * MEBIBYTE, 65_536, 1024**4),
        max_age_seconds=age,
        fsync=reader.choice("fsync", FSYNC, "batch"),
    )
    reader.refuse_others()
    return made
