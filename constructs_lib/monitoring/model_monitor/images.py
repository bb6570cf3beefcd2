"""AWS's images that Model Monitor runs, from the account that publishes them in the region."""

from __future__ import annotations

from dataclasses import dataclass

import constructs

from ...core.place import environment_of, path_of, stack_of
from ...core.roles import Permissions, allow_pull
from ...core.rules import Broken, listed
from ...core.tokens import is_token
from ...model.image_table import PublishedImage, dns_suffix, find_image
from ...model.region_mapping import account_for_region
from .job import MonitorKind

MERGER = "sagemaker-model-monitor-groundtruth-merger"
"""The image of the job that merges labels with what was captured. Nothing names it in a definition; seen in
jobs of accounts that run such monitors, beside the analyzer in its account."""

PUBLISHED = listed(
    id="SM-MODELMONITOR-003",
    summary="AWS publishes the images of Model Monitor and Clarify in the region.",
    source="https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-pre-built-container.html",
)


@dataclass(frozen=True, slots=True)
class _Published:
    """An image in the region of one stack."""

    image: PublishedImage
    scope: constructs.Construct

    @property
    def account(self) -> str:
        """That publishes it; looked up at deployment where the region is known only then."""
        region = environment_of(self.scope).region
        if is_token(region):
            return account_for_region(self.scope, self.image.accounts)
        if region not in self.image.accounts:
            allowed = f"one of {', '.join(sorted(self.image.accounts))}, for {self.image.repository}"
            fix = "leave the engine out: the library's own monitors run in every region"
            raise PUBLISHED.error(path_of(self.scope), Broken("region", region, allowed, fix))
        return self.image.accounts[region]

    @property
    def uri(self) -> str:
        region = environment_of(self.scope).region
        suffix = stack_of(self.scope).url_suffix if is_token(region) else dns_suffix(region)
        return f"{self.account}.dkr.ecr.{region}.{suffix}/{self.image.repository_and_tag}"

    def allow_pull(self, permissions: Permissions, repository: str) -> None:
        arn = environment_of(self.scope).arn("ecr", f"repository/{repository}", account=self.account)
        allow_pull(permissions, arn)


def image_of(scope: constructs.Construct, kind: MonitorKind, permissions: Permissions) -> str:
    """The URI of the image that jobs of `kind` run; they may pull it, and the merger of labels.

    :raises ConstraintError: SM-MODELMONITOR-003.
    """
    own = _Published(find_image(kind.image, scope="processing"), scope)
    own.allow_pull(permissions, own.image.repository)
    if kind.takes_labels:
        _Published(find_image("model-monitor", scope="processing"), scope).allow_pull(permissions, MERGER)
    return own.uri
