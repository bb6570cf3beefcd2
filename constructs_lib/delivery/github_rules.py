"""What GitHub and IAM take for the names, ids and accounts that a pipeline's roles are bound to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from ..core.checks import duration, text
from ..core.rules import Advice, Broken, Rules, listed

_IAM = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"
_FEDERATION = _IAM + "id_roles_create_for-idp_oidc.html"
_CLAIMS = _IAM + "reference_policies_iam-condition-keys.html"
_BOOTSTRAP = "https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-customizing.html"
_SESSION = "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html"

DEFAULT_QUALIFIER = "hnb659fds"
"""Of ``cdk bootstrap``, unless it is told another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployTarget:
    """Where the jobs of one GitHub environment deploy to, and from which branch.

    :raises ConstraintError: SM-DELIVERY-054, SM-DELIVERY-055, SM-DELIVERY-056.
    """

    account: str | None = None
    """Default: that of the stack. Another one must be bootstrapped with ``--trust <the stack's account>``."""
    regions: Sequence[str] = ()
    """Default: that of the stack."""
    qualifier: str = DEFAULT_QUALIFIER
    """Of the bootstrap: environments that share an account are kept apart by qualifiers of their own."""
    branch: str | None = "main"
    """Jobs run for this branch only, whatever the rules of the environment in GitHub say.
    ``None``: for any branch that these rules let in."""

    def __post_init__(self) -> None:
        """Check."""
        target_rules.enforce(self, path="DeployTarget")


@dataclass(frozen=True, slots=True, kw_only=True)
class GitHubProps:
    """What `GitHubDeployRoles` is given."""

    repository: str
    environments: Mapping[str, DeployTarget]
    owner_id: str | None
    repository_id: str | None
    pull_requests: bool
    scheduled_from: str | None
    provider: iam.IOidcProvider | None
    max_session: cdk.Duration
    permissions_boundary: iam.IManagedPolicy | None


target_rules = Rules[DeployTarget]()
github_rules = Rules[GitHubProps]()

RECYCLED = Advice(
    "SM-DELIVERY-150",
    "Roles for GitHub know the repository by its id: a name can be given up, and taken by somebody else.",
    _CLAIMS,
)
SHARED = Advice(
    "SM-DELIVERY-151",
    "No two environments deploy by the same bootstrap roles: who may deploy to one may deploy to the other.",
    _BOOTSTRAP,
)

_REPOSITORY = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})/(?!\.+$)[A-Za-z0-9._-]{1,100}")
_ID = re.compile(r"[1-9][0-9]{0,19}")
# GitHub takes more; what is not among these is escaped in a subject, or means something in a policy.
_ENVIRONMENT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?")
_ACCOUNT = re.compile(r"[0-9]{12}")
_REGION = re.compile(r"[a-z]{2,4}(?:-[a-z]+)+-[0-9]{1,2}")
_QUALIFIER = re.compile(r"[A-Za-z0-9_-]{1,10}")
_BRANCH = re.compile(r"(?!/|refs/)(?!.*(?://|\.\.|/$|\.$|\.lock$))[A-Za-z0-9._/-]{1,200}")
_PRODUCTION = re.compile(r"(?i)(?:^|[._-])(?:prod|production|prd|live)(?:$|[._-])")


@github_rules.rule("SM-DELIVERY-050", source=_FEDERATION)
def repository_is_exact(props: GitHubProps) -> Iterator[Broken]:
    """A repository is one by its owner and name, without wildcards."""
    yield from text(
        "repository", props.repository, _REPOSITORY, "owner/name of one repository, such as acme/models"
    )


@github_rules.rule("SM-DELIVERY-051", source=_CLAIMS)
def ids_come_together(props: GitHubProps) -> Iterator[Broken]:
    """The ids of owner and repository are whole numbers, and come together."""
    allowed = "the number that GitHub's API tells, such as 456789"
    for name in ("owner_id", "repository_id"):
        yield from text(name, getattr(props, name), _ID, allowed, fix="gh api repos/owner/name")
    if (props.owner_id is None) != (props.repository_id is None):
        missing = "owner_id" if props.owner_id is None else "repository_id"
        yield Broken(missing, None, f"{allowed}, since the other id is given", "gh api repos/owner/name")


