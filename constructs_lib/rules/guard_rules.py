"""Those of the rules that AWS CloudFormation Guard can say, made of the same limits.

`python -m constructs_lib.rules.guard_rules > constructs_lib/rules/guard/sagemaker.guard` writes the file that is
shipped; a test compares them, and another tries that Guard and Python agree.

Guard knows neither parameters nor what refers to what, so it speaks of plain values of one resource.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from ..core import instance_types
from ..core.limits import (
    ASYNC_CONCURRENCY,
    COMPONENT_LEAST_MEBIBYTES,
    EXECUTION_SECONDS,
    JOB_VOLUME_GIB,
    MAX_CAPACITY,
    METRIC_INTERVALS,
    NAME_PATTERN,
    SAMPLING_PERCENT,
    SERVERLESS_CONCURRENCY,
    SERVERLESS_GIB,
    STARTUP_SECONDS,
    VOLUME_GIB,
    WAIT_SECONDS,
)
from ..core.retired_types import FIRST_GENERATION, RETIRED_TYPES
from .links import COMPONENT, ENDPOINT, ENDPOINT_CONFIG, EXPERIMENT, MODEL, TARGET
from .monitors import JOBS
from .registry import entries


@dataclass(frozen=True, slots=True)
class GuardRule:
    """One condition on one property, under the id of a rule."""

    id: str
    type: str
    path: str
    """Below Properties; ``[*]`` stands for the items of a list."""
    clauses: tuple[str, ...]
    """Conditions on the value, which Guard calls ``this``."""
    when: str
    """Where they hold: for values of one type, and not for functions that the deployment works out."""


def _span(id: str, type: str, path: str, span: tuple[int, int]) -> GuardRule:
    return GuardRule(id, type, path, (f"this >= {span[0]}", f"this <= {span[1]}"), "this is_int")


def _choice(id: str, type: str, path: str, choices: Sequence[int]) -> GuardRule:
    return GuardRule(id, type, path, (f"this in [{', '.join(map(str, choices))}]",), "this is_int")


def _pattern(id: str, type: str, path: str, pattern: re.Pattern[str]) -> GuardRule:
    return GuardRule(id, type, path, (f"this == /^{pattern.pattern}$/",), "this is_string")


def _alone(id: str, type: str, path: str, one: str, other: str) -> GuardRule:
    """Of two properties of the struct at `path` at most one."""
    return GuardRule(id, type, path, (f"{other} !exists",), f"{one} exists")


def _ordered(id: str, type: str, path: str, low: str, high: str) -> GuardRule:
    """Of two numbers of the struct at `path` the first is not above the second."""
    return GuardRule(id, type, path, (f"{low} <= {high}",), f"{low} is_int\n{high} is_int")


def _needed(id: str, type: str, path: str, when: str, needed: str) -> GuardRule:
    return GuardRule(id, type, path, (f"{needed} exists",), when)


def _of_variants() -> Iterator[GuardRule]:
    for variants in ("ProductionVariants[*]", "ShadowProductionVariants[*]"):
        yield _pattern("SM-VARIANT-001", ENDPOINT_CONFIG, f"{variants}.VariantName", NAME_PATTERN)
        yield _pattern("SM-VARIANT-003", ENDPOINT_CONFIG, f"{variants}.InstanceType", instance_types.PATTERN)
        yield _span("SM-VARIANT-004", ENDPOINT_CONFIG, f"{variants}.VolumeSizeInGB", VOLUME_GIB)
        for name in ("ModelDataDownloadTimeoutInSeconds", "ContainerStartupHealthCheckTimeoutInSeconds"):
            yield _span("SM-VARIANT-005", ENDPOINT_CONFIG, f"{variants}.{name}", STARTUP_SECONDS)
        yield _alone("SM-TEMPLATE-002", ENDPOINT_CONFIG, variants, "ServerlessConfig", "InstanceType")
        managed = f"{variants}.ManagedInstanceScaling"
        yield _ordered("SM-COMPONENT-001", ENDPOINT_CONFIG, managed, "MinInstanceCount", "MaxInstanceCount")


def _of_configurations() -> Iterator[GuardRule]:
    serverless = "ProductionVariants[*].ServerlessConfig"
    sizes = [gib * 1024 for gib in range(SERVERLESS_GIB[0], SERVERLESS_GIB[1] + 1)]
    yield _choice("SM-SERVERLESS-001", ENDPOINT_CONFIG, f"{serverless}.MemorySizeInMB", sizes)
    yield _span("SM-SERVERLESS-002", ENDPOINT_CONFIG, f"{serverless}.MaxConcurrency", SERVERLESS_CONCURRENCY)
    interval = "MetricsConfig.MetricPublishFrequencyInSeconds"
    yield _choice("SM-ENDPOINT-007", ENDPOINT_CONFIG, interval, METRIC_INTERVALS)
    sampling = "DataCaptureConfig.InitialSamplingPercentage"
    yield _span("SM-CAPTURE-001", ENDPOINT_CONFIG, sampling, SAMPLING_PERCENT)
    client = "AsyncInferenceConfig.ClientConfig.MaxConcurrentInvocationsPerInstance"
    yield _span("SM-ASYNC-004", ENDPOINT_CONFIG, client, ASYNC_CONCURRENCY)


def _of_endpoints() -> Iterator[GuardRule]:
    policies = "DeploymentConfig.BlueGreenUpdatePolicy", "DeploymentConfig.RollingUpdatePolicy"
    routing = f"{policies[0]}.TrafficRoutingConfiguration"
    yield _pattern("SM-ENDPOINT-003", ENDPOINT, "EndpointName", NAME_PATTERN)
    yield _alone(
        "SM-TEMPLATE-001", ENDPOINT, "DeploymentConfig", "BlueGreenUpdatePolicy", "RollingUpdatePolicy"
    )
    yield _needed("SM-ROLLOUT-001", ENDPOINT, routing, "Type == 'CANARY'", "CanarySize")
    yield _needed("SM-ROLLOUT-001", ENDPOINT, routing, "Type == 'LINEAR'", "LinearStepSize")
    for wait in (
        f"{routing}.WaitIntervalInSeconds",
        f"{policies[0]}.TerminationWaitInSeconds",
        f"{policies[1]}.WaitIntervalInSeconds",
    ):
        yield _span("SM-ROLLOUT-002", ENDPOINT, wait, WAIT_SECONDS)
    for policy in policies:
        limit = f"{policy}.MaximumExecutionTimeoutInSeconds"
        yield _span("SM-ROLLOUT-003", ENDPOINT, limit, EXECUTION_SECONDS)


def _of_the_rest() -> Iterator[GuardRule]:
    yield _alone("SM-MODEL-001", MODEL, "", "PrimaryContainer", "Containers")
    yield _pattern("SM-CONTAINER-003", MODEL, "Containers[*].ContainerHostname", NAME_PATTERN)
    yield _pattern("SM-COMPONENT-009", COMPONENT, "InferenceComponentName", NAME_PATTERN)
    yield _span("SM-COMPONENT-007", COMPONENT, "RuntimeConfig.CopyCount", (1, MAX_CAPACITY))
    memory = "Specification.ComputeResourceRequirements.MinMemoryRequiredInMb"
    least = f"this >= {COMPONENT_LEAST_MEBIBYTES}"
    yield GuardRule("SM-COMPONENT-005", COMPONENT, memory, (least,), "this is_int")
    started = "Specification.StartupParameters"
    for name in ("ModelDataDownloadTimeoutInSeconds", "ContainerStartupHealthCheckTimeoutInSeconds"):
        yield _span("SM-COMPONENT-008", COMPONENT, f"{started}.{name}", STARTUP_SECONDS)
    sampled = "ShadowModeConfig.ShadowModelVariants[*].SamplingPercentage"
    yield _span("SM-SHADOW-023", EXPERIMENT, sampled, SAMPLING_PERCENT)
    for job in JOBS:
        yield _span("SM-MODELMONITOR-008", job, "JobResources.ClusterConfig.VolumeSizeInGB", JOB_VOLUME_GIB)
    capacities = "ServiceNamespace == 'sagemaker'\nMinCapacity is_int\nMaxCapacity is_int"
    yield GuardRule("SM-SCALING-001", TARGET, "", ("MinCapacity <= MaxCapacity",), capacities)


RETIRED = "SM-EDGE-001"
GUARD_RULES = (*_of_variants(), *_of_configurations(), *_of_endpoints(), *_of_the_rest())
GUARDED = frozenset({RETIRED, *(each.id for each in GUARD_RULES)})
"""The ids of the rules that are shipped as Guard rules."""


def guard_text() -> str:
    """The rules in Guard's language, one rule for each id."""
    ordered = sorted(GUARD_RULES, key=lambda each: each.id)
    rules = [_rule(id, list(group)) for id, group in groupby(ordered, key=lambda each: each.id)]
    return "\n\n".join([_HEAD, *rules, _retired()]) + "\n"


