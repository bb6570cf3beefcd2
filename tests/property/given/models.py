"""Strategies for models and their containers, and for the network they stand in."""

from __future__ import annotations

from typing import Any

from aws_cdk import aws_ec2 as ec2
from hypothesis import strategies as st

from constructs_lib import Container, Model, ModelData, MultiModel

from .. import surroundings
from ..made import Made
from .basics import SWITCHES, Strategy, maybe, properties, some

IMAGES = st.sampled_from(surroundings.IMAGES)
ENVIRONMENTS = st.sampled_from([{}, {"LOG_LEVEL": "debug"}, {"GRUSS": "größe 日本", "EMPTY": ""}])

ARCHIVES = (
    some(
        ModelData.from_bucket,
        bucket=st.just(surroundings.ARTEFACTS),
        key=st.sampled_from(["fraud/1.0.0/model.tar.gz", "größe/2.1.0/m.tar.gz"]),
        version=maybe(st.sampled_from(["3", "a1b2c3"])),
    )
    # An asset is packed each time: now and then is enough.
    | st.just(surroundings.ASSET)
)
PREFIXES = some(
    ModelData.from_prefix,
    bucket=st.just(surroundings.ARTEFACTS),
    prefix=st.sampled_from(["llm/1.0.0/", "models/"]),
    version=maybe(st.just("7")),
)
MULTI_MODELS = some(MultiModel, cache=maybe(SWITCHES), code=maybe(st.just(surroundings.CODE)))

LONE_CONTAINERS = some(Container, image=IMAGES, data=maybe(ARCHIVES), environment=maybe(ENVIRONMENTS)) | some(
    Container,
    model_package=st.just(f"arn:aws:sagemaker:us-east-1:{surroundings.ACCOUNT}:model-package/fraud/1"),
    environment=maybe(ENVIRONMENTS),
)
"""What every kind of endpoint serves."""

CONTAINERS = (
    LONE_CONTAINERS
    | some(Container, image=IMAGES, data=PREFIXES)
    | some(Container, image=IMAGES, data=PREFIXES, multi_model=MULTI_MODELS)
)
"""Those that only endpoints on instances serve among them."""


@st.composite
def in_a_row(draw: st.DrawFn, most: int = 3) -> dict[str, Any]:
    """Containers that answer one after the other, or, if they have hostnames, each by itself."""
    row = draw(st.lists(LONE_CONTAINERS, min_size=2, max_size=most))
    direct = draw(st.sampled_from([True, False, None]))
    if direct is None:
        return {"containers": row}
    named = [
        Made(each.factory, given={**each.given, "hostname": f"step-{index}"})
        for index, each in enumerate(row)
    ]
    return {"containers": named, "direct_invocation": direct}


ROLES = st.sampled_from(surroundings.ROLES)
_SUBNETS = st.sampled_from([ec2.SubnetType.PRIVATE_WITH_EGRESS, ec2.SubnetType.PRIVATE_ISOLATED])
NETWORKS = st.just({}) | properties(
    vpc=st.just(surroundings.VPC),
    vpc_subnets=maybe(_SUBNETS.map(lambda type: Made(ec2.SubnetSelection, given={"subnet_type": type}))),
    security_groups=maybe(
        st.lists(st.sampled_from(surroundings.SECURITY_GROUPS), min_size=1, unique_by=repr)
    ),
)
"""Where containers stand: SageMaker's network, or a VPC."""

SURROUNDED = st.builds(
    lambda network, rest: {**network, **rest},
    NETWORKS,
    properties(role=maybe(ROLES), network_isolation=maybe(SWITCHES)),
)
"""Network, isolation and role."""


def models(containers: Strategy, around: Strategy) -> Strategy:
    """Models of their own, of what `containers` gives."""
    return st.builds(
        lambda id, served, more: Made(Model, (surroundings.STACK, f"Model-{id}"), {**served, **more}),
        st.uuids(),
        containers,
        around,
    )


LONE_MODELS = st.sampled_from(surroundings.LONE_MODELS) | models(
    properties(container=LONE_CONTAINERS), properties(role=maybe(ROLES))
)
"""One container and one archive, in SageMaker's network: what serverless endpoints and components serve."""

MODELS = (
    st.sampled_from(surroundings.MODELS)
    | LONE_MODELS
    | models(properties(container=CONTAINERS), SURROUNDED)
    | models(in_a_row(), SURROUNDED)
)
"""What real-time endpoints serve."""
