"""Certificates of devices, as files, for the tests and the demo of fleets."""

from __future__ import annotations

import ssl
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.embedded_aws import LocalAws


@dataclass(frozen=True)
class Identity:
    """A certificate with its key, as files."""

    certificate: Path
    key: Path
    ca: Path
    arn: str = ""

    def context(self) -> ssl.SSLContext:
        """TLS with this identity, to the embedded AWS and nothing else."""
        context = ssl.create_default_context(cafile=str(self.ca))
        context.load_cert_chain(self.certificate, self.key)
        return context


def ca_file(aws: LocalAws, folder: Path) -> Path:
    """The CA of the embedded AWS's MQTT, as a file."""
    path = folder / "ca.pem"
    with urllib.request.urlopen(f"{aws.url}/_ministack/iot/ca.pem") as answer:  # noqa: S310  # the emulator's own URL
        path.write_bytes(answer.read())
    return path


def stored(aws: LocalAws, folder: Path, issued: Mapping[str, Any], arn: str = "") -> Identity:
    """The answer to a request for a certificate, as files."""
    folder.mkdir(parents=True, exist_ok=True)
    certificate, key = folder / "cert.pem", folder / "key.pem"
    certificate.write_text(issued["certificatePem"])
    key.write_text(issued["keyPair"]["PrivateKey"] if "keyPair" in issued else issued["privateKey"])
    return Identity(certificate, key, ca_file(aws, folder), arn)
