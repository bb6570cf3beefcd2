"""IoT's credentials provider: what a device is, by its certificate, becomes credentials of a role.

`GET /role-aliases/{alias}/credentials` over mutual TLS, on the port of MQTT. The certificate must be active, a policy
of it must allow `iot:AssumeRoleWithCertificate` on the alias, and the role must let `credentials.iot.amazonaws.com`
assume it.

Source: https://docs.aws.amazon.com/iot/latest/developerguide/authorizing-direct-aws.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from .. import emulator, emulator_mqtt, emulator_role_aliases
from . import role_aliases

_PATH = re.compile(r"/role-aliases/(?P<alias>[^/]+)/credentials")
_DENIED = b'{"message":"Access Denied"}'


def install() -> None:
    """Answer devices that ask for credentials."""
    emulator_mqtt.answer_http(b"GET ", _answer)


def _answer(certificate: str, path: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
    match = _PATH.fullmatch(path)
    alias = role_aliases.find(match["alias"]) if match else None
    if match is None or alias is None:
        return 404, b'{"message":"Role alias does not exist"}'
    thing = headers.get("x-amzn-iot-thingname", "")
    if thing and not emulator_role_aliases.certificate_is_of(certificate, thing):
        return 403, _DENIED
    resource = alias.arn.split(":", 5)[5]
    action = "iot:AssumeRoleWithCertificate"
    if not emulator_role_aliases.certificate_allows(certificate, thing, action, resource):
        return 403, _DENIED
    if not emulator.role_trusts(alias.role_arn, role_aliases.SERVICE):
        return 403, _DENIED
    session = emulator_role_aliases.session_of(alias.role_arn, certificate, alias.seconds)
    return 200, json.dumps({"credentials": session}).encode()
