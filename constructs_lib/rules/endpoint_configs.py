"""Endpoint configurations: their variants, and what is captured of them."""

from __future__ import annotations

from collections.abc import Iterator

from ..core import instance_types
from ..core.catalogue import API_REFERENCE, Broken, listed
from ..core.limits import (
    AMI_PATTERN,
    ASYNC_CONCURRENCY,
    CONTENT_TYPE,
    MAX_CAPACITY,
    MAX_CONTENT_TYPES,
    MAX_SECURITY_GROUPS,
    MAX_SUBNETS,
    MAX_VARIANTS,
    METRIC_INTERVALS,
    NAME_ALLOWED,
    NAME_PATTERN,
    SAMPLING_PERCENT,
    STARTUP_SECONDS,
    VOLUME_GIB,
)
from .checks import at_most, counted, in_order, least, matching, whole, within
from .links import (
    ENDPOINT_CONFIG,
    Variant,
    containers,
    endpoints_on,
    is_multi_model,
    production,
    target_of,
    variants,
)
from .registry import template_rule
from .template import Resource

listed(
    id="SM-TEMPLATE-002",
    summary="A variant runs serverless or on instances, not both.",
    source=API_REFERENCE + "API_ProductionVariant.html",
)
listed(
    id="SM-TEMPLATE-003",
    summary="Managed instance scaling is for inference components: the variant has no model, the configuration a role.",
    source=API_REFERENCE + "API_ProductionVariantManagedInstanceScaling.html",
)
listed(
    id="SM-TEMPLATE-004",
    summary="A serverless endpoint is not asynchronous.",
    source="https://docs.aws.amazon.com/sagemaker/latest/dg/model-deploy-feature-matrix.html",
)


@template_rule("SM-ENDPOINT-002", ENDPOINT_CONFIG)
def _few_distinct_variants(config: Resource) -> Iterator[Broken]:
    yield from counted(config["ProductionVariants"], (1, MAX_VARIANTS), "variants")
    names = [each["VariantName"].text for each in production(config)]
    for variant in production(config):
        name = variant["VariantName"]
        if name.text is not None and names.count(name.text) > 1:
            yield Broken(name.path, name.text, "a name of its own for each variant")


@template_rule("SM-ENDPOINT-004", ENDPOINT_CONFIG)
def _someone_takes_the_traffic(config: Resource) -> Iterator[Broken]:
    weights = [each["InitialVariantWeight"].number for each in production(config)]
    if weights and config["ProductionVariants"].all_known and all(weight == 0 for weight in weights):
        where = production(config)[0]["InitialVariantWeight"].path
        yield Broken(where, 0, "a weight above 0 for at least one variant")


@template_rule("SM-ENDPOINT-007", ENDPOINT_CONFIG)
def _interval_is_offered(config: Resource) -> Iterator[Broken]:
    every = config.properties.at("MetricsConfig", "MetricPublishFrequencyInSeconds")
    if every.number is not None and every.number not in METRIC_INTERVALS:
        yield Broken(every.path, every.value, f"one of {', '.join(map(str, METRIC_INTERVALS))} seconds")


@template_rule("SM-VARIANT-001", ENDPOINT_CONFIG)
def _variant_name(config: Resource) -> Iterator[Broken]:
    for variant in variants(config):
        yield from matching(variant["VariantName"], NAME_PATTERN, NAME_ALLOWED)


@template_rule("SM-VARIANT-002", ENDPOINT_CONFIG)
def _variant_serves_a_model(config: Resource) -> Iterator[Broken]:
    for variant in variants(config):
        model = variant["ModelName"]
        # Without a model it is a place for inference components, whose configuration has the role.
        if model.absent and config["ExecutionRoleArn"].absent:
            yield Broken(model.path, None, "a model; for inference components an ExecutionRoleArn")


@template_rule("SM-VARIANT-003", ENDPOINT_CONFIG)
def _instance_type_is_one(config: Resource) -> Iterator[Broken]:
    allowed = "ml.<family>.<size>, such as ml.m5.large"
    for variant in variants(config):
        type = variant["InstanceType"]
        yield from matching(type, instance_types.PATTERN, allowed)
        if type.absent and variant["ServerlessConfig"].absent and variant["InstancePools"].absent:
            yield Broken(type.path, None, f"{allowed}, or a ServerlessConfig")


@template_rule("SM-VARIANT-004", ENDPOINT_CONFIG)
def _numbers_fit(config: Resource) -> Iterator[Broken]:
    for variant in variants(config):
        if variant["ManagedInstanceScaling"].absent:
            yield from whole(variant["InitialInstanceCount"], (1, MAX_CAPACITY))
        yield from least(variant["InitialVariantWeight"], 0)
        yield from whole(variant["VolumeSizeInGB"], VOLUME_GIB)


