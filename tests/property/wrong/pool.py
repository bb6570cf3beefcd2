"""What is wrong somewhere, and what the tables of right values share."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2

from constructs_lib import Adjustment, Container, Rollback, RoutingStrategy

from ..kinds import Accepts, a, duration, flag, like, listed, nothing, optional, text, whole
from ..made import Made
from ..surroundings import IMAGES, SECURITY_GROUPS, VPC

POOL: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 3, 60, 101, 2**31, 10**400, 0.5, -0.5, 1e308, 1.5),
    *(float("nan"), float("inf"), float("-inf"), Decimal(1), 1j),
    *("", " ", "a", "1", "-a", "a-", "a b", "a\nb", "\0", "x" * 5_000, "größe", "日本", "🙂", "${x}", "../x"),
    *(b"bytes", [], [None], [[]], ["a"], [1], ["a"] * 40, (), (None,), {}, {"a": None}, {"a": 1}, {1: "a"}),
    *(set(), {"a"}, range(3), object(), int, len, Path("x"), Adjustment, RoutingStrategy.RANDOM),
    Made(cdk.Duration.seconds, (0,)),
    Made(cdk.Duration.seconds, (7,)),
    Made(cdk.Duration.millis, (61_500,)),
    Made(cdk.Duration.days, (400,)),
    Made(cdk.Size.kibibytes, (1,)),
    Made(cdk.Size.gibibytes, (0,)),
    Made(cdk.Size.tebibytes, (9,)),
    Made(Rollback),
)
"""Values that are wrong for most properties: kinds, ends of ranges, emptiness, size, script, nesting."""

Property = tuple[Any, Accepts]
"""A right value, and what else may be right."""

Subject = tuple[str, Any, dict[str, Property]]
"""A label, what is called, and with what."""

NAME = r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"
TYPE = r"ml\.[a-z0-9-]+\.[a-z0-9-]+"
PREFIX = r"[A-Za-z0-9!_.*'()/-]{1,400}"
CAPACITY = 10_000

MINUTE = Made(cdk.Duration.minutes, (1,))
IMAGE = IMAGES[0]
CONTAINER = Made(Container, given={"image": IMAGE})

NAMED_ENDPOINT: dict[str, Property] = {
    "endpoint_name": (None, optional(text(NAME))),
    "parameter_name": (None, optional(text(r"[A-Za-z0-9_./-]{1,1011}"))),
}
STARTING: dict[str, Property] = {
    "download_timeout": (None, optional(duration(60, 3600))),
    "startup_timeout": (None, optional(duration(60, 3600))),
}
INSTANCE_COUNT = (None, optional(whole(1, CAPACITY)))
ROLE = (None, optional(like("role_arn")))
NETWORK_ISOLATION: dict[str, Property] = {"network_isolation": (False, flag)}
IN_NO_NETWORK: dict[str, Property] = {
    "vpc": (None, optional(like("vpc_id"))),
    "vpc_subnets": (None, nothing),
    "security_groups": (None, nothing),
    **NETWORK_ISOLATION,
}
IN_A_NETWORK: dict[str, Property] = {
    "vpc": (VPC, like("vpc_id")),
    "vpc_subnets": (Made(ec2.SubnetSelection), optional(a(ec2.SubnetSelection))),
    "security_groups": (SECURITY_GROUPS, optional(listed(like("security_group_id"), 1, 5))),
    **NETWORK_ISOLATION,
}
NAMED_CONTAINERS = [Made(Container, given={"image": IMAGE, "hostname": name}) for name in ("pre", "post")]
