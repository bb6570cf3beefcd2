"""Each rule of multi-model endpoints and of the models they are given."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import count

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam

from constructs_lib import (
    AutoScaling,
    Container,
    ContainerImage,
    HostedModel,
    ModelData,
    ModelDataPrefix,
    MultiModel,
    MultiModelEndpoint,
)
from tests.support.advice import Advised, warnings
from tests.support.refusals import (
    WRONG_OBJECTS,
    WRONG_SWITCHES,
    WRONG_TEXTS,
    Refusal,
    WrongType,
    as_parameters,
    refused,
    sole_violation,
    wrong_types,
)
from tests.support.synth import ACCOUNT, IMAGE_URI, a_bucket, fresh_app

PACKAGE = f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:model-package/fraud/3"
ids = count()


@cache
def scope() -> cdk.Stack:
    return cdk.Stack(fresh_app(), "Many")


@cache
def user() -> iam.User:
    return iam.User(scope(), "User")


@cache
def a_prefix(prefix: str = "models/") -> ModelDataPrefix:
    return ModelData.from_prefix(a_bucket(scope(), f"Bucket{next(ids)}"), prefix)


@cache
def archive(key: str = "churn/1.4.2/model.tar.gz") -> ModelData:
    return ModelData.from_bucket(a_bucket(scope(), f"Bucket{next(ids)}"), key)


IMAGE = ContainerImage.from_uri(IMAGE_URI)


def published(**props: object) -> Container:
    return Container(image=ContainerImage.framework("pytorch", version="2.0", py_version="py310", **props))


def endpoint(**props: object) -> MultiModelEndpoint:
    given = {"container": Container(image=IMAGE), "instance_type": "ml.m5.large", "models": a_prefix()}
    return MultiModelEndpoint(scope(), f"Endpoint{next(ids)}", **{**given, **props})


@cache
def hosting(prefix: str = "models/") -> MultiModelEndpoint:
    return endpoint(models=a_prefix(prefix))


def added(name: object = "", prefix: str = "models/", **props: object) -> HostedModel:
    given = {"name": name or f"model-{next(ids)}", "data": archive()}
    return hosting(prefix).add_model(**{**given, **props})


def named(name: object) -> Callable[[], object]:
    return lambda: hosting().add_model(name, archive())


@cache
def taken() -> MultiModelEndpoint:
    made = endpoint(models=a_prefix("taken/"))
    made.add_model("team/churn", archive())
    return made


def twice() -> None:
    """The same model, placed by two endpoints that share a prefix."""
    one, two = (endpoint(models=a_prefix("shared/")) for _ in range(2))
    for each in (one, two):
        if "churn" not in each.hosted_models:
            each.add_model("churn", archive())


def token() -> str:
    return cdk.Fn.ref("Parameter")


SPELLED = "1–200 letters, digits and !_.'()-"
WRONG_NAMES = [
    *("", "/", "/a", "a/", "a//b", ".", "..", "...", "a/..", "../a", "a/../b", "a/./b", "a b", "a\n", "a\\b"),
    *("é", "モデル", "a?b", "a#b", "a%2Fb", "a*", "*", "a" * 201, "s3://a/b"),
]
PROTOTYPE = ("constructor", "toString", "__proto__", "hasOwnProperty")

REFUSALS = [
    *(Refusal("SM-MULTIMODEL-001", named(name), "name", name, SPELLED) for name in WRONG_NAMES),
    *(Refusal("SM-MULTIMODEL-001", named(name), "name", name, "JavaScript") for name in PROTOTYPE),
    *(
        Refusal(
            "SM-MULTIMODEL-001", lambda name=name: taken().add_model(name, archive()), "name", name, "own"
        )
        for name in ("team/churn", "team--churn")
    ),
    Refusal(
        "SM-MULTIMODEL-001",
        lambda: added("a" * 100, prefix=f"{'p' * 900}/"),
        "name",
        "a" * 100,
        "with the prefix at most 950 bytes",
    ),
    Refusal(
        "SM-MULTIMODEL-001", lambda: added("abc", prefix=f"{'é' * 470}/"), "name", "abc", "at most 950 bytes"
    ),
    Refusal("SM-MULTIMODEL-002", lambda: added(data="m.tar.gz"), "data", "m.tar.gz", "one archive"),
    Refusal("SM-MULTIMODEL-002", lambda: added(data=None), "data", None, "one archive"),
    Refusal("SM-MULTIMODEL-002", lambda: added(data=a_prefix()), "data", a_prefix(), "one archive"),
    Refusal(
        "SM-MULTIMODEL-007",
        lambda: added(removal_policy=cdk.RemovalPolicy.SNAPSHOT),
        "removal_policy",
        cdk.RemovalPolicy.SNAPSHOT,
        "RemovalPolicy.DESTROY or .RETAIN",
    ),
    Refusal(
        "SM-MULTIMODEL-004",
        lambda: endpoint(container=Container(image=IMAGE, data=archive())),
        "container.data",
        archive(),
        "nothing",
    ),
    Refusal(
        "SM-MULTIMODEL-004",
        lambda: endpoint(container=Container.from_model_package(PACKAGE)),
        "container.image",
        None,
        "a model package is one model",
    ),
    Refusal(
        "SM-MULTIMODEL-005",
        lambda: endpoint(container=published(processor="gpu"), instance_type="ml.g5.xlarge"),
        "instance_type",
        "ml.g5.xlarge",
        "without GPUs",
    ),
    Refusal(
        "SM-MULTIMODEL-011",
        lambda: endpoint(container=Container(image=IMAGE, data=a_prefix())),
        "container",
        "uncompressed model data",
        "each model is a .tar.gz",
    ),
    Refusal("SM-CONTAINER-005", lambda: endpoint(code="nowhere"), "code", "nowhere", "an existing folder"),
    Refusal(
        "SM-SCALING-010",
        lambda: endpoint(
            instance_count=1, scaling=AutoScaling(min_capacity=0, max_capacity=2, cpu_utilization=50)
        ),
        "scaling.min_capacity",
        0,
        "at least 1",
    ),
    *(
        Refusal(
            "SM-ENDPOINT-011",
            lambda target=target: hosting().grants.invoke(user(), target_model=target),
            "target_model",
            target,
            "at least one pattern",
        )
        for target in ([], (), "", [""], ["a", ""], [None], [5], 5, True, {}, {"a": 1})
    ),
]


@pytest.mark.parametrize("refusal", as_parameters(REFUSALS))
def test_a_broken_rule_is_named_with_what_was_given_and_what_is_allowed(refusal: Refusal) -> None:
    refusal.check()


def test_a_key_known_late_cannot_be_pinned() -> None:
    late = ModelData.from_bucket(a_bucket(scope(), "Late"), token())
    violation = sole_violation(lambda: added(data=late))
    assert violation.rule == "SM-MULTIMODEL-003"
    assert (violation.property, violation.allowed) == ("data", "a key known at synthesis")
    assert violation.fix == "pinned=False"


def test_the_same_place_twice_is_refused() -> None:
    violation = sole_violation(twice)
    assert violation.rule == "SM-MULTIMODEL-006"
    assert violation.property == "name"


def test_a_name_known_late_is_refused_since_callers_could_not_spell_it() -> None:
    assert sole_violation(named(token())).rule == "SM-MULTIMODEL-001"


def test_a_container_with_models_of_its_own_is_told_of_both() -> None:
    given = Container(image=IMAGE, data=a_prefix(), multi_model=MultiModel(cache=False))
    error = refused(lambda: endpoint(container=given))
    assert [each.property for each in error.violations] == ["container.data", "container.multi_model"]


def test_all_that_is_wrong_with_a_model_is_told_at_once_with_the_endpoints_path() -> None:
    error = refused(lambda: hosting().add_model("..", "x", pinned="no", removal_policy="retain"))
    assert {each.property for each in error.violations} == {"name", "data", "pinned", "removal_policy"}
    assert error.path == hosting().node.path


def test_what_is_wrong_with_endpoint_model_and_variant_is_told_at_once_and_leaves_nothing() -> None:
    before = len(scope().node.children)
    error = refused(
        lambda: MultiModelEndpoint(
            scope(),
            "Broken",
            container=Container(image=IMAGE, data=archive()),
            instance_type="large",
            cache="yes",
            security_groups=[],
            endpoint_name="_",
        )
    )
    assert error.path == "Many/Broken"
    assert {"SM-MULTIMODEL-004", "SM-MODEL-003", "SM-VARIANT-003", "SM-ENDPOINT-003"} <= set(error.rules)
    assert "cache" in {each.property for each in error.violations}
    assert len(scope().node.children) == before


ACCEPTED: dict[str, Callable[[], object]] = {
    "a name of 200 characters": lambda: added("a" * 200),
    "a name of three segments": lambda: added("eu/team-a/churn"),
    "all the signs": lambda: added("!_.'()-"),
    "a hidden name": lambda: added(".churn"),
    "a place of 950 bytes": lambda: added("abc", prefix=f"{'p' * 922}/"),
    "a prefix known late": lambda: added(prefix=token()),
    "a list token of patterns": lambda: hosting().grants.invoke(
        user(), target_model=cdk.Token.as_list(cdk.Fn.ref("List"))
    ),
    "GPUs with an image of yours": lambda: endpoint(instance_type="ml.g5.xlarge"),
    "an instance type known late": lambda: endpoint(container=published(), instance_type=token()),
    "a framework on CPUs": lambda: endpoint(container=published()),
}


@pytest.mark.parametrize("accepted", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_what_is_just_allowed_passes(accepted: Callable[[], object]) -> None:
    assert accepted() is not None


@pytest.mark.parametrize(
    "wrong",
    [
        *wrong_types(
            endpoint,
            "endpoint",
            container=(None, *WRONG_OBJECTS),
            instance_type=(None, *WRONG_TEXTS),
            models=WRONG_OBJECTS,
            cache=WRONG_SWITCHES,
            code=("nowhere", *WRONG_TEXTS),
            network_isolation=WRONG_SWITCHES,
            role=WRONG_OBJECTS,
            vpc=WRONG_OBJECTS,
        ),
        *wrong_types(
            added,
            "model",
            data=(None, *WRONG_OBJECTS),
            pinned=WRONG_SWITCHES,
            removal_policy=("retain", "RETAIN", None, 0, True),
        ),
        *wrong_types(lambda name: hosting().add_model(name, archive()), "model", name=(None, *WRONG_TEXTS)),
    ],
)
def test_a_wrong_type_is_refused_for_its_property(wrong: WrongType) -> None:
    wrong.check()


def unpinned(stack: cdk.Stack) -> MultiModelEndpoint:
    made = MultiModelEndpoint(
        stack,
        "Endpoint",
        container=Container(image=IMAGE),
        instance_type="ml.m5.large",
        models=ModelData.from_prefix(a_bucket(stack), "models/"),
    )
    made.add_model("churn", ModelData.from_bucket(made.models.bucket, "1.4.2/m.tar.gz"), pinned=False)
    return made


def mutable(stack: cdk.Stack) -> MultiModelEndpoint:
    made = unpinned(stack)
    made.add_model("fraud", ModelData.from_bucket(made.models.bucket, "latest/m.tar.gz"))
    return made


ADVISED = [
    Advised("SM-MULTIMODEL-101", unpinned, "model 'churn': instances may go on serving"),
    Advised("SM-DATA-101", mutable, "the artefact at key 'latest/m.tar.gz' can be overwritten"),
]


@pytest.mark.parametrize("advised", ADVISED, ids=lambda advised: advised.id)
def test_advice_is_given_and_can_be_acknowledged(advised: Advised) -> None:
    advised.check()


def test_a_pinned_model_is_silent() -> None:
    def pinned(stack: cdk.Stack) -> MultiModelEndpoint:
        made = MultiModelEndpoint(
            stack, "Endpoint", container=Container(image=IMAGE), instance_type="ml.m5.large"
        )
        made.add_model("churn", ModelData.from_bucket(a_bucket(stack), "1.4.2/m.tar.gz"))
        return made

    assert warnings(pinned) == []
