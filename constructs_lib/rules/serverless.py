"""Serverless variants: their sizes, and what a serverless endpoint does not offer."""

from __future__ import annotations

from collections.abc import Iterator

from ..core.catalogue import Broken
from ..core.limits import SERVERLESS_CONCURRENCY, SERVERLESS_GIB
from .checks import least, nothing, whole, within
from .links import (
    ENDPOINT,
    ENDPOINT_CONFIG,
    TARGET,
    Variant,
    config_of,
    containers,
    is_multi_model,
    is_uncompressed,
    production,
    target_of,
    variant_of,
)
from .registry import template_rule
from .template import Resource

_MEBIBYTES = [gib * 1024 for gib in range(SERVERLESS_GIB[0], SERVERLESS_GIB[1] + 1)]


def _serverless(config: Resource) -> tuple[Variant, ...]:
    return tuple(each for each in production(config) if each.serverless)


@template_rule("SM-SERVERLESS-001", ENDPOINT_CONFIG)
def _memory_is_offered(config: Resource) -> Iterator[Broken]:
    for variant in _serverless(config):
        memory = variant["ServerlessConfig"]["MemorySizeInMB"]
        if memory.number is not None and memory.number not in _MEBIBYTES:
            yield Broken(memory.path, memory.value, f"one of {', '.join(map(str, _MEBIBYTES))}")


@template_rule("SM-SERVERLESS-002", ENDPOINT_CONFIG)
def _concurrency_is_bounded(config: Resource) -> Iterator[Broken]:
    for variant in _serverless(config):
        yield from whole(variant["ServerlessConfig"]["MaxConcurrency"], SERVERLESS_CONCURRENCY)


@template_rule("SM-SERVERLESS-003", ENDPOINT_CONFIG)
def _provisioned_within_maximum(config: Resource) -> Iterator[Broken]:
    for variant in _serverless(config):
        sizes = variant["ServerlessConfig"]
        most = sizes["MaxConcurrency"].number
        high = SERVERLESS_CONCURRENCY[1] if most is None else most
        yield from whole(sizes["ProvisionedConcurrency"], (1, high))
        target = target_of(variant)
        if target is not None and most is not None:
            yield from _scaled_within_maximum(sizes.path, target, most)


def _scaled_within_maximum(where: str, target: Resource, most: float) -> Iterator[Broken]:
    scaled = target["MaxCapacity"].number
    if scaled is not None and scaled > most:
        yield Broken(f"{where}.MaxConcurrency", most, f"at least the scaling's maximum, {scaled:g}")


@template_rule("SM-SERVERLESS-004", ENDPOINT_CONFIG)
def _provisioned_within_bounds(config: Resource) -> Iterator[Broken]:
    for variant in _serverless(config):
        target = target_of(variant)
        if target is not None:
            low, high = target["MinCapacity"].number, target["MaxCapacity"].number
            given = variant["ServerlessConfig"]["ProvisionedConcurrency"]
            yield from within(given, low, high, "the scaling's bounds")


@template_rule("SM-SERVERLESS-011", ENDPOINT_CONFIG)
def _one_variant(config: Resource) -> Iterator[Broken]:
    count = len(production(config))
    if _serverless(config) and count > 1:
        yield Broken(
            "ProductionVariants", f"{count} variants", "one: a serverless variant takes all requests"
        )


@template_rule("SM-SERVERLESS-012", ENDPOINT)
def _no_guardrails(endpoint: Resource) -> Iterator[Broken]:
    config = config_of(endpoint)
    if config is not None and _serverless(config):
        why = "SageMaker replaces a serverless endpoint all at once and watches no alarm"
        yield from nothing(endpoint["DeploymentConfig"], why)


@template_rule("SM-SERVERLESS-013", TARGET)
def _never_to_zero(target: Resource) -> Iterator[Broken]:
    variant = variant_of(target)
    provisioned = target["ScalableDimension"].text == "sagemaker:variant:DesiredProvisionedConcurrency"
    if provisioned or (variant is not None and variant.serverless):
        yield from least(target["MinCapacity"], 1)


@template_rule("SM-SERVERLESS-014", ENDPOINT_CONFIG)
def _no_capture(config: Resource) -> Iterator[Broken]:
    capture = config["DataCaptureConfig"]
    if _serverless(config) and capture["EnableCapture"].value is not False:
        yield from nothing(capture, "SageMaker captures on instances only")


@template_rule("SM-SERVERLESS-015", ENDPOINT_CONFIG)
def _no_volume(config: Resource) -> Iterator[Broken]:
    if _serverless(config) and config["KmsKeyId"].sure:
        yield Broken("KmsKeyId", "a key", "nothing: there is no volume of its own")


@template_rule("SM-SERVERLESS-016", ENDPOINT_CONFIG)
def _no_metrics_of_instances(config: Resource) -> Iterator[Broken]:
    if _serverless(config):
        yield from nothing(config["MetricsConfig"], "there are no instances")


@template_rule("SM-SERVERLESS-017", ENDPOINT_CONFIG)
def _no_vpc(config: Resource) -> Iterator[Broken]:
    for variant in _serverless(config):
        if variant.model is not None and variant.model["VpcConfig"].known:
            yield Broken(variant["ModelName"].path, "a model in a VPC", "a model in SageMaker's network")


@template_rule("SM-SERVERLESS-018", ENDPOINT_CONFIG)
def _no_isolation(config: Resource) -> Iterator[Broken]:
    for variant in _serverless(config):
        if variant.model is not None and variant.model["EnableNetworkIsolation"].true:
            yield Broken(variant["ModelName"].path, "an isolated model", "a model without isolation")


@template_rule("SM-SERVERLESS-019", ENDPOINT_CONFIG)
def _one_container(config: Resource) -> Iterator[Broken]:
    for variant in _serverless(config):
        count = 0 if variant.model is None else len(containers(variant.model))
        if count > 1:
            yield Broken(variant["ModelName"].path, f"a model of {count} containers", "one container")


@template_rule("SM-SERVERLESS-020", ENDPOINT_CONFIG)
def _one_model(config: Resource) -> Iterator[Broken]:
    for variant in _serverless(config):
        if variant.model is not None and any(map(is_multi_model, containers(variant.model))):
            yield Broken(variant["ModelName"].path, "a multi-model container", "one model")


@template_rule("SM-SERVERLESS-021", ENDPOINT_CONFIG)
def _one_archive(config: Resource) -> Iterator[Broken]:
    for variant in _serverless(config):
        if variant.model is not None and any(map(is_uncompressed, containers(variant.model))):
            yield Broken(variant["ModelName"].path, "uncompressed model data", "a model.tar.gz")