@template_rule("SM-VARIANT-005", ENDPOINT_CONFIG)
def _timeouts_fit(config: Resource) -> Iterator[Broken]:
    for variant in variants(config):
        yield from whole(variant["ModelDataDownloadTimeoutInSeconds"], STARTUP_SECONDS)
        yield from whole(variant["ContainerStartupHealthCheckTimeoutInSeconds"], STARTUP_SECONDS)


@template_rule("SM-VARIANT-006", ENDPOINT_CONFIG)
def _ami_is_one(config: Resource) -> Iterator[Broken]:
    for variant in variants(config):
        allowed = "a name such as al2-ami-sagemaker-inference-gpu-2"
        yield from matching(variant["InferenceAmiVersion"], AMI_PATTERN, allowed)


@template_rule("SM-VARIANT-007", ENDPOINT_CONFIG)
def _burstable_does_not_scale(config: Resource) -> Iterator[Broken]:
    for variant in production(config):
        type = variant.type
        if type is not None and instance_types.is_burstable(type) and target_of(variant) is not None:
            where = variant["InstanceType"].path
            yield Broken(where, type, "a type that is not burstable, since it scales", "ml.m5.large, for one")


@template_rule("SM-VARIANT-008", ENDPOINT_CONFIG)
def _initial_count_within_bounds(config: Resource) -> Iterator[Broken]:
    for variant in production(config):
        target = target_of(variant)
        if target is not None and not variant.serverless:
            low, high = target["MinCapacity"].number, target["MaxCapacity"].number
            # An endpoint never starts with no instance, also where it may come down to none.
            yield from within(
                variant["InitialInstanceCount"],
                None if low is None else max(low, 1) if low == 0 else low,
                high,
                "the scaling's bounds",
            )


@template_rule("SM-TEMPLATE-002", ENDPOINT_CONFIG)
def _serverless_or_on_instances(config: Resource) -> Iterator[Broken]:
    for variant in variants(config):
        for name in ("InstanceType", "InitialInstanceCount"):
            if variant.serverless and variant[name].known:
                where = variant[name]
                yield Broken(where.path, where.value, "nothing beside ServerlessConfig")


@template_rule("SM-TEMPLATE-003", ENDPOINT_CONFIG)
def _managed_scaling_is_for_components(config: Resource) -> Iterator[Broken]:
    for variant in variants(config):
        if (
            not variant["ManagedInstanceScaling"].known
            or variant["ManagedInstanceScaling"]["Status"].text == "DISABLED"
        ):
            continue
        model = variant["ModelName"]
        if model.sure:
            given = model.text if model.text is not None else "a model"
            yield Broken(model.path, given, "nothing: inference components bring the models")
        elif model.absent and config["ExecutionRoleArn"].absent:
            yield Broken("ExecutionRoleArn", None, "the role that the components run under")


@template_rule("SM-TEMPLATE-004", ENDPOINT_CONFIG)
def _serverless_answers_at_once(config: Resource) -> Iterator[Broken]:
    if config["AsyncInferenceConfig"].known and any(each.serverless for each in production(config)):
        yield Broken(
            "AsyncInferenceConfig", "an asynchronous endpoint", "nothing beside a serverless variant"
        )


@template_rule("SM-COMPONENT-001", ENDPOINT_CONFIG)
def _managed_bounds(config: Resource) -> Iterator[Broken]:
    for variant in variants(config):
        scaling = variant["ManagedInstanceScaling"]
        low, high = scaling["MinInstanceCount"], scaling["MaxInstanceCount"]
        yield from least(low, 0)
        yield from least(high, 1)
        yield from in_order(low, high)


@template_rule("SM-COMPONENT-002", ENDPOINT_CONFIG)
def _initial_count_within_managed_bounds(config: Resource) -> Iterator[Broken]:
    for variant in variants(config):
        scaling = variant["ManagedInstanceScaling"]
        low, high = scaling["MinInstanceCount"].number, scaling["MaxInstanceCount"].number
        yield from within(variant["InitialInstanceCount"], low, high, "the bounds of managed scaling")


@template_rule("SM-COMPONENT-003", ENDPOINT_CONFIG)
def _network_of_a_fleet(config: Resource) -> Iterator[Broken]:
    yield from counted(config.properties.at("VpcConfig", "Subnets"), (1, MAX_SUBNETS), "subnets")
    groups = config.properties.at("VpcConfig", "SecurityGroupIds")
    yield from counted(groups, (1, MAX_SECURITY_GROUPS), "groups")


@template_rule("SM-CAPTURE-001", ENDPOINT_CONFIG)
def _sampling_is_a_percentage(config: Resource) -> Iterator[Broken]:
    yield from whole(config.properties.at("DataCaptureConfig", "InitialSamplingPercentage"), SAMPLING_PERCENT)


@template_rule("SM-CAPTURE-002", ENDPOINT_CONFIG)
def _something_is_captured(config: Resource) -> Iterator[Broken]:
    capture = config["DataCaptureConfig"]
    options = capture["CaptureOptions"]
    if capture.known and (options.absent or options.value == []):
        yield Broken(options.path, options.value, "CaptureMode Input, Output or both")


