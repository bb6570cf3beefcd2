"""AWS's own container images: which there are, and in whose account they are in each region.

The table (`images.json`, made by `make images`) comes from the data of the SageMaker SDK, and every image
of it is tested to be what the SDK's `image_uris.retrieve` returns. Lookups are stricter than the SDK's:
what is not given is chosen only where there is one choice, and what is given must exist.

- The SDK takes *some* version where none is given: of xgboost the oldest. Here it must be given.
- The SDK takes any version and any Python version, and ignores it, where only one exists. Here it is refused.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, get_args

Scope = Literal["inference", "inference_graviton", "processing"]
"""What an image is for; `inference_graviton`: the Arm images of frameworks that have both."""

What = Literal["name", "scope", "version", "base_framework", "py_version", "processor", "region"]
"""What was looked up and does not exist."""

_TABLE = Path(__file__).with_name("images.json")

# By how the regions of a partition begin. GovCloud is not among them: its suffix is the standard one.
_DNS_SUFFIXES = {
    "cn-": "amazonaws.com.cn",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "us-isof-": "csp.hci.ic.gov",
    "eu-isoe-": "cloud.adc-e.uk",
    "eusc-": "amazonaws.eu",
}


class UnknownImage(LookupError):  # noqa: N818 - says what is wrong, as LookupError itself is for
    """AWS publishes no such image; says what there is, the likeliest meant first."""

    def __init__(self, what: What, given: str | None, allowed: Iterable[str], *, of: str = "AWS") -> None:
        """Refuse `given` as the `what` of `of`; None means that a choice was left open."""
        self.what: What = what
        self.given = given
        self.allowed = _closest_first(given, allowed)
        self.of = of
        listed = ", ".join(self.allowed) or "none"
        problem = f"has several: choose a {what}" if given is None else f"has no {what} {given!r}"
        super().__init__(f"{of} {problem}; there is: {listed}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedImage:
    """A container image that AWS publishes."""

    repository: str
    tag: str | None
    """None where AWS publishes under no tag, which means ``latest``."""
    version: str
    """The version asked for; the full one where that is an alias (``2.0`` → ``2.0.1``)."""
    processor: str | None
    """``cpu``, ``gpu``, ``inf``…; None where one image serves all that it supports."""
    accounts: Mapping[str, str] = field(hash=False, repr=False)
    """The account that publishes it, by region."""

    @property
    def repository_and_tag(self) -> str:
        """What follows the registry's host name: ``pytorch-inference:2.6.0-cpu-py312``."""
        return self.repository if self.tag is None else f"{self.repository}:{self.tag}"

    def uri(self, region: str) -> str:
        """Its URI in `region`; raises `UnknownImage` where AWS does not publish it."""
        account = self.accounts.get(region)
        if account is None:
            raise UnknownImage("region", region, self.accounts, of=self.repository_and_tag)
        return f"{account}.dkr.ecr.{region}.{dns_suffix(region)}/{self.repository_and_tag}"


class _Row(NamedTuple):
    """One line of the table."""

    version: str
    base_framework: str | None
    py_version: str | None
    processor: str | None
    registry: str
    repository: str
    tag: str | None


def find_image(
    name: str,
    *,
    version: str | None = None,
    scope: Scope = "inference",
    base_framework: str | None = None,
    py_version: str | None = None,
    processor: str | None = None,
) -> PublishedImage:
    """The one image that fits; raises `UnknownImage` where none does, or more than one.

    Args:
        name: Framework, server or algorithm, as the SageMaker SDK spells it (see `names`).
        version: Its version, or an alias of one such as ``2.0`` or ``latest``. As AWS does, an alias is
            looked up under a tag of its own.
        scope: What the image is for.
        base_framework: For Hugging Face images what they are built on: ``pytorch2.6.0``.
        py_version: ``py312``. Spark's images have one without, which is the default.
        processor: One of `processors`; of several, ``cpu`` by default, which the SDK takes too where it has
            no instance type to go by. Ignored where one image serves all: it usually follows from an
            instance type, and is then not a choice that the user made.
    """
    rows = _rows(name, scope)
    rows = _narrow(rows, "version", version, of=name)
    of = f"{name} {rows[0].version}"
    rows = _narrow(rows, "base_framework", base_framework, of=of)
    rows = _narrow(rows, "py_version", py_version, of=of)
    return _image(name, scope, _for_processor(rows, processor, of=of))