@github_rules.rule("SM-DELIVERY-052", source=_FEDERATION)
def environments_are_exact(props: GitHubProps) -> Iterator[Broken]:
    """Environments have plain names that differ, without wildcards, and there is at least one."""
    if not isinstance(props.environments, Mapping) or not props.environments:
        yield Broken("environments", props.environments, 'at least one, such as {"dev": DeployTarget()}')
        return
    seen: dict[str, str] = {}
    for name, target in props.environments.items():
        where = f"environments[{name!r}]"
        if not isinstance(name, str) or not _ENVIRONMENT.fullmatch(name):
            yield Broken(where, name, "a name of 1–100 letters, digits, and . _ - between them")
        elif name.lower() in seen:
            yield Broken(where, name, f"a name that is not {seen[name.lower()]} too: GitHub ignores case")
        else:
            seen[name.lower()] = name
        if not isinstance(target, DeployTarget):
            yield Broken(where, target, "a DeployTarget")


@github_rules.rule("SM-DELIVERY-053", source=_CLAIMS)
def production_has_a_branch(props: GitHubProps) -> Iterator[Broken]:
    """What is called production is deployed from one branch."""
    if not isinstance(props.environments, Mapping):
        return
    for name, target in props.environments.items():
        of_production = isinstance(name, str) and _PRODUCTION.search(name)
        if of_production and isinstance(target, DeployTarget) and target.branch is None:
            yield Broken(
                f"environments[{name!r}].branch",
                None,
                "the branch that is merged to: rules of an environment can be changed in GitHub",
                'DeployTarget(branch="main")',
            )


@target_rules.rule("SM-DELIVERY-054", source=_BOOTSTRAP)
def place_is_exact(target: DeployTarget) -> Iterator[Broken]:
    """Accounts and regions are named one by one, without wildcards."""
    yield from text("account", target.account, _ACCOUNT, "the 12 digits of an account")
    if not isinstance(target.regions, list | tuple):
        yield Broken("regions", target.regions, "a list of regions")
        return
    for index, region in enumerate(target.regions):
        yield from text(f"regions[{index}]", region, _REGION, "a region such as eu-west-1")
    if len(set(target.regions)) < len(target.regions):
        yield Broken("regions", list(target.regions), "each region once")


@target_rules.rule("SM-DELIVERY-055", source=_BOOTSTRAP)
def qualifier_is_exact(target: DeployTarget) -> Iterator[Broken]:
    """A qualifier of a bootstrap has 1–10 letters, digits, hyphens and underscores."""
    yield from text(
        "qualifier", target.qualifier, _QUALIFIER, "1–10 letters, digits, - and _, as cdk bootstrap was told"
    )


BRANCH = listed(
    id="SM-DELIVERY-056", summary="A branch is one by its name, without wildcards.", source=_CLAIMS
)


def _branch(name: str, value: object) -> Iterator[Broken]:
    allowed = "the name of one branch such as main, without refs/heads/ and wildcards"
    yield from text(name, value, _BRANCH, allowed)


def branch_of_target_is_exact(target: DeployTarget) -> Iterator[Broken]:
    """The branch that an environment is deployed from."""
    yield from _branch("branch", target.branch)


def branch_of_schedule_is_exact(props: GitHubProps) -> Iterator[Broken]:
    """The branch whose scheduled jobs may read."""
    yield from _branch("scheduled_from", props.scheduled_from)


target_rules.add(BRANCH, branch_of_target_is_exact)
github_rules.add(BRANCH, branch_of_schedule_is_exact)


@github_rules.rule("SM-DELIVERY-057", source=_SESSION)
def session_is_short(props: GitHubProps) -> Iterator[Broken]:
    """Sessions of a role last 1–12 hours."""
    yield from duration("max_session", props.max_session, 3600, 12 * 3600)
