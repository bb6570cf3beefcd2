"""The model processes of an embedded AWS, as the kernel sees them."""

from __future__ import annotations

from pathlib import Path

from tools.embedded_aws import LocalAws


def model_processes(aws: LocalAws) -> set[int]:
    """Their ids."""
    found = Path(f"/proc/{aws.process.pid}/task").glob("*/children")
    children = (int(child) for path in found for child in path.read_text().split())
    return {pid for pid in children if "model_server.py" in _command(pid)}


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
