"""GitHubDeployRoles: who may deploy from GitHub Actions, without keys that could leak."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import aws_cdk as cdk
import constructs
from aws_cdk import aws_iam as iam

from ..core.place import Environment, construct_path, environment_of
from ..core.roles import Permissions
from .github_rules import RECYCLED, SHARED, DeployTarget, GitHubProps, github_rules

_ISSUER = "token.actions.githubusercontent.com"
_AUDIENCE = "sts.amazonaws.com"
_DEPLOYING = ("deploy", "file-publishing", "image-publishing", "lookup")
_READING = ("lookup",)


class GitHubDeployRoles(constructs.Construct):
    """One role for each environment of a GitHub repository, and one that reads, for pull requests and schedules.

    A job gets a role for its OIDC token, so that no key of AWS lies in GitHub. Each role is trusted for exact
    subjects: those of one environment (or of pull requests) of one repository, as ``repo:owner/name:…`` and,
    where the ids are given, also in the form with ids that repositories made since July 2026 have. It may do
    nothing but assume the roles of ``cdk bootstrap`` in its account, regions and qualifier; what a deployment may
    do is bounded there. The role that reads may assume the lookup role alone: enough for
    ``cdk diff --method=template`` in pull requests and ``cdk drift`` at night, and for nothing that changes anything.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-idp_oidc.html

    Example::

        roles = GitHubDeployRoles(self, "GitHub", repository="acme/models",
            owner_id="123456", repository_id="456789",
            environments={"dev": DeployTarget(account="111122223333"),
                          "prod": DeployTarget(account="444455556666", branch="main")})
    """

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        repository: str,
        environments: Mapping[str, DeployTarget],
        owner_id: str | None = None,
        repository_id: str | None = None,
        pull_requests: bool = True,
        scheduled_from: str | None = "main",
        provider: iam.IOidcProvider | None = None,
        max_session: cdk.Duration | None = None,
        permissions_boundary: iam.IManagedPolicy | None = None,
    ) -> None:
        """Make provider and roles.

        :param repository: ``owner/name``, spelled as GitHub does: subjects are compared letter by letter.
        :param environments: what GitHub calls the environment of a job → where it deploys to.
        :param owner_id: the number of the owner (``gh api repos/owner/name --jq .owner.id``). Default: none, so
            that only the form with names is trusted.
        :param repository_id: the number of the repository (``--jq .id``). With it no other repository is let
            in, also not one that has taken over the name.
        :param pull_requests: let pull requests read. GitHub gives those of forks no token.
        :param scheduled_from: the branch whose jobs outside of any environment may read too, such as a nightly
            look for drift: an environment would have them wait for an approval. ``None``: no branch's.
        :param provider: the account's provider for GitHub, of which IAM allows one. Default: a new one.
        :param max_session: 1–12 hours. Default: one hour.
        :param permissions_boundary: bounds all roles. Default: none.
        :raises ConstraintError: SM-DELIVERY-050 … SM-DELIVERY-057.
        """
        props = GitHubProps(
            repository=repository,
            environments=environments,
            owner_id=owner_id,
            repository_id=repository_id,
            pull_requests=pull_requests,
            scheduled_from=scheduled_from,
            provider=provider,
            max_session=cdk.Duration.hours(1) if max_session is None else max_session,
            permissions_boundary=permissions_boundary,
        )
        github_rules.enforce(props, path=lambda: construct_path(scope, id))
        super().__init__(scope, id)
        self.provider: iam.IOidcProvider = (
            provider
            if provider is not None
            # Without thumbprints: AWS trusts GitHub's certificate by its authority.
            else iam.OidcProviderNative(self, "Provider", url=f"https://{_ISSUER}", client_ids=[_AUDIENCE])
        )
        """Vouches for GitHub's tokens in this account."""
        self.roles: dict[str, iam.Role] = {
            name: self._deploying(props, name, target) for name, target in environments.items()
        }
        """The role of each environment."""
        self.reading_role: iam.Role | None = self._reading(props)
        """The role of pull requests and schedules, if either may read."""
        if repository_id is None:
            RECYCLED.warn(
                self, f"who takes over the name {repository} is trusted: give owner_id and repository_id"
            )
        for one, other in _sharing(environments, environment_of(self)):
            SHARED.warn(
                self, f"{one} and {other} share account and qualifier: who deploys to one may to the other"
            )

    def _deploying(self, props: GitHubProps, name: str, target: DeployTarget) -> iam.Role:
        claims = {} if target.branch is None else {"ref": f"refs/heads/{target.branch}"}
        role = self._role(
            f"Deploy{name}",
            props,
            [f"environment:{name}"],
            claims=claims,
            description=f"Deploys {props.repository} to {name}",
        )
        self._let_assume(role, f"Deploy{name}", [target], _DEPLOYING)
        return role

    def _reading(self, props: GitHubProps) -> iam.Role | None:
        branch = props.scheduled_from
        contexts = [
            *(["pull_request"] if props.pull_requests else []),
            *([] if branch is None else [f"ref:refs/heads/{branch}"]),
        ]
        if not contexts:
            return None
        role = self._role("Read", props, contexts, claims={}, description=f"Reads for {props.repository}")
        self._let_assume(role, "Read", list(props.environments.values()), _READING)
        return role

    def _role(
        self,
        id: str,
        props: GitHubProps,
        contexts: Sequence[str],
        *,
        claims: Mapping[str, str],
        description: str,
    ) -> iam.Role:
        subjects = [each for context in contexts for each in _subjects(props, context)]
        told: dict[str, object] = {"aud": _AUDIENCE, "sub": subjects, **claims}
        if props.repository_id is not None:
            told["repository_id"] = props.repository_id
        role = iam.Role(
            self,
            id,
            description=description,
            assumed_by=iam.WebIdentityPrincipal(
                self.provider.oidc_provider_arn,
                {"StringEquals": {f"{_ISSUER}:{claim}": value for claim, value in told.items()}},
            ),
            max_session_duration=props.max_session,
            permissions_boundary=props.permissions_boundary,
        )
        cdk.CfnOutput(self, f"{id}RoleArn", value=role.role_arn, description=description)
        return role

    def _let_assume(
        self, role: iam.Role, id: str, targets: list[DeployTarget], purposes: tuple[str, ...]
    ) -> None:
        permissions = Permissions(role)
        for target in targets:
            for arn in self._bootstrap_roles(target, purposes):
                permissions.allow("sts:AssumeRole", on=arn)
        permissions.attach(self, f"{id}Policy")

    def _bootstrap_roles(self, target: DeployTarget, purposes: tuple[str, ...]) -> Iterator[str]:
        here = environment_of(self)
        account = here.account if target.account is None else target.account
        for region in target.regions or (here.region,):
            for purpose in purposes:
                name = f"cdk-{target.qualifier}-{purpose}-role-{account}-{region}"
                yield here.arn("iam", f"role/{name}", region="", account=account)


def _subjects(props: GitHubProps, context: str) -> list[str]:
    """The exact subjects of a job's token: by names, and by names with ids."""
    owner, name = props.repository.split("/")
    subjects = [f"repo:{props.repository}:{context}"]
    if props.repository_id is not None:
        subjects.append(f"repo:{owner}@{props.owner_id}/{name}@{props.repository_id}:{context}")
    return subjects


def _sharing(environments: Mapping[str, DeployTarget], here: Environment) -> Iterator[tuple[str, str]]:
    """Pairs of environments of which one's jobs could deploy to the other."""
    seen: dict[tuple[str, str, str], str] = {}
    for name, target in environments.items():
        for region in target.regions or (here.region,):
            # A default and the same account or region by its name are one place.
            place = (target.account or here.account, target.qualifier, region)
            if place in seen:
                yield seen[place], name
            seen.setdefault(place, name)
