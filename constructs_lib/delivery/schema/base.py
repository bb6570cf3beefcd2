"""What all parts of a manifest are made of: strict models in camelCase, durations, sizes, ARNs, places in S3.

The docstring beneath a field is its description, in the JSON Schema too.
"""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError


class Part(BaseModel):
    """A part of a manifest. What it does not know it refuses, and text stays text."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        alias_generator=to_camel,
        use_attribute_docstrings=True,
        allow_inf_nan=False,
        regex_engine="python-re",  # the patterns look ahead, as JavaScript's of editors can too
    )


class Choice(Part):
    """A part of which exactly one field is given: it says which kind of thing it is."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise PydanticCustomError(
                "one_of",
                "exactly one of {names}",
                {"names": ", ".join(field.alias or name for name, field in type(self).model_fields.items())},
            )
        return self

    @property
    def chosen(self) -> str:
        """The field that is given, as Python spells it."""
        return next(iter(self.model_fields_set))


def whole(pattern: str) -> str:
    """A pattern of all of a text.

    Python's ``$`` also stands before a line break at the end, which every block of YAML (``|``) has; JavaScript's,
    of the editors that read the JSON Schema, does not know Python's ``\\Z``.
    """
    return rf"^{pattern}$(?!\n)"


_DURATION = whole(r"(?=.)([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?")
_SIZE = whole(r"[0-9]+ ?(KiB|MiB|GiB|TiB)")

Duration = Annotated[
    str,
    Field(
        pattern=_DURATION,
        description="A length of time: `30s`, `5m`, `1h30m`, `7d`, `250ms`.",
        examples=["5m", "1h30m"],
    ),
]
"""A length of time, the units in order: days, hours, minutes, seconds, milliseconds."""

Size = Annotated[
    str, Field(pattern=_SIZE, description="A size: `512MiB`, `2GiB`, `1TiB`.", examples=["2GiB"])
]
"""A size in KiB, MiB, GiB or TiB."""

Name = Annotated[str, Field(pattern=whole(r"[a-z][a-z0-9]*(-[a-z0-9]+)*"), max_length=40)]
"""Lower-case letters, digits and single hyphens, at most 40."""

KeyArn = Annotated[str, Field(pattern=whole(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+"))]
EncryptionKey = Annotated[
    str, Field(pattern=whole(r"(new|none|arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+)"))
]
TopicArn = Annotated[
    str, Field(pattern=whole(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}"))
]
TableArn = Annotated[
    str, Field(pattern=whole(r"arn:aws[a-z-]*:dynamodb:[a-z0-9-]+:[0-9]{12}:table/[A-Za-z0-9_.-]{3,255}"))
]
AlarmArn = Annotated[str, Field(pattern=whole(r"arn:aws[a-z-]*:cloudwatch:[a-z0-9-]+:[0-9]{12}:alarm:.+"))]
BucketName = Annotated[str, Field(pattern=whole(r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"))]

ObjectUri = Annotated[
    str,
    Field(
        pattern=whole(r"s3://(?![^/]*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/\S.*"),
        examples=["s3://models/fraud/model.tar.gz"],
    ),
]
"""``s3://bucket/key``."""

InstanceType = Annotated[str, Field(pattern=whole(r"ml\.[a-z0-9-]+\.[a-z0-9]+"), examples=["ml.m5.large"])]
Digest = Annotated[str, Field(pattern=whole(r"sha256:[0-9a-f]{64}"), examples=["sha256:" + "0" * 64])]

RepositoryPath = Annotated[
    str,
    Field(
        pattern=whole(r"(?!/)(?!.*(^|/)\.\.(/|$))[^\\]+"),
        description="A path below the folder with `deployments/`.",
    ),
]
"""A path in the repository: relative to the folder that holds ``deployments/``, and never out of it."""

_UNITS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_SIZES = {"KiB": 1, "MiB": 1024, "GiB": 1024**2, "TiB": 1024**3}


def milliseconds(duration: str) -> int:
    """A `Duration` in milliseconds."""
    parts = re.findall(r"([0-9]+)(ms|[dhms])", duration)
    return sum(int(count) * _UNITS[unit] for count, unit in parts)


def kibibytes(size: str) -> int:
    """A `Size` in KiB."""
    number = re.match(r"[0-9]+", size)
    return int(number[0] if number else 0) * _SIZES[size[-3:]]


def bucket_and_key(uri: str) -> tuple[str, str]:
    """An `ObjectUri` taken apart."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


_FLOATING = re.compile(r"(?i)null|latest|.*\s.*|", re.DOTALL)
"""What S3 gives no version as its id, or gives to what a bucket without versions overwrites:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/versioning-workflows.html"""


def refuse_floating(version_id: str | None) -> None:
    """Take a ``versionId`` for one only where it can be that of one version.

    :raises PydanticCustomError: when it pins nothing.
    """
    if version_id is not None and _FLOATING.fullmatch(version_id):
        raise PydanticCustomError(
            "floating",
            "the id that S3 gave one version: null is what an unversioned bucket overwrites",
            {"field": "versionId"},
        )
