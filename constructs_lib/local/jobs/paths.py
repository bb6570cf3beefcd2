"""Where the paths of a container lie on this machine: there is no container, and so no `/opt/ml` of its own."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

CONTAINER_BASE = "/opt/ml"
# Whole path elements, and only where an absolute path begins: not in s3://bucket/opt/ml or in /opt/mlflow.
_BASE = re.compile(r"(?<![\w./\-])/opt/ml(?![\w.\-])")


def mapped(text: str, base: Path) -> str:
    """A text of the container, with its paths below /opt/ml turned into those below `base`."""
    return _BASE.sub(lambda _match: str(base), text)


def local(path: str, base: Path) -> Path:
    """Where a path below /opt/ml lies; ValueError for one that leads elsewhere."""
    pure = PurePosixPath(path)
    if ".." in pure.parts:
        raise ValueError(f"{path} leads out of {CONTAINER_BASE}")
    return base / pure.relative_to(CONTAINER_BASE)
