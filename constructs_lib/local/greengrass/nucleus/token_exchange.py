"""The credentials of the token exchange role: what a device's certificate is worth in AWS.

Source: https://docs.aws.amazon.com/greengrass/v2/developerguide/device-service-role.html
"""

from __future__ import annotations

import http.client
import json
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.credentials import RefreshableCredentials
from botocore.session import get_session


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenExchange:
    """How a device asks IoT's credentials provider."""

    host: str
    port: int
    alias: str
    thing: str
    certificate: Path
    key: Path
    ca: Path

    def session(self, region: str) -> boto3.Session:
        """A session with the role's credentials, which are renewed before they expire."""
        session: Any = get_session()
        session._credentials = RefreshableCredentials.create_from_metadata(
            self._ask(), refresh_using=self._ask, method="greengrass-token-exchange"
        )
        session.set_config_variable("region", region)
        return boto3.Session(botocore_session=session)

    def _ask(self) -> dict[str, str]:
        context = ssl.create_default_context(cafile=str(self.ca))
        context.load_cert_chain(self.certificate, self.key)
        connection = http.client.HTTPSConnection(self.host, self.port, context=context, timeout=10)
        try:
            headers = {"x-amzn-iot-thingname": self.thing}
            connection.request("GET", f"/role-aliases/{self.alias}/credentials", headers=headers)
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise ConnectionError(f"no credentials for the role alias {self.alias}: {body.decode()}")
        found = json.loads(body)["credentials"]
        return {
            "access_key": found["accessKeyId"],
            "secret_key": found["secretAccessKey"],
            "token": found["sessionToken"],
            "expiry_time": found["expiration"],
        }
