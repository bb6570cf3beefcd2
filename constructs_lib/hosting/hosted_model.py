"""The models that a multi-model endpoint is given: what they are called, and where they come to lie."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import aws_cdk as cdk

from ..core.rules import DEVELOPER_GUIDE, Advice, Broken, Rules, listed
from ..core.tokens import is_token
from ..model.data import ArchivedModel, ModelData, ModelDataPrefix

_FINGERPRINT_LENGTH = 16
_LONGEST_PLACE = 950
"""Bytes of a key: with its bucket it has to fit into the 1,024 of a custom resource's physical id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedModel:
    """The props of `MultiModelEndpoint.add_model`, for its rules."""

    name: str
    data: ModelData
    pinned: bool
    removal_policy: cdk.RemovalPolicy
    prefix: str
    others: Sequence[str]
    """The names of the models that were added before."""

    def target(self, archived: ArchivedModel) -> str:
        """Where `archived` lies below the prefix: its ``TargetModel``."""
        version = f"/{archived.fingerprint[:_FINGERPRINT_LENGTH]}" if self.pinned else ""
        return f"{self.name}{version}.tar.gz"

    @property
    def all_targets(self) -> str:
        """The pattern of `target`, whatever the content; it matches no model of another name."""
        version = f"/{'?' * _FINGERPRINT_LENGTH}" if self.pinned else ""
        return f"{self.name}{version}.tar.gz"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostedModel:
    """A model that a multi-model endpoint was given."""

    name: str
    target_model: str
    """What callers pass as ``TargetModel``."""
    all_versions: str
    """The pattern of this and of other versions, for ``grants.invoke(…, target_model=…)``."""
    resource: cdk.CfnResource
    """What places it. Let callers depend on it, so that they change only once the model is there:
    ``function.node.add_dependency(churn.resource)``."""


ADD = DEVELOPER_GUIDE + "add-models-to-endpoint.html"
CREATE = DEVELOPER_GUIDE + "create-multi-model-endpoint.html"

PINNED = listed(
    id="SM-MULTIMODEL-003", summary="The key of a pinned model is known at synthesis.", source=ADD
)
APART = listed(
    id="SM-MULTIMODEL-006", summary="No two models of a stack are placed at the same key.", source=ADD
)
STALE = Advice(
    "SM-MULTIMODEL-101",
    "A changed model has a new place: the old one may be served from memory for long.",
    ADD,
)

added_model_rules = Rules[AddedModel]()

# Of the characters that are safe in keys, all but the asterisk: in a grant it would match other models.
_NAME = re.compile(r"(?=.{1,200}$)(?!(?:.*/)?\.+(?:/|$))[A-Za-z0-9!_.'()-]+(?:/[A-Za-z0-9!_.'()-]+)*")
_OF_EVERY_OBJECT = frozenset(
    {
        *("constructor", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable", "toLocaleString"),
        *("toString", "valueOf", "__proto__", "__defineGetter__", "__defineSetter__"),
        *("__lookupGetter__", "__lookupSetter__"),
    }
)
"""What every object of JavaScript has: the CDK takes these for constructs that are there already."""


@added_model_rules.rule("SM-MULTIMODEL-001", source=ADD)
def name_is_a_key_of_its_own(model: AddedModel) -> Iterator[Broken]:
    """Each model has a name of its own that can be a key."""
    name = model.name
    if not isinstance(name, str) or is_token(name) or not _NAME.fullmatch(name):
        allowed = "1–200 letters, digits and !_.'()- with slashes between, no segment of dots: team-a/churn"
        yield Broken("name", name, allowed)
    elif name in _OF_EVERY_OBJECT:
        yield Broken("name", name, "a name that is none of JavaScript's own, in which the CDK is written")
    elif _id(name) in {_id(other) for other in model.others}:
        yield Broken("name", name, "a name of its own for each model, where / and -- are the same")
    elif not is_token(model.prefix) and len(f"{model.prefix}{model.all_targets}".encode()) > _LONGEST_PLACE:
        yield Broken("name", name, f"with the prefix at most {_LONGEST_PLACE} bytes", "a shorter prefix")


def _id(name: str) -> str:
    return name.replace("/", "--")  # as the CDK does


@added_model_rules.rule("SM-MULTIMODEL-002", source=CREATE)
def data_is_an_archive(model: AddedModel) -> Iterator[Broken]:
    """A model that is added is one archive."""
    if not isinstance(model.data, ModelData) or isinstance(model.data, ModelDataPrefix):
        yield Broken("data", model.data, "one archive", "ModelData.from_asset(…) or .from_bucket(…)")


@added_model_rules.rule(
    "SM-MULTIMODEL-007",
    source="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requesttypes-delete.html",
)
def archive_is_kept_or_deleted(model: AddedModel) -> Iterator[Broken]:
    """The archive of a model that is taken away is deleted or kept."""
    offered = (cdk.RemovalPolicy.DESTROY, cdk.RemovalPolicy.RETAIN)
    if isinstance(model.removal_policy, cdk.RemovalPolicy) and model.removal_policy not in offered:
        yield Broken("removal_policy", model.removal_policy, "RemovalPolicy.DESTROY or .RETAIN")
