"""The three components of a fleet: the program, the model, and what runs the one with the other.

A change of the model restarts nothing: Inference needs Model softly, and is told of a new model by the script that
starts it, which waits for its verdict. So Greengrass learns whether the model serves, and goes back if it does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .device_package import NAME as PROGRAM
from .device_package import lock_digest
from .edge_program import EdgeProgram
from .names import FleetNames
from .recipe import VERSION, Dependency, Recipe, Script

_PUBLISHER = "constructs-lib"
_MODULE = "constructs_lib.edge.runtime.device"
_INSTALL_SECONDS = 1800
"""A device may be slow, and its network slower."""
_HANDOVER_SECONDS = 600
_VERDICT_SECONDS = 120
MODEL_FILE = "model.tar.gz"

# What is complete is marked so: an install that was cut off is begun anew. The environment before the current one
# stays, for a component that goes back to it: a link says which that is, also to an install that comes after one that
# was cut off.
_INSTALL = """set -eu
{python} -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version) \
if sys.version_info < (3, 11) else 0'
program="{{artifacts:decompressedPath}}/{program}"
venv="{{work:path}}/venv-{lock}"
if [ ! -f "$venv/complete" ]; then
  rm -rf "$venv"
  {python} -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet --require-hashes --no-deps {where}-r "$program/requirements.txt"
  touch "$venv/complete"
fi
now="$(readlink "{{work:path}}/venv" || true)"
if [ -n "$now" ] && [ "$now" != "$venv" ]; then
  ln -sfn "$now" "{{work:path}}/venv.next"
  mv -T "{{work:path}}/venv.next" "{{work:path}}/venv.before"
fi
before="$(readlink "{{work:path}}/venv.before" || true)"
ln -sfn "$venv" "{{work:path}}/venv.next"
mv -T "{{work:path}}/venv.next" "{{work:path}}/venv"
for each in "{{work:path}}"/venv-*; do
  if [ "$each" != "$venv" ] && [ "$each" != "$before" ]; then rm -rf "$each"; fi
done
mkdir -p "{{work:path}}/state\""""


def runtime_recipe(names: FleetNames, program: EdgeProgram) -> Recipe:
    """The program and an environment of its own to run in."""
    where = '--no-index --find-links "$program/wheels" ' if program.wheels is not None else ""
    install = _INSTALL.format(python=program.python, program=PROGRAM, lock=lock_digest(), where=where)
    return Recipe(
        name=names.runtime,
        description=f"Runs models of fleet {names.fleet}: the program, and what it stands on",
        publisher=_PUBLISHER,
        lifecycle={"Install": Script(text=install, timeout_seconds=_INSTALL_SECONDS)},
        unpacked=True,
    )


def model_recipe(names: FleetNames, program: EdgeProgram) -> Recipe:
    """A model, handed over to the program, which says whether it serves it."""
    arguments = [
        f'--root "{_state(names)}"',
        f'--archive "{{artifacts:path}}/{MODEL_FILE}"',
        f"--version {VERSION}",
        *_socket(program),
        f"--wait {_VERDICT_SECONDS}",
    ]
    return Recipe(
        name=names.model,
        description=f"The model of fleet {names.fleet}",
        publisher=_PUBLISHER,
        needs={names.runtime: Dependency.HARD},
        # Not when it is installed: that waits for no other component, and this needs what Runtime installs. A component
        # is running, and a deployment done, only when its startup script has ended well.
        lifecycle={
            "Startup": Script(
                text=f"exec {_python(names)} -m {_MODULE}.handover {' '.join(arguments)}",
                timeout_seconds=_HANDOVER_SECONDS,
                environment=_environment(names),
            )
        },
        unpacked=False,
    )


def inference_recipe(names: FleetNames, configuration: Mapping[str, Any]) -> Recipe:
    """What runs the program; its configuration may be changed by a deployment, below ``/program``."""
    return Recipe(
        name=names.inference,
        description=f"Serves the model of fleet {names.fleet} on the device, and tells of it",
        publisher=_PUBLISHER,
        needs={names.runtime: Dependency.HARD, names.model: Dependency.SOFT},
        configuration={"program": dict(configuration), "accessControl": _access(names)},
        lifecycle={
            "Run": Script(
                text=f'exec {_python(names)} -m {_MODULE} --root "{_state(names)}"',
                environment={**_environment(names), "EDGE_CONFIG": "{configuration:/program}"},
            )
        },
    )


def _state(names: FleetNames) -> str:
    """Where models and the buffer lie: what Model and Inference both know is the work folder of Runtime."""
    return f"{{{names.runtime}:work:path}}/state"


def _python(names: FleetNames) -> str:
    return f'"{{{names.runtime}:work:path}}/venv/bin/python"'


def _environment(names: FleetNames) -> dict[str, str]:
    return {"PYTHONPATH": f"{{{names.runtime}:artifacts:decompressedPath}}/{PROGRAM}"}


def _socket(program: EdgeProgram) -> list[str]:
    return [] if program.socket is None else [f'--socket "{program.socket}"']


def _access(names: FleetNames) -> dict[str, Any]:
    """What it may do through the nucleus; the device's own policy narrows ``+`` to the device itself.

    Source: https://docs.aws.amazon.com/greengrass/v2/developerguide/ipc-iot-core-mqtt.html
    """
    told = [names.topic(kind, "+") for kind in ("inference", "summary")]
    asked = [names.shadow_topic("+", what) for what in ("update", "get")]
    heard = [
        names.shadow_topic("+", what)
        for what in ("update/delta", "update/accepted", "update/rejected", "get/accepted", "get/rejected")
    ]
    return {
        "aws.greengrass.ipc.mqttproxy": {
            f"{names.inference}:mqttproxy:1": _allowed("Results, counts, state", "Publish", told + asked),
            f"{names.inference}:mqttproxy:2": _allowed("Which model is wanted", "Subscribe", heard),
        }
    }


def _allowed(why: str, what: str, topics: list[str]) -> dict[str, Any]:
    return {
        "policyDescription": why,
        "operations": [f"aws.greengrass#{what}ToIoTCore"],
        "resources": topics,
    }