@template_rule("SM-CAPTURE-003", ENDPOINT_CONFIG)
def _content_types_are_few(config: Resource) -> Iterator[Broken]:
    header = config.properties.at("DataCaptureConfig", "CaptureContentTypeHeader")
    for name in ("CsvContentTypes", "JsonContentTypes"):
        yield from at_most(header[name], MAX_CONTENT_TYPES, "types")
        for each in header[name].items:
            yield from matching(each, CONTENT_TYPE, "media types such as text/csv")


@template_rule("SM-ASYNC-002", ENDPOINT_CONFIG)
def _answers_and_failures_are_apart(config: Resource) -> Iterator[Broken]:
    output = config.properties.at("AsyncInferenceConfig", "OutputConfig")
    answers, failures = output["S3OutputPath"].text, output["S3FailurePath"]
    if answers is not None and failures.text is not None and answers.rstrip("/") == failures.text.rstrip("/"):
        yield Broken(failures.path, failures.text, "another prefix than that of the answers")


@template_rule("SM-ASYNC-003", ENDPOINT_CONFIG)
def _answers_are_included_in_something(config: Resource) -> Iterator[Broken]:
    told = config.properties.at("AsyncInferenceConfig", "OutputConfig", "NotificationConfig")
    for each in told["IncludeInferenceResponseIn"].items:
        topic = {"SUCCESS_NOTIFICATION_TOPIC": "SuccessTopic", "ERROR_NOTIFICATION_TOPIC": "ErrorTopic"}.get(
            each.text or ""
        )
        if topic is not None and told[topic].absent:
            yield Broken(each.path, each.text, f"nothing, since there is no {topic}", f"give {topic}")


@template_rule("SM-ASYNC-004", ENDPOINT_CONFIG)
def _few_requests_at_once(config: Resource) -> Iterator[Broken]:
    client = config.properties.at("AsyncInferenceConfig", "ClientConfig")
    yield from whole(client["MaxConcurrentInvocationsPerInstance"], ASYNC_CONCURRENCY)


@template_rule("SM-ASYNC-007", ENDPOINT_CONFIG)
def _topics_are_standard(config: Resource) -> Iterator[Broken]:
    told = config.properties.at("AsyncInferenceConfig", "OutputConfig", "NotificationConfig")
    for name in ("SuccessTopic", "ErrorTopic"):
        made = config.template.named_by(told[name], "AWS::SNS::Topic")
        fifo = made is not None and made["FifoTopic"].true
        if fifo or (told[name].text or "").endswith(".fifo"):
            yield Broken(told[name].path, "a FIFO topic", "a standard topic")


@template_rule("SM-ASYNC-011", ENDPOINT_CONFIG)
def _asynchronous_has_one_model(config: Resource) -> Iterator[Broken]:
    if config["AsyncInferenceConfig"].known:
        yield from one_container_with_one_model(config, "an asynchronous endpoint answers from one container")


def one_container_with_one_model(config: Resource, why: str) -> Iterator[Broken]:
    """Neither pipelines nor multi-model containers among the models of a configuration."""
    for variant in variants(config):
        model = variant.model
        if model is None:
            continue
        made = containers(model)
        if len(made) > 1:
            yield Broken(
                variant["ModelName"].path, f"a model of {len(made)} containers", f"one container: {why}"
            )
        elif any(is_multi_model(each) for each in made):
            yield Broken(variant["ModelName"].path, "a multi-model container", f"one model: {why}")


@template_rule("SM-INSTANCE-101", ENDPOINT_CONFIG)
def _known_type(config: Resource) -> Iterator[Broken]:
    for variant in variants(config):
        if variant.type is not None and variant.type not in instance_types.hosting_types():
            yield Broken(variant["InstanceType"].path, variant.type, "a type that this release knows")


@template_rule("SM-KMS-101", ENDPOINT_CONFIG)
def _local_storage(config: Resource) -> Iterator[Broken]:
    for variant in variants(config) if config["KmsKeyId"].sure else ():
        if variant.type is not None and instance_types.has_local_storage(variant.type):
            yield Broken(
                variant["InstanceType"].path,
                variant.type,
                "a type without local NVMe, which keeps data under a key of AWS's own",
            )


@template_rule("SM-HA-101", ENDPOINT_CONFIG)
def _few_instances(config: Resource) -> Iterator[Broken]:
    for variant in production(config):
        count = smallest_count(variant)
        # What may sleep is not meant to outlive the loss of a zone; components keep a count of their own.
        on_instances = not variant.serverless and not variant.on_components
        if count == 1 and on_instances and any(endpoints_on(config)):
            yield Broken(variant["InitialInstanceCount"].path, 1, "2 or more")


def smallest_count(variant: Variant) -> float | None:
    """The fewest instances that a variant may come down to, where that is known."""
    target = target_of(variant)
    return (variant["InitialInstanceCount"] if target is None else target["MinCapacity"]).number
