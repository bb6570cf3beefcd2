"""Components of Greengrass, published while the stack deploys."""

from __future__ import annotations

from dataclasses import dataclass

import aws_cdk as cdk
import constructs
from aws_cdk import aws_s3 as s3

from ..core.buckets import attributes_of
from ..core.place import environment_of
from ..core.roles import Permissions
from ..core.s3_prefix import S3Prefix
from .functions import EdgeFunction
from .names import FleetNames
from .recipe import Recipe

_TIMEOUT = cdk.Duration.minutes(14)
_PATIENCE = cdk.Duration.minutes(15)
_NO_RESOURCE = "AWS knows no resource for a component that is not there yet."
_NOT_YET = "Versions are named after content that is not there yet; the names are this fleet's."


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedArtefact:
    """The one object that a component is made of, where it lies before it is published."""

    bucket: s3.IBucket
    key: str
    file: str
    """What it is called on devices."""
    fingerprint: str
    """Changes with the object, where the key does not."""


class PublishedComponent(constructs.Construct):
    """A version of a component, named after its content.

    No ``AWS::GreengrassV2::ComponentVersion``: its recipe cannot be changed, so that each change deletes the version
    before, to which a rollback goes; and kept instead, it makes A, then B, then A again fail with a conflict. Here
    what was published once is found again, and what was published stays.
    """

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        recipe: Recipe,
        service_token: str,
        artefacts: S3Prefix,
        artefact: PublishedArtefact | None,
    ) -> None:
        """Publish `recipe` with its `artefact`, if it has one, below `artefacts`."""
        super().__init__(scope, id)
        self.resource = cdk.CustomResource(
            self,
            "Resource",
            service_token=service_token,
            service_timeout=_PATIENCE,
            resource_type="Custom::GreengrassComponent",
            properties={
                "Component": recipe.name,
                "Recipe": recipe.text,
                "Target": {"Bucket": attributes_of(artefacts.bucket).name, "Prefix": artefacts.prefix},
                **({} if artefact is None else {"Artefact": _told(artefact)}),
            },
        )
        """The custom resource."""
        self.component_name = recipe.name
        """On devices."""
        self.recipe = recipe
        """What it is made by."""
        self.version = self.resource.get_att_string("Version")
        """Known once it is published: ``1.<6 digits>.<6 digits>`` of the content's SHA-256."""


def _told(artefact: PublishedArtefact) -> dict[str, str]:
    return {
        "Bucket": attributes_of(artefact.bucket).name,
        "Key": artefact.key,
        "File": artefact.file,
        "Fingerprint": artefact.fingerprint,
    }


class Publisher(constructs.Construct):
    """The function that publishes a fleet's components, and what it may do."""

    def __init__(
        self, scope: constructs.Construct, id: str, *, names: FleetNames, artefacts: S3Prefix
    ) -> None:
        """Let it publish components of the fleet, and nothing else."""
        super().__init__(scope, id)
        self._artefacts = artefacts
        self._function = EdgeFunction(
            self,
            "Publish",
            module="publish",
            description=f"Publishes the components of fleet {names.fleet}",
            timeout=_TIMEOUT,
            # It reads an artefact through once: a whole core, and its share of the network.
            memory_mb=1769,
        )
        allow_publishing(self._function.permissions, self, names=names, artefacts=artefacts)

    def let_take(self, bucket: s3.IBucket, key: str) -> None:
        """Let it copy an object, and that one only."""
        permissions = self._function.permissions
        permissions.allow("s3:GetObject", on=f"{attributes_of(bucket).arn}/{key}")
        permissions.allow_key(attributes_of(bucket).key, "kms:Decrypt")

    def attach(self) -> None:
        """Give it what was gathered."""
        self._policy = self._function.attach()

    def publish(self, id: str, recipe: Recipe, artefact: PublishedArtefact | None) -> PublishedComponent:
        """Publish a component while the stack deploys.

        :raises AssertionError: for a recipe that no nucleus would take, which is a defect of this library.
        """
        problems = list(recipe.problems())
        if problems:
            raise AssertionError(f"the recipe of {recipe.name}: {'; '.join(problems)}")
        made = PublishedComponent(
            self,
            id,
            recipe=recipe,
            service_token=self._function.function.function_arn,
            artefacts=self._artefacts,
            artefact=artefact,
        )
        # Its rights are a policy of their own, which CloudFormation would otherwise make at the same time.
        made.node.add_dependency(self._policy)
        return made


def allow_publishing(
    permissions: Permissions, scope: constructs.Construct, *, names: FleetNames, artefacts: S3Prefix
) -> None:
    """What it takes to publish components of a fleet: the object in its place, then the version.

    Greengrass reads the artefact by the rights of who publishes it.

    Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsiotgreengrassv2.html
    """
    arn = environment_of(scope).arn
    artefacts.allow_read(permissions)
    artefacts.allow_write(permissions)
    permissions.allow("greengrass:CreateComponentVersion", on="*", wildcard=_NO_RESOURCE)
    for component in names.components:
        permissions.allow(
            "greengrass:DescribeComponent",
            # One that failed, to try it again.
            "greengrass:DeleteComponent",
            "greengrass:TagResource",
            on=arn("greengrass", f"components:{component}*"),
            wildcard=_NOT_YET,
        )
