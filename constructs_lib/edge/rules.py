"""The rules of `EdgeFleet`: what would be refused minutes into a deployment, or by every device."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ..core.checks import known, standard_topics, text
from ..core.rules import Broken, Rules
from ..core.tokens import is_token
from ..model.data import ModelDataPrefix
from .names import LONGEST_FLEET_NAME, FleetNames
from .props import EdgeFleetProps

_TEMPLATES = "https://docs.aws.amazon.com/iot/latest/apireference/API_CreateProvisioningTemplate.html"
_DEPLOYMENTS = "https://docs.aws.amazon.com/greengrass/v2/APIReference/API_CreateDeployment.html"
_ARTEFACTS = "https://docs.aws.amazon.com/greengrass/v2/developerguide/component-recipe-reference.html"
_ALARM = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html"
_NAME = re.compile(rf"(?=.{{1,{LONGEST_FLEET_NAME}}}$)[a-z0-9]+(-[a-z0-9]+)*")
_COMPONENT = re.compile(r"[a-zA-Z0-9-_.]{1,128}")
_VERSION = re.compile(r"[0-9]{1,6}\.[0-9]{1,6}\.[0-9]{1,6}(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")
_LONGEST_OTHERS = 1000
"""Characters of all names and versions: the functions of rollouts have 4 KB of environment."""

fleet_rules = Rules[EdgeFleetProps]()


@fleet_rules.rule("SM-EDGE-002", source=_TEMPLATES)
def name_is_a_templates(props: EdgeFleetProps) -> Iterator[Broken]:
    """The fleet's name may be that of a provisioning template, of groups and of components."""
    allowed = f"1-{LONGEST_FLEET_NAME} lower-case letters, digits and single hyphens between them"
    yield from text("fleet_name", props.fleet_name, _NAME, allowed)
    if is_token(props.fleet_name):
        fix = "write the name down, or leave it out: it is then of stack and path"
        yield Broken(
            "fleet_name", props.fleet_name, f"{allowed}, known at synthesis: recipes are made of it", fix
        )


@fleet_rules.rule("SM-EDGE-003", source=_ARTEFACTS)
def model_is_one_archive(props: EdgeFleetProps) -> Iterator[Broken]:
    """The model is one archive with a model.onnx: devices fetch one object."""
    if isinstance(props.model, ModelDataPrefix):
        fix = "ModelData.from_asset(folder) or .from_bucket(bucket, key)"
        yield Broken("model", "a prefix of objects", "one model.tar.gz", fix)


@fleet_rules.rule("SM-EDGE-004", source=_DEPLOYMENTS)
def other_components_are_exact(props: EdgeFleetProps) -> Iterator[Broken]:
    """Other components have names of Greengrass V2's, exact versions, and are not the fleet's own."""
    given = props.components
    if not isinstance(given, Mapping):
        return
    own = FleetNames(fleet=props.fleet_name or "").components
    for name, version in given.items():
        path = f"components[{name!r}]"
        yield from text(
            path, name, _COMPONENT, "a name of 1-128 letters, digits, hyphens, underscores and dots"
        )
        yield from text(path, version, _VERSION, "an exact version, such as 2.14.0", fix="no ranges: pin it")
        if known(props.fleet_name) and name in own:
            yield Broken(path, name, "a component that the fleet does not make itself")
    together = sum(len(str(each)) for pair in given.items() for each in pair)
    if together > _LONGEST_OTHERS:
        fix = "deploy those that no model needs by a deployment of their own, to groups of their own"
        allowed = f"names and versions of together at most {_LONGEST_OTHERS} characters"
        yield Broken("components", f"{together} characters", allowed, fix)


@fleet_rules.rule("SM-EDGE-005", source=_ALARM)
def topics_fit_an_alarm(props: EdgeFleetProps) -> Iterator[Broken]:
    """An alarm tells at most five topics, each once, all of them standard ones."""
    given = props.notify
    yield from standard_topics("notify", given)
    if len(set(given)) != len(given):
        yield Broken("notify", f"{len(given)} topics", "each topic once")


@fleet_rules.rule("SM-EDGE-006", source=_ARTEFACTS)
def bucket_has_its_own_key(props: EdgeFleetProps) -> Iterator[Broken]:
    """A key is for a bucket that is made here: a bucket that is there has its own."""
    if props.artefact_bucket is not None and props.encryption_key is not None:
        fix = "leave it out: devices are let use the key of the bucket"
        yield Broken("encryption_key", "a key beside artefact_bucket", "none", fix)
