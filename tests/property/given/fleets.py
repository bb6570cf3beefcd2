"""Strategies for the kinds of endpoints with one variant: asynchronous, pipelines, multi-model, serverless."""

from __future__ import annotations

import aws_cdk as cdk
from hypothesis import strategies as st

from constructs_lib import (
    AsyncEndpoint,
    AsyncInput,
    AsyncOutput,
    Container,
    InferencePipeline,
    MultiModelEndpoint,
    ServerlessEndpoint,
)

from .. import surroundings
from ..made import Made
from .basics import SWITCHES, call, maybe, properties, some
from .hosting import FLEET, KEYS, NAMED, PROCESSOR_TYPES, TYPE_TOKENS, TYPES, fewest_of, first_count, sized
from .models import (
    ARCHIVES,
    ENVIRONMENTS,
    IMAGES,
    LONE_CONTAINERS,
    LONE_MODELS,
    PREFIXES,
    SURROUNDED,
    in_a_row,
    models,
)
from .rollouts import ROLLBACKS, WITHOUT_LATENCY, rollouts
from .scaling import OF_INSTANCES, OF_PROVISIONED, OF_QUEUES, scalings

PREFIXES_OF_KEYS = st.sampled_from(["async", "a/b-c/d.e", "team_1/(new)!"])
BUCKETS = st.sampled_from([None, surroundings.ARTEFACTS])
INPUTS = some(AsyncInput, bucket=maybe(BUCKETS), prefix=maybe(PREFIXES_OF_KEYS))


@st.composite
def outputs(draw: st.DrawFn) -> Made:
    """An answer is included only where there is a topic to tell."""
    given = draw(
        properties(
            bucket=maybe(BUCKETS),
            prefix=maybe(PREFIXES_OF_KEYS),
            failure_prefix=maybe(st.just("async/failures")),
            encryption_key=maybe(KEYS),
            success_topic=maybe(st.sampled_from(surroundings.TOPICS)),
            error_topic=maybe(st.sampled_from(surroundings.TOPICS)),
        )
    )
    for what in ("success", "error"):
        if f"{what}_topic" in given:
            given[f"include_response_in_{what}"] = draw(SWITCHES)
    return Made(AsyncOutput, given=given)


_WAITING = st.sampled_from(surroundings.LONE_MODELS) | models(
    properties(container=LONE_CONTAINERS | some(Container, image=IMAGES, data=PREFIXES)), SURROUNDED
)
"""Models of one container, anywhere."""


@st.composite
def asynchronous_endpoints(draw: st.DrawFn) -> Made:
    size = draw(sized(scalings(OF_QUEUES, least=0)))
    fewest = fewest_of([first_count(size)])
    rest = draw(
        some(
            AsyncEndpoint,
            model=_WAITING,
            instance_type=TYPES | TYPE_TOKENS,
            input=maybe(INPUTS),
            output=maybe(outputs()),
            max_concurrent_invocations_per_instance=maybe(st.integers(1, 1000)),
            rollout=maybe(rollouts(variants=1, fewest=fewest, rollbacks=WITHOUT_LATENCY)),
            **FLEET,
        )
    )
    return Made(AsyncEndpoint, given={**size, **rest.given})


@st.composite
def pipelines(draw: st.DrawFn) -> Made:
    size = draw(sized(scalings(OF_INSTANCES)))
    rest = draw(
        some(
            InferencePipeline,
            instance_type=TYPES | TYPE_TOKENS,
            rollout=maybe(rollouts(variants=1, fewest=fewest_of([first_count(size)]), rollbacks=ROLLBACKS)),
            **FLEET,
        )
    )
    return Made(InferencePipeline, given={**draw(in_a_row(4)), **draw(SURROUNDED), **size, **rest.given})


MODEL_NAMES = st.lists(
    st.sampled_from(["churn", "team-a/churn", "team-a/fraud", "team-b/v1.2/fraud", "a!_.'()-"]),
    max_size=3,
    unique=True,
)
_SHARED_CONTAINERS = some(Container, image=IMAGES, environment=maybe(ENVIRONMENTS))


@st.composite
def multi_model_endpoints(draw: st.DrawFn) -> Made:
    size = draw(sized(scalings(OF_INSTANCES)))
    container = draw(_SHARED_CONTAINERS)
    # GPUs only for images that were made for it.
    own = container.given["image"] is surroundings.OWN_IMAGE
    rest = draw(
        some(
            MultiModelEndpoint,
            instance_type=TYPES if own else PROCESSOR_TYPES | TYPE_TOKENS,
            models=maybe(PREFIXES),
            cache=maybe(SWITCHES),
            code=maybe(st.just(surroundings.CODE)),
            rollout=maybe(rollouts(variants=1, fewest=fewest_of([first_count(size)]))),
            **FLEET,
        )
    )
    given = {"container": container, **draw(SURROUNDED), **size, **rest.given}
    return Made(MultiModelEndpoint, given=given, then=tuple(draw(_added(name)) for name in draw(MODEL_NAMES)))


def _added(name: str) -> st.SearchStrategy[Made]:
    return some(
        MultiModelEndpoint.add_model,
        name=st.just(name),
        data=ARCHIVES,
        pinned=maybe(SWITCHES),
        removal_policy=maybe(st.sampled_from([cdk.RemovalPolicy.DESTROY, cdk.RemovalPolicy.RETAIN])),
    )


@st.composite
def serverless_endpoints(draw: st.DrawFn) -> Made:
    most = draw(st.integers(1, 200))
    scaling = draw(st.none() | scalings(OF_PROVISIONED, most=most))
    given = draw(
        some(
            ServerlessEndpoint,
            model=LONE_MODELS,
            memory=maybe(st.integers(1, 6).map(lambda count: call(cdk.Size.gibibytes, count))),
            **NAMED,
        )
    ).given
    given = {**given, "max_concurrency": most, **({} if scaling is None else {"scaling": scaling})}
    low, high = (
        (1, most) if scaling is None else (scaling.given["min_capacity"], scaling.given["max_capacity"])
    )
    if draw(SWITCHES):
        given["provisioned_concurrency"] = draw(st.integers(low, high if isinstance(high, int) else most))
    return Made(ServerlessEndpoint, given=given)