def names(scope: Scope = "inference") -> tuple[str, ...]:
    """All frameworks, servers and algorithms that have images in `scope`."""
    _check_scope(scope)
    return tuple(name for name, listed in _table()["names"].items() if scope in listed["scopes"])


def versions(name: str, *, scope: Scope = "inference") -> tuple[str, ...]:
    """All versions of `name` and aliases of them, the oldest first."""
    return tuple(dict.fromkeys(row.version for row in _rows(name, scope)))


def processors(name: str, *, version: str, scope: Scope = "inference") -> tuple[str, ...]:
    """The kinds of processor there are images for; empty where one image serves all that it supports."""
    rows = _narrow(_rows(name, scope), "version", version, of=name)
    return tuple(dict.fromkeys(row.processor for row in rows if row.processor))


def is_framework(name: str) -> bool:
    """Whether `name` is brought code or a model to: a framework or a model server. xgboost is both."""
    return "framework" in _kinds(name)


def is_built_in(name: str) -> bool:
    """Whether `name` is an algorithm of AWS that serves the models it trained. xgboost is both."""
    return "algorithm" in _kinds(name)


def dns_suffix(region: str) -> str:
    """The end of every AWS host name in `region`, by the partition it is in."""
    for prefix, suffix in _DNS_SUFFIXES.items():
        if region.startswith(prefix):
            return suffix
    return "amazonaws.com"


@cache
def _table() -> Mapping[str, Any]:
    """The file as it is: objects are made only of the part that is asked for."""
    table: Mapping[str, Any] = json.loads(_TABLE.read_text(encoding="utf-8"))
    return table


@cache
def _rows(name: str, scope: Scope) -> tuple[_Row, ...]:
    known = names(scope)
    if name not in known:
        raise UnknownImage("name", name, known, of=f"the scope {scope}")
    return tuple(_Row(*fields) for fields in _table()["names"][name]["scopes"][scope]["images"])


@cache
def _accounts(registry: str) -> Mapping[str, str]:
    """Region to account; the file has it the other way round, which is shorter."""
    regions = _table()["registries"][registry]
    return MappingProxyType(
        {region: account for account, listed in regions.items() for region in listed.split()}
    )


def _image(name: str, scope: Scope, row: _Row) -> PublishedImage:
    aliases: Mapping[str, str] = _table()["names"][name]["scopes"][scope]["aliases"]
    return PublishedImage(
        repository=row.repository,
        tag=row.tag,
        version=aliases.get(row.version, row.version),
        processor=row.processor,
        accounts=_accounts(row.registry),
    )


def _kinds(name: str) -> tuple[str, ...]:
    listed = _table()["names"].get(name)
    return tuple(listed["kinds"]) if listed else ()


def _check_scope(scope: str) -> None:
    if scope not in get_args(Scope):
        raise UnknownImage("scope", scope, get_args(Scope), of="the table")


def _narrow(rows: tuple[_Row, ...], what: What, given: str | None, *, of: str) -> tuple[_Row, ...]:
    """The rows whose `what` is `given`; of None, those that have none, or all if there is no choice."""
    options: dict[str | None, None] = dict.fromkeys(getattr(row, what) for row in rows)
    chosen = next(iter(options)) if given is None and len(options) == 1 else given
    if chosen not in options:
        raise UnknownImage(what, given, filter(None, options), of=of)
    return tuple(row for row in rows if getattr(row, what) == chosen)


def _for_processor(rows: tuple[_Row, ...], processor: str | None, *, of: str) -> _Row:
    options = [row.processor for row in rows]
    if options == [None]:
        return rows[0]
    if processor is None and len(options) > 1 and "cpu" in options:
        processor = "cpu"
    return _narrow(rows, "processor", processor, of=of)[0]


def _closest_first(given: str | None, options: Iterable[str]) -> tuple[str, ...]:
    """By likeness to `given`; equals, and all if nothing was given, stay in their order."""
    if given is None:
        return tuple(options)
    matcher = difflib.SequenceMatcher(b=given, autojunk=False)

    def unlikeness(option: str) -> float:
        matcher.set_seq1(option)
        return -matcher.ratio()

    return tuple(sorted(options, key=unlikeness))
