"""An interpreter for devices of the tests and the demo, so that none of them installs onnxruntime anew.

``-m venv DIR`` makes a folder whose ``bin/python`` is this interpreter, ``pip`` finds all there already, and the
program speaks MQTT to where a file of the device says, in the place of a nucleus's IPC, which the stand-in has not.
"""

from __future__ import annotations

import json
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_SCRIPT = """#!{python}
import json, os, sys
from pathlib import Path

me, arguments = Path(__file__), sys.argv[1:]
if arguments[:2] == ["-m", "venv"]:
    made = Path(arguments[2]) / "bin" / "python"
    made.parent.mkdir(parents=True)
    made.write_text(me.read_text())
    made.chmod(0o755)
    sys.exit()
if arguments[:2] == ["-m", "pip"]:
    requirements = Path(arguments[arguments.index("-r") + 1])
    sys.exit(0 if "onnxruntime==" in requirements.read_text() else "no lock")
transport = Path({folder!r}) / (os.environ["AWS_IOT_THING_NAME"] + ".json")
if "EDGE_CONFIG" in os.environ and transport.exists():
    config = json.loads(os.environ["EDGE_CONFIG"])
    os.environ["EDGE_CONFIG"] = json.dumps({{**config, **json.loads(transport.read_text())}})
os.execv({python!r}, [{python!r}, *arguments])
"""


def device_python(folder: Path) -> Path:
    """The interpreter, made in `folder`; what `tell_device` tells lies there too."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "python"
    path.write_text(_SCRIPT.format(python=sys.executable, folder=str(folder)))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def tell_device(folder: Path, thing: str, told: Mapping[str, Any]) -> None:
    """What the configuration of the program on a device has beside, or in the place of, its recipe's."""
    partial = folder / f".{thing}.json"
    partial.write_text(json.dumps(told))
    partial.replace(folder / f"{thing}.json")
