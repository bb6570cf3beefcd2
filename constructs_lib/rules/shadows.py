"""Shadow tests: those of an endpoint configuration, and those that SageMaker manages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from ..core import instance_types
from ..core.catalogue import DEVELOPER_GUIDE, Broken, listed
from ..core.limits import EXPERIMENT_HOURS, SAMPLING_PERCENT
from .checks import whole
from .endpoint_configs import one_container_with_one_model
from .links import ENDPOINT, ENDPOINT_CONFIG, EXPERIMENT, config_of, production, shadows, variants
from .registry import template_rule
from .template import Node, Resource

listed(
    id="SM-TEMPLATE-005",
    summary="A shadow test is on instances, and answers at once: it is neither serverless nor asynchronous.",
    source=DEVELOPER_GUIDE + "model-shadow-deployment.html",
)


@template_rule("SM-SHADOW-001", ENDPOINT_CONFIG)
def _one_of_each(config: Resource) -> Iterator[Broken]:
    for name, found in (
        ("ProductionVariants", production(config)),
        ("ShadowProductionVariants", shadows(config)),
    ):
        if shadows(config) and len(found) > 1:
            yield Broken(name, f"{len(found)} variants", "exactly one in a shadow test")


@template_rule("SM-SHADOW-002", ENDPOINT_CONFIG)
def _names_differ(config: Resource) -> Iterator[Broken]:
    taken = {each["VariantName"].text for each in production(config)} - {None}
    for each in shadows(config):
        name = each["VariantName"]
        if name.text in taken:
            yield Broken(name.path, name.text, "another name than production's")


@template_rule("SM-SHADOW-005", ENDPOINT_CONFIG)
def _not_on_inf1(config: Resource) -> Iterator[Broken]:
    for each in variants(config) if shadows(config) else ():
        if each.type is not None and instance_types.is_inf1(each.type):
            yield Broken(each["InstanceType"].path, each.type, "a type other than ml.inf1.*")


@template_rule("SM-SHADOW-006", ENDPOINT_CONFIG)
def _one_model_each(config: Resource) -> Iterator[Broken]:
    if shadows(config):
        why = "SageMaker copies requests to models of one container only"
        yield from one_container_with_one_model(config, why)


@template_rule("SM-SHADOW-007", ENDPOINT)
def _not_in_rolling_batches(endpoint: Resource) -> Iterator[Broken]:
    config = config_of(endpoint)
    rolling = endpoint.properties.at("DeploymentConfig", "RollingUpdatePolicy")
    if config is not None and shadows(config) and rolling.known:
        yield Broken(
            rolling.path, "a rolling update", "a BlueGreenUpdatePolicy: rolling has exactly one variant"
        )


@template_rule("SM-TEMPLATE-005", ENDPOINT_CONFIG)
def _on_instances_at_once(config: Resource) -> Iterator[Broken]:
    if not shadows(config):
        return
    for each in variants(config):
        if each.serverless:
            yield Broken(each["ServerlessConfig"].path, "a serverless variant", "instances in a shadow test")
    if config["AsyncInferenceConfig"].known:
        yield Broken("AsyncInferenceConfig", "an asynchronous endpoint", "nothing in a shadow test")


def _of_experiment(experiment: Resource) -> Iterator[Node]:
    for variant in experiment["ModelVariants"].items:
        yield variant.at("InfrastructureConfig", "RealTimeInferenceConfig", "InstanceType")


@template_rule("SM-SHADOW-001", EXPERIMENT)
def _two_variants(experiment: Resource) -> Iterator[Broken]:
    given = experiment["ModelVariants"]
    if given.all_known and given.known and len(given.items) != 2:
        yield Broken(given.path, f"{len(given.items)} variants", "one production variant and one challenger")


@template_rule("SM-SHADOW-002", EXPERIMENT)
def _names_of_experiment_differ(experiment: Resource) -> Iterator[Broken]:
    names = [each["VariantName"].text for each in experiment["ModelVariants"].items]
    for each in experiment["ModelVariants"].items[1:]:
        name = each["VariantName"]
        if name.text is not None and names.count(name.text) > 1:
            yield Broken(name.path, name.text, "another name than production's")


@template_rule("SM-SHADOW-005", EXPERIMENT)
def _experiment_is_not_on_inf1(experiment: Resource) -> Iterator[Broken]:
    for type in _of_experiment(experiment):
        given = type.text
        if given and instance_types.PATTERN.fullmatch(given) and instance_types.is_inf1(given):
            yield Broken(type.path, given, "a type other than ml.inf1.*")


@template_rule("SM-SHADOW-023", EXPERIMENT)
def _time_and_share_fit(experiment: Resource) -> Iterator[Broken]:
    for each in experiment.properties.at("ShadowModeConfig", "ShadowModelVariants").items:
        yield from whole(each["SamplingPercentage"], SAMPLING_PERCENT)
    schedule = experiment["Schedule"]
    start, end = _time(schedule["StartTime"]), _time(schedule["EndTime"])
    if start is None or end is None:
        return
    shortest, longest = (timedelta(hours=each) for each in EXPERIMENT_HOURS)
    if not shortest <= end - start <= longest:
        where = schedule["EndTime"]
        yield Broken(
            where.path, where.value, f"{shortest.seconds // 3600} hour to {longest.days} days after StartTime"
        )


def _time(node: Node) -> datetime | None:
    """A time with a zone, so that two can be subtracted."""
    try:
        time = datetime.fromisoformat(node.text or "")
    except ValueError:
        return None
    return time if time.tzinfo is not None else None
