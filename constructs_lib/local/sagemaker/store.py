"""What SageMaker remembers: models, endpoint configurations, tags; per account and region."""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from ministack.core.responses import AccountRegionScopedDict

from ..emulator import Scope
from .errors import RefusedError


@dataclass(slots=True, kw_only=True)
class Record:
    """A named resource: what it was created from, and when."""

    name: str
    arn: str
    request: dict[str, Any]
    created: float = field(default_factory=time.time)
    modified: float = field(default_factory=time.time)


R = TypeVar("R", bound=Record)


class Shelf(Generic[R]):
    """The resources of one kind, by name, in the scope of the request."""

    def __init__(self, noun: str, arn_kind: str) -> None:
        self.noun = noun
        self._arn_kind = arn_kind
        self._records = AccountRegionScopedDict()

    def arn(self, name: str) -> str:
        """The ARN that a resource of this name has."""
        return Scope.current().arn("sagemaker", f"{self._arn_kind}/{name}")

    def find(self, name: str) -> R:
        """The resource; RefusedError when there is none."""
        record: R | None = self._records.get(name)
        if record is None:
            raise RefusedError(f'Could not find {self.noun} "{self.arn(name)}".')
        return record

    def add(self, record: R) -> None:
        """Keep a new resource; RefusedError when the name is taken."""
        self.require_free(record.name)
        self._records[record.name] = record

    def require_free(self, name: str) -> None:
        """RefusedError when the name is taken."""
        if name in self._records:
            raise RefusedError(f'Cannot create already existing {self.noun} "{self.arn(name)}".')

    def remove(self, name: str) -> R:
        """Forget a resource; RefusedError when there is none."""
        record = self.find(name)
        del self._records[name]
        return record

    def all(self) -> list[R]:
        """Every resource in the scope."""
        return list(self._records.values())

    def everywhere(self) -> list[R]:
        """Every resource in every scope."""
        return list(self._records.all_values())

    def clear(self) -> None:
        """Forget everything, in every scope."""
        self._records.clear()


class Tags:
    """The tags of resources, by ARN."""

    def __init__(self) -> None:
        self._by_arn: dict[str, dict[str, str]] = {}

    def add(self, arn: str, tags: list[dict[str, str]]) -> None:
        """Set tags beside those that are there."""
        self._by_arn.setdefault(arn, {}).update({tag["Key"]: tag.get("Value", "") for tag in tags})

    def remove(self, arn: str, keys: list[str]) -> None:
        """Take tags away; a key that is not there is not missed."""
        for key in keys:
            self._by_arn.get(arn, {}).pop(key, None)

    def of(self, arn: str) -> list[dict[str, str]]:
        """The tags of a resource, as the API shows them."""
        return [{"Key": key, "Value": value} for key, value in self._by_arn.get(arn, {}).items()]

    def forget(self, arn: str) -> None:
        """Drop the tags of a resource that is gone."""
        self._by_arn.pop(arn, None)

    def clear(self) -> None:
        """Drop all tags."""
        self._by_arn.clear()


def own_copy(request: dict[str, Any]) -> dict[str, Any]:
    """A copy that nobody else can change, without the tags, which are kept apart."""
    return {name: copy.deepcopy(value) for name, value in request.items() if name != "Tags"}
