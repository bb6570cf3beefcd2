"""Where a part of a manifest becomes a construct, and where what is refused there stands in its file."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import aws_cdk as cdk
import constructs
import jsii.errors
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from pydantic.alias_generators import to_camel

from ...core.errors import ConstraintError, Violation
from ..checking import path_text, shown
from ..folder import EnvironmentFolder, Manifest
from ..problems import FIELD_RULE, FILE_RULE, Problem
from ..reading import Path as Steps
from ..schema.base import bucket_and_key, kibibytes, milliseconds

Made = TypeVar("Made")


class RefusedError(Exception):
    """A deployment has problems, and is not made."""


@dataclass(slots=True)
class Site:
    """One deployment being made: its scope, its manifest, and the problems found on the way."""

    scope: constructs.Construct
    manifest: Manifest
    environment: EnvironmentFolder
    problems: list[Problem] = field(default_factory=list)
    _imported: dict[str, constructs.IConstruct] = field(default_factory=dict)

    @property
    def spec(self) -> Where:
        """The manifest's spec."""
        return Where(self, ("spec",))

    def stop_if_refused(self) -> None:
        """Make nothing further of what is wrong: what follows would only be wrong because of it.

        :raises RefusedError: when there is a problem.
        """
        if self.problems:
            raise RefusedError(self.manifest.name)

    def imported(self, kind: str, name: str, make: Callable[[str], Made]) -> Made:
        """What exists already, imported once a deployment."""
        id = f"{kind}{hashlib.sha256(name.encode()).hexdigest()[:8]}"
        if id not in self._imported:
            self._imported[id] = make(id)  # type: ignore[assignment]
        return self._imported[id]  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class Where:
    """A part of a manifest."""

    site: Site
    path: Steps

    def __truediv__(self, step: str | int) -> Where:
        """The part below, as the manifest spells it."""
        return Where(self.site, (*self.path, step))

    @property
    def scope(self) -> constructs.Construct:
        """Where constructs of the deployment are made."""
        return self.site.scope

    def make(self, make: Callable[[], Made], spelled: Mapping[str, str] | None = None) -> Made | None:
        """What `make` makes; nothing, and a problem told, when it is refused.

        :param spelled: how the manifest spells properties that it calls otherwise.
        """
        try:
            return make()
        except ConstraintError as error:
            self.site.problems += [self._problem(each, spelled or {}) for each in error.violations]
        except (jsii.errors.JSIIError, RuntimeError, ValueError, TypeError) as error:
            said = next((line.strip() for line in str(error).splitlines() if line.strip()), "refused")
            self.refuse(self._given(), said, FIELD_RULE)
        return None

    def need(self, make: Callable[[], Made | None], spelled: Mapping[str, str] | None = None) -> Made:
        """The same of what the rest cannot be made without.

        :raises RefusedError: when it is refused.
        """
        made = self.make(make, spelled)
        if made is None:
            raise RefusedError(self.site.manifest.name)
        return made

    def refuse(self, given: str, allowed: str, rule: str, fix: str = "") -> None:
        """Tell a problem of this part."""
        mark = self.site.manifest.node.value_place(self.path)
        self.site.problems.append(
            Problem(mark=mark, path=path_text(self.path), given=given, allowed=allowed, rule=rule, fix=fix)
        )

    def _given(self) -> str:
        node = self.site.manifest.node.at(self.path)
        return "nothing" if node is None else shown(node.plain())

    def _problem(self, violation: Violation, spelled: Mapping[str, str]) -> Problem:
        path, inexact = self._place(violation.property, spelled)
        given = _words(violation.given)
        return Problem(
            mark=self.site.manifest.node.value_place(path),
            path=path_text(path),
            given=f"{violation.property} is {given}" if inexact else given,
            allowed=violation.allowed,
            rule=violation.rule,
            fix=violation.fix,
            source=violation.source,
        )

    def _place(self, property: str, spelled: Mapping[str, str]) -> tuple[Steps, bool]:
        """Where a construct's property stands, and whether that is only near it."""
        steps = re.findall(r"[A-Za-z_][A-Za-z0-9_]*|\[[^\]]*\]", spelled.get(property, property))
        path, node = self.path, self.site.manifest.node
        for index, step in enumerate(steps):
            below: str | int = to_camel(step)
            if step.startswith("["):
                inner = step[1:-1].strip("'\"")
                below = int(inner) if inner.isdigit() else inner
            if node.at((*path, below)) is None:
                # What is missing altogether is spelled as it would be; else it is something inside.
                known = index == len(steps) - 1 and isinstance(below, str) and self._is_field(path)
                return ((*path, below), False) if known else (path, True)
            path = (*path, below)
        return path, not steps

    def _is_field(self, path: Steps) -> bool:
        return isinstance(getattr(self.site.manifest.node.at(path), "value", None), dict)

    # What manifests spell as text.

    def duration(self, text: str | None) -> cdk.Duration | None:
        """A length of time."""
        return None if text is None else duration(text)

    def size(self, text: str | None) -> cdk.Size | None:
        """A size."""
        return None if text is None else cdk.Size.kibibytes(kibibytes(text))

    def file(self, text: str) -> str:
        """A path of the repository, as it is seen from where synthesis runs.

        A link that leads out of the repository is refused: what is merged is what is deployed.
        """
        root = self.site.environment.root
        place = root / text
        if not place.resolve().is_relative_to(root.resolve()):
            self.refuse(shown(text), "a path that stays in the repository", FILE_RULE)
        return os.path.relpath(place)

    def bucket(self, name: str | None) -> s3.IBucket | None:
        """A bucket that exists."""
        if name is None:
            return None
        return self.site.imported("Bucket", name, lambda id: s3.Bucket.from_bucket_name(self.scope, id, name))

    def s3_object(self, uri: str) -> tuple[s3.IBucket, str]:
        """An object's bucket and key."""
        name, key = bucket_and_key(uri)
        bucket = self.bucket(name)
        assert bucket is not None  # noqa: S101 - a name was given
        return bucket, key

    def topics(self, arns: Sequence[str]) -> list[sns.ITopic]:
        """Topics that exist; each once."""
        return [self._topic(arn) for arn in dict.fromkeys(arns)]

    def topic(self, arn: str | None) -> sns.ITopic | None:
        """A topic that exists."""
        return None if arn is None else self._topic(arn)

    def _topic(self, arn: str) -> sns.ITopic:
        return self.site.imported("Topic", arn, lambda id: sns.Topic.from_topic_arn(self.scope, id, arn))

    def alarms(self, arns: Sequence[str]) -> list[cloudwatch.IAlarm]:
        """Alarms that exist."""
        return [self.alarm(arn) for arn in arns]

    def alarm(self, arn: str) -> cloudwatch.IAlarm:
        """An alarm that exists."""
        return self.site.imported(
            "Alarm", arn, lambda id: cloudwatch.Alarm.from_alarm_arn(self.scope, id, arn)
        )

    def table(self, arn: str) -> dynamodb.ITable:
        """A table that exists."""
        return self.site.imported("Table", arn, lambda id: dynamodb.Table.from_table_arn(self.scope, id, arn))

    def key(self, arn: str | None) -> kms.IKey | None:
        """A key that exists."""
        if arn is None:
            return None
        return self.site.imported("KeyOf", arn, lambda id: kms.Key.from_key_arn(self.scope, id, arn))


def duration(text: str) -> cdk.Duration:
    """A length of time, in the largest unit that holds it whole."""
    count = milliseconds(text)
    if count % 1000:
        return cdk.Duration.millis(count)
    return (
        cdk.Duration.minutes(count // 60_000)
        if count % 60_000 == 0 and count
        else cdk.Duration.seconds(count // 1000)
    )


def _words(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, str | bool | int | float | list | dict):
        return shown(value)
    if isinstance(value, cdk.Duration):
        return value.to_human_string()
    return f"a {type(value).__name__}"
