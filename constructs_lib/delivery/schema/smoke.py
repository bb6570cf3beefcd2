"""The smoke test of a deployment: one request, and what its answer must be."""

from __future__ import annotations

from typing import Annotated, Self, TypeAlias

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from .base import Duration, Part, RepositoryPath

JsonValue: TypeAlias = str | int | float | bool


class SmokeRequestSpec(Part):
    """What is sent."""

    content_type: str
    """Such as `text/csv`."""
    body: str | None = None
    """Either this or `file`."""
    file: RepositoryPath | None = None
    """A file of this repository with the body, at most 100,000 bytes."""
    accept: str | None = None
    """Content type of the answer. Default: the model's choice."""
    target_model: str | None = None
    """Of a multi-model endpoint: the name of one of `models`."""
    component: str | None = None
    """Of a component endpoint: the name of one of `components`."""

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        if (self.body is None) == (self.file is None):
            raise PydanticCustomError("one_of", "exactly one of {names}", {"names": "body, file"})
        return self


class SmokeExpectationSpec(Part):
    """What the answer must be; all that is given must hold."""

    status: Annotated[int, Field(ge=200, le=599)] = 200
    contains: str | None = None
    """Text that the answer has somewhere."""
    json_path: str | None = None
    """A path into a JSON answer, such as `$.labels[0]`; with `equals`."""
    equals: JsonValue | None = None
    """What stands at `jsonPath`."""
    max_latency: Duration | None = None
    """How long the answer may take, once the endpoint is warm."""

    @model_validator(mode="after")
    def _path_and_value(self) -> Self:
        if (self.json_path is None) != (self.equals is None):
            raise PydanticCustomError("together", "jsonPath and equals, both or neither", {"field": "equals"})
        return self


class SmokeTestSpec(Part):
    """A request after every change; where its answer is wrong, the deployment goes back."""

    request: SmokeRequestSpec
    expect: SmokeExpectationSpec = SmokeExpectationSpec()
