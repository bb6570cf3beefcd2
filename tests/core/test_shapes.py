"""Types at run time: what fits its annotation, what does not, and how it is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from enum import Enum
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_s3 as s3

from constructs_lib.core.shapes import Misfit, misfits
from tests.support.synth import a_bucket


class Colour(Enum):
    RED = "red"


@dataclass(frozen=True, kw_only=True)
class Props:
    """One field of each shape."""

    count: int = 1
    rate: float = 1.0
    name: str = "a"
    on: bool = True
    colour: Colour = Colour.RED
    maybe: int | None = None
    either: int | str = 1
    wait: cdk.Duration | None = None
    bucket: s3.IBucket | None = None
    vpc: ec2.IVpc | None = None
    names: Sequence[str] = ()
    labels: Mapping[str, str] | None = None
    anything: Any = None
    whatever: object = None


def found(**props: object) -> list[Misfit]:
    return list(misfits(Props(**props)))


def test_defaults_fit() -> None:
    assert found() == []


TOKEN, NUMBER = cdk.Fn.ref("Text"), cdk.Token.as_number({"Ref": "Number"})


FITTING: dict[str, dict[str, object]] = {
    "zero": {"count": 0},
    "a whole number for any": {"rate": 3},
    "one of two": {"either": "a"},
    "what may be none": {"maybe": 5},
    "a list": {"names": ["a", "b"]},
    "a tuple": {"names": ("a",)},
    "a mapping": {"labels": {"a": "b"}},
    "an object": {"wait": cdk.Duration.seconds(1)},
    "anything": {"anything": object(), "whatever": [float("nan")]},
    "tokens": {"count": NUMBER, "rate": NUMBER, "name": TOKEN, "maybe": NUMBER},
    "tokens inside": {"names": [TOKEN], "labels": {"a": TOKEN}},
    "a token for a mapping": {"labels": cdk.Token.as_any({"Ref": "Labels"})},
    "a token for a list": {"names": cdk.Token.as_list({"Ref": "Names"})},
}


@pytest.mark.parametrize("props", FITTING.values(), ids=FITTING.keys())
def test_what_fits_and_what_is_known_late_passes(props: dict[str, object]) -> None:
    assert found(**props) == []


@pytest.mark.parametrize(
    ("props", "where", "allowed"),
    [
        ({"count": True}, "count", "a whole number"),
        ({"count": 1.0}, "count", "a whole number"),
        ({"count": None}, "count", "a whole number"),
        ({"rate": float("inf")}, "rate", "a number"),
        ({"rate": "1"}, "rate", "a number"),
        ({"name": b"a"}, "name", "a string"),
        ({"on": 1}, "on", "True or False"),
        ({"colour": "red"}, "colour", "a Colour"),
        ({"maybe": "1"}, "maybe", "a whole number"),
        ({"either": 1.5}, "either", "a whole number or a string"),
        ({"wait": 5}, "wait", "a Duration"),
        ({"bucket": "artefacts"}, "bucket", "a Bucket"),
        ({"names": "ab"}, "names", "a list, of a string each"),
        ({"names": {"a"}}, "names", "a list, of a string each"),
        ({"names": ["a", 5]}, "names[1]", "a string"),
        ({"labels": ["a"]}, "labels", "a mapping of a string to a string"),
        ({"labels": {"a": 5}}, "labels['a']", "a string"),
        ({"labels": {5: "a"}}, "labels", "a string"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_told_with_where_and_what_is_allowed(
    props: dict[str, object], where: str, allowed: str
) -> None:
    ((place, _given, wanted),) = found(**props)
    assert (place, wanted) == (where, allowed)


def test_an_interface_of_the_cdk_is_known_by_what_it_offers(stack: cdk.Stack) -> None:
    bucket = a_bucket(stack)
    assert found(bucket=bucket) == []
    assert [where for where, *_ in found(vpc=bucket)] == ["vpc"]
    assert found(bucket=s3.Bucket(stack, "Made"), vpc=ec2.Vpc(stack, "Vpc", nat_gateways=0)) == []


def test_every_misfit_is_told_and_what_was_given_with_it() -> None:
    everything = {field.name: float("nan") for field in fields(Props)}
    told = {where for where, given, _ in found(**everything) if given is everything[where]}
    assert told == set(everything) - {"anything", "whatever"}


def test_what_is_no_dataclass_has_no_shape() -> None:
    assert list(misfits(5)) == []
