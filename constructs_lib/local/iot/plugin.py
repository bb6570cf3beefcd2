"""IoT, mended and completed in the ministack of this process."""

from __future__ import annotations

import socket

from .. import emulator_mqtt
from . import credentials, role_aliases, rule_actions, schemas


def install(mqtt: socket.socket | None) -> None:
    """Actions of rules, role aliases, checks of templates; on the socket MQTT and the credentials of devices."""
    if mqtt is not None:
        emulator_mqtt.listen_on(mqtt)
    rule_actions.install()
    role_aliases.install()
    credentials.install()
    schemas.install()
