"""The props of a `ModelOptimisation`, and their rules."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns

from ..core.checks import KEY_PREFIX, duration, kind, number, settled, standard_topics, text, whole_number
from ..core.instance_types import PATTERN, has_accelerators, has_local_storage, is_arm
from ..core.rules import API_REFERENCE, Broken, Rules
from ..core.s3_prefix import S3Prefix
from ..core.tokens import is_token
from ..model.data import ModelData, ModelDataPrefix
from ..model.image import ContainerImage
from ..model.network import network_props_go_together
from .held_out_set import HeldOutSet
from .quality import QualityMetric, Quantisation

_CREATE = API_REFERENCE + "API_CreateProcessingJob.html"
_CLUSTER = API_REFERENCE + "API_ProcessingClusterConfig.html"
_TOPICS = "https://docs.aws.amazon.com/sns/latest/dg/fifo-message-grouping.html"
_NAME = re.compile(r"(?=.{1,63}$)[a-z0-9]+(-[a-z0-9]+)*")
LIMITS_THE_MACHINE = "the machine's limit follows from it"
LONGEST_RUN = 86_400
DEFAULT_RUN = 3600


class StartsRollout(Protocol):
    """What brings a model to devices, such as an `EdgeFleet`."""

    @property
    def start_function(self) -> lambda_.IFunction:
        """Takes ``{"model": {"bucket", "key"}}`` and answers ``{"execution": arn}``."""

    def read_models_from(self, models: S3Prefix) -> None:
        """Let whatever publishes a model read the archives below a prefix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOptimisationProps:
    """The props of a `ModelOptimisation`, for its rules."""

    model: ModelData
    held_out: HeldOutSet
    metric: QualityMetric
    max_drop: float
    quantisation: Quantisation
    rollout: StartsRollout | None
    image: ContainerImage | None
    instance_type: str
    volume_gb: int
    max_runtime: cdk.Duration | None
    attempts: int
    golden_records: int
    output_bucket: s3.IBucket | None
    output_prefix: str | None
    encryption_key: kms.IKey | None
    volume_encryption_key: kms.IKey | None
    vpc: ec2.IVpc | None
    vpc_subnets: ec2.SubnetSelection | None
    security_groups: Sequence[ec2.ISecurityGroup] | None
    optimisation_name: str | None
    tags: Mapping[str, str]
    notify: Sequence[sns.ITopic]

    @property
    def longest_seconds(self) -> int:
        """How long a job may take, with its default applied."""
        return DEFAULT_RUN if self.max_runtime is None else int(self.max_runtime.to_seconds())


optimisation_rules = Rules[ModelOptimisationProps]()


@optimisation_rules.rule("SM-EDGE-063", source=_CREATE)
def model_is_one_archive(props: ModelOptimisationProps) -> Iterator[Broken]:
    """What is optimised is one archive, with a model in ONNX or an estimator of scikit-learn."""
    if isinstance(props.model, ModelDataPrefix):
        fix = "ModelData.from_bucket(…) or .from_asset(…)"
        yield Broken("model", "a prefix of objects", "one archive", fix)


@optimisation_rules.rule("SM-EDGE-064", source=_CREATE)
def limits_are_some(props: ModelOptimisationProps) -> Iterator[Broken]:
    """A drop of 0–1 is allowed; a job is tried 1–10 times; 1–100 records go along with the model."""
    yield from number("max_drop", props.max_drop, 0, 1)
    yield from whole_number("attempts", props.attempts, 1, 10)
    yield from whole_number("golden_records", props.golden_records, 1, 100)
    yield from duration("max_runtime", props.max_runtime, 60, LONGEST_RUN)
    yield from settled("max_runtime", props.max_runtime, LIMITS_THE_MACHINE)
    yield from settled("attempts", props.attempts, LIMITS_THE_MACHINE)
    yield from settled("max_drop", props.max_drop)


@optimisation_rules.rule("SM-EDGE-065", source=_CLUSTER)
def instance_fits(props: ModelOptimisationProps) -> Iterator[Broken]:
    """The job runs on a type ``ml.…`` with an x86 processor and no accelerator, and has 1–16,384 GB."""
    type = props.instance_type
    yield from text("instance_type", type, PATTERN, "a type such as ml.m5.large")
    yield from whole_number("volume_gb", props.volume_gb, 1, 16_384)
    if not isinstance(type, str) or is_token(type) or not PATTERN.fullmatch(type):
        return
    if has_accelerators(type):
        yield Broken(
            "instance_type", type, "one without accelerators, which the job does not use", "ml.m5.large"
        )
    if is_arm(type) and props.image is None:
        yield Broken("instance_type", type, "an x86 type: the image is built for it", "ml.m5.large")
    if props.volume_encryption_key is not None and has_local_storage(type):
        fix = "leave the key out: the instance encrypts its local storage itself"
        yield Broken("volume_encryption_key", "a key", f"none with {type}, which has local storage", fix)


@optimisation_rules.rule("SM-EDGE-066", source=_CREATE)
def output_has_a_place(props: ModelOptimisationProps) -> Iterator[Broken]:
    """Archives lie below a prefix without slashes at its ends and without apostrophes."""
    yield from text(
        "output_prefix", props.output_prefix, KEY_PREFIX, "a key prefix without slashes at its ends"
    )
    given = props.output_prefix
    if isinstance(given, str) and "'" in given:
        yield Broken("output_prefix", given, "no apostrophe: Step Functions quotes with it")


@optimisation_rules.rule("SM-EDGE-067", source=_TOPICS)
def topics_can_be_told(props: ModelOptimisationProps) -> Iterator[Broken]:
    """Failures are told to at most 5 topics, all of them standard ones."""
    yield from standard_topics("notify", props.notify)


@optimisation_rules.rule("SM-EDGE-068", source=API_REFERENCE + "API_VpcConfig.html")
def network_fits(props: ModelOptimisationProps) -> Iterator[Broken]:
    """Subnets and security groups go with a VPC."""
    yield from network_props_go_together(props)


@optimisation_rules.rule("SM-EDGE-069", source=_CREATE)
def name_and_tags_fit(props: ModelOptimisationProps) -> Iterator[Broken]:
    """A name has 1–63 lower-case letters, digits and single hyphens, known at synthesis; there are at most 49 tags."""
    yield from named("optimisation_name", props.optimisation_name)
    yield from few_tags(props.tags)
    yield from kind("held_out", props.held_out, HeldOutSet, optional=False, fix="HeldOutSet.from_asset(…)")


def named(name: str, given: object) -> Iterator[Broken]:
    """A name that jobs can begin with."""
    allowed = "1–63 lower-case letters, digits and single hyphens, with neither end a hyphen"
    yield from text(name, given, _NAME, allowed)
    if is_token(given):
        yield Broken(name, given, "a name that is known at synthesis: jobs begin with it")


def few_tags(tags: object) -> Iterator[Broken]:
    """At most 49, beside the one of Step Functions; SageMaker knows their characters."""
    if isinstance(tags, Mapping) and len(tags) > 49:
        yield Broken("tags", f"{len(tags)} tags", "at most 49")
