"""Folders of manifests, written for a test."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from constructs_lib.delivery.problems import ManifestError, Problem

ENVIRONMENT = """
apiVersion: constructs-lib.dev/v1
kind: Environment
metadata: {name: dev}
"""

IMAGE = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/fraud@sha256:" + "a" * 64

REALTIME = f"""
apiVersion: constructs-lib.dev/v1
kind: RealtimeEndpoint
metadata: {{name: NAME}}
spec:
  model:
    image: {{uri: "{IMAGE}"}}
  instanceType: ml.m5.large
  instanceCount: 2
"""

SERVERLESS = f"""
apiVersion: constructs-lib.dev/v1
kind: ServerlessEndpoint
metadata: {{name: NAME, group: GROUP}}
spec:
  model:
    image: {{uri: "{IMAGE}"}}
"""


def realtime(name: str = "fraud", more: str = "") -> str:
    """A right manifest, with lines added to its spec."""
    return REALTIME.replace("NAME", name).lstrip() + more


def grouped(name: str, group: str = "many") -> str:
    """A small deployment of a group."""
    return SERVERLESS.replace("NAME", name).replace("GROUP", group).lstrip()


def write(root: Path, **files: str) -> Path:
    """A folder of manifests: `dev__fraud="…"` is ``deployments/dev/fraud.yaml``. Returns ``deployments``."""
    folder = root / "deployments"
    given = {"dev___environment": ENVIRONMENT.lstrip(), **files}
    for name, text in given.items():
        environment, _, file = name.replace("base__", "_base__", 1).partition("__")
        place = folder / environment / f"{file.replace('_', '-') if file != '_environment' else file}.yaml"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(dedent(text))
    return folder


def problems(attempt: object) -> tuple[Problem, ...]:
    """What `attempt`, a function, is refused for."""
    with pytest.raises(ManifestError) as caught:
        attempt()  # type: ignore[operator]
    return caught.value.problems


def sole(attempt: object) -> Problem:
    """The one problem."""
    found = problems(attempt)
    assert len(found) == 1, "\n".join(map(str, found))
    return found[0]
