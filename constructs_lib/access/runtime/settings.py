"""What the function was deployed for; the construct writes it as JSON into the environment (`API`)."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

VARIABLE = "API"
"""The environment variable with the settings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where an asynchronous endpoint reads and writes: ``s3://bucket/prefix`` each."""

    input: str
    output: str
    failures: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The whole description."""

    api: str
    """Its name, for logs and metrics."""
    endpoint: str
    timeout: float
    """Seconds that a model may take."""
    most_bytes: int
    """Of a request's body."""
    most_answer_bytes: int
    """Of an answer as the function hands it over."""
    content_types: tuple[str, ...] = ()
    """Those that are let in, in lower case and without parameters; none: all."""
    most_rows: int | None = None
    columns: int | None = None
    well_formed: bool = True
    """Whether JSON, JSON Lines and CSV are looked at before the model is."""
    targets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What requests may name, by the parameter of InvokeEndpoint: patterns of it."""
    required: tuple[str, ...] = ()
    """Those parameters that every request names."""
    places: Places | None = None
    """Those of an asynchronous endpoint."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """What this function was deployed for."""
        return cls.from_json((os.environ if environ is None else environ)[VARIABLE])

    @classmethod
    def from_json(cls, text: str) -> Settings:
        """Read what the construct wrote."""
        given: dict[str, Any] = json.loads(text)
        places = given.get("places")
        return cls(
            **{
                **given,
                "content_types": tuple(given.get("content_types", ())),
                "targets": {name: tuple(each) for name, each in given.get("targets", {}).items()},
                "required": tuple(given.get("required", ())),
                "places": None if places is None else Places(**places),
            }
        )