_HEAD = """\
# Amazon SageMaker's limits as AWS CloudFormation Guard rules.
# Made by `python -m constructs_lib.rules.guard_rules`. Do not edit."""


def _rule(id: str, conditions: Sequence[GuardRule]) -> str:
    lines = [line for each in conditions for line in _condition(each)]
    return _named(id, lines)


def _named(id: str, lines: Sequence[str]) -> str:
    entry = entries()[id]
    body = "\n".join(f"    {line}" for line in lines)
    return f"# {entry.summary}\n# {entry.source}\nrule {id.replace('-', '_')} {{\n{body}\n}}"


def _condition(condition: GuardRule) -> Iterator[str]:
    yield f"Resources.*[ Type == '{condition.type}' ] {{"
    yield from _indented(_within(["Properties", *filter(None, condition.path.split("."))], condition))
    yield "}"


def _within(steps: Sequence[str], condition: GuardRule) -> Iterator[str]:
    """Blocks that lead to the value, past what is absent or a function."""
    step, *rest = steps
    name, items = step.removesuffix("[*]"), step.endswith("[*]")
    yield f"when {name} exists {{"
    inner = [f"when {name} is_list {{", f"    {name}[*] {{"] if items else [f"{name} {{"]
    body = list(_within(rest, condition)) if rest else list(_checked(condition))
    lines = [*inner, *_indented(body, 2 if items else 1), *(["    }", "}"] if items else ["}"])]
    yield from _indented(lines)
    yield "}"


def _checked(condition: GuardRule) -> Iterator[str]:
    first, *others = condition.when.split("\n")
    yield " ".join([f"when {first}", *others, "{"])
    entry = entries()[condition.id]
    for clause in condition.clauses:
        yield f"    {clause} <<{condition.id}: {entry.summary} {entry.source}>>"
    yield "}"


def _indented(lines: Sequence[str] | Iterator[str], steps: int = 1) -> Iterator[str]:
    yield from (f"{'    ' * steps}{line}" for line in lines)


def _retired() -> str:
    entry = entries()[RETIRED]
    refused = [*(f"'{type}'" for type in RETIRED_TYPES), f"/^{FIRST_GENERATION}/"]
    clauses = [f"    Type != {each} <<{RETIRED}: {entry.summary} {entry.source}>>" for each in refused]
    return _named(RETIRED, ["Resources.* {", *clauses, "}"])


if __name__ == "__main__":
    print(guard_text(), end="")
