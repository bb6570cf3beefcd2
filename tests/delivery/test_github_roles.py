"""Roles for GitHub Actions: whose tokens they take, what they may do, and what is refused at synthesis."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam

from constructs_lib import DeployTarget, GitHubDeployRoles
from tests.policy import privilege
from tests.support.advice import Advised, Build, warnings
from tests.support.refusals import Refusal, as_parameters, refused
from tests.support.rights import rights
from tests.support.synth import Template, flat, fresh_app, properties, resources, synthesized
from tests.support.trust import of_github, trusted

REPOSITORY = "acme/models"
IDS = ("123456", "456789")
DEV, PROD = DeployTarget(account="111122223333", branch=None), DeployTarget(account="444455556666")
ENVIRONMENTS = {"dev": DEV, "prod": PROD}


def made(stack: cdk.Stack, **props: Any) -> GitHubDeployRoles:
    """Roles for a repository with two environments, known by its ids."""
    known = {"owner_id": IDS[0], "repository_id": IDS[1]}
    return GitHubDeployRoles(
        stack, "GitHub", **{"repository": REPOSITORY, "environments": ENVIRONMENTS, **known, **props}
    )


def template(**props: Any) -> Template:
    stack = cdk.Stack(fresh_app(), "Roles", env=cdk.Environment(account="999988887777", region="eu-west-1"))
    made(stack, **props)
    return synthesized(stack)


def deploys(environment: str, *, ids: tuple[str, str] | None = IDS, **claims: str) -> dict[str, str]:
    return dict(of_github(REPOSITORY, f"environment:{environment}", ids=ids, **claims))


# --- whom they trust -------------------------------------------------------------------------------------


@pytest.mark.parametrize("ids", [IDS, None], ids=["with ids", "with names"])
def test_a_job_of_the_environment_gets_its_role_and_no_other(ids: tuple[str, str] | None) -> None:
    roles = template()
    for environment, other in (("dev", "prod"), ("prod", "dev")):
        assert trusted(roles, f"GitHubDeploy{environment}", deploys(environment, ids=ids))
        assert not trusted(roles, f"GitHubDeploy{other}", deploys(environment, ids=ids))
        assert not trusted(roles, "GitHubRead", deploys(environment, ids=ids))


@pytest.mark.parametrize("ids", [IDS, None], ids=["with ids", "with names"])
def test_a_pull_request_gets_the_role_that_reads_alone(ids: tuple[str, str] | None) -> None:
    roles = template()
    token = of_github(REPOSITORY, "pull_request", ids=ids, ref="refs/pull/7/merge")
    assert trusted(roles, "GitHubRead", token)
    assert not any(trusted(roles, f"GitHubDeploy{each}", token) for each in ENVIRONMENTS)


@pytest.mark.parametrize("ids", [IDS, None], ids=["with ids", "with names"])
def test_a_nightly_job_of_the_branch_reads_too(ids: tuple[str, str] | None) -> None:
    roles = template()
    assert trusted(roles, "GitHubRead", of_github(REPOSITORY, "ref:refs/heads/main", ids=ids))
    assert not trusted(roles, "GitHubRead", of_github(REPOSITORY, "ref:refs/heads/evil", ids=ids))
    assert not trusted(
        template(scheduled_from=None), "GitHubRead", of_github(REPOSITORY, "ref:refs/heads/main")
    )
    without = template(pull_requests=False)
    assert trusted(without, "GitHubRead", of_github(REPOSITORY, "ref:refs/heads/main", ids=ids))
    assert not trusted(without, "GitHubRead", of_github(REPOSITORY, "pull_request", ids=ids))


def test_no_stranger_is_let_in() -> None:
    roles = template()
    strangers = [
        of_github("evil/models", "environment:prod", ids=("666", "667")),
        of_github("acme/models-fork", "environment:prod"),
        of_github("acme-evil/models", "environment:prod"),
        of_github(REPOSITORY, "ref:refs/heads/feature"),
        of_github(REPOSITORY, "ref:refs/tags/main"),
        of_github(REPOSITORY, "environment:prod:x"),
        of_github(REPOSITORY, "environment:PROD"),
        of_github(REPOSITORY, "environment:*"),
        of_github("ACME/models", "environment:prod"),
        {**deploys("prod"), "aud": "https://github.com/acme"},
        {key: value for key, value in deploys("prod").items() if key != "sub"},
        {key: value for key, value in deploys("prod").items() if key != "aud"},
    ]
    for token in strangers:
        for role in ("GitHubDeploydev", "GitHubDeployprod", "GitHubRead"):
            assert not trusted(roles, role, token), (role, token)


def test_who_takes_over_the_name_is_not_let_in() -> None:
    """A repository made anew under an old name mints the same subject in the form with names."""
    token = deploys("prod", ids=None, repository_id="777")
    assert not trusted(template(), "GitHubDeployprod", token)
    assert not trusted(template(), "GitHubDeployprod", deploys("prod", ids=("777", "778")))
    assert trusted(template(owner_id=None, repository_id=None), "GitHubDeployprod", token), "hence the advice"


def test_production_is_deployed_from_its_branch_only() -> None:
    roles, elsewhere = template(), {"ref": "refs/heads/experiment"}
    assert not trusted(roles, "GitHubDeployprod", deploys("prod", **elsewhere))
    assert trusted(roles, "GitHubDeploydev", deploys("dev", **elsewhere)), "branch=None"
    released = template(environments={"prod": DeployTarget(branch="release/2")})
    assert trusted(released, "GitHubDeployprod", deploys("prod", ref="refs/heads/release/2"))
    assert not trusted(released, "GitHubDeployprod", deploys("prod"))


# --- what they may do -------------------------------------------------------------------------------------


def bootstrap(
    account: str, *purposes: str, region: str = "eu-west-1", qualifier: str = "hnb659fds"
) -> set[Any]:
    prefix = f"arn:aws:iam::{account}:role/cdk-{qualifier}"
    return {("sts:AssumeRole", f"{prefix}-{each}-role-{account}-{region}") for each in purposes}


DEPLOYING = ("deploy", "file-publishing", "image-publishing", "lookup")


def allowed(roles: Template, role: str) -> set[tuple[str, str]]:
    return {(action, on.replace("<AWS::Partition>", "aws")) for action, on in rights(roles, role)}


def test_each_may_assume_the_bootstrap_roles_of_its_account_and_nothing_else() -> None:
    roles = template()
    assert allowed(roles, "GitHubDeploydev") == bootstrap("111122223333", *DEPLOYING)
    assert allowed(roles, "GitHubDeployprod") == bootstrap("444455556666", *DEPLOYING)


def test_the_one_for_pull_requests_may_only_look() -> None:
    accounts = ("111122223333", "444455556666")
    assert allowed(template(), "GitHubRead") == {
        pair for account in accounts for pair in bootstrap(account, "lookup")
    }


def test_regions_and_qualifier_are_those_of_the_target_and_else_of_the_stack() -> None:
    target = DeployTarget(regions=["eu-west-1", "us-east-1"], qualifier="team")
    found = allowed(template(environments={"dev": target}), "GitHubDeploydev")
    assert found == {
        pair
        for region in ("eu-west-1", "us-east-1")
        for pair in bootstrap("999988887777", *DEPLOYING, region=region, qualifier="team")
    }


def test_nothing_is_allowed_beyond_need_and_no_wildcard_stands_anywhere() -> None:
    roles = template()
    assert privilege.problems(roles) == []
    assert "*" not in json.dumps(roles["Resources"])
    for role in resources(roles, "AWS::IAM::Role").values():
        assert "ManagedPolicyArns" not in role["Properties"]


def test_sessions_are_short_and_a_boundary_bounds_all() -> None:
    assert {
        each["Properties"]["MaxSessionDuration"] for each in resources(template(), "AWS::IAM::Role").values()
    } == {3600}
    stack = cdk.Stack(fresh_app(), "Bounded")
    boundary = iam.ManagedPolicy.from_managed_policy_name(stack, "Boundary", "deploying")
    made(stack, permissions_boundary=boundary, max_session=cdk.Duration.hours(4))
    roles = [each["Properties"] for each in resources(synthesized(stack), "AWS::IAM::Role").values()]
    assert len(roles) == 3
    for each in roles:
        assert flat(each["PermissionsBoundary"]).endswith(":policy/deploying")
        assert each["MaxSessionDuration"] == 4 * 3600


# --- provider, outputs, options ----------------------------------------------------------------------------


def test_a_provider_is_made_unless_the_account_has_one() -> None:
    provider = properties(template(), "AWS::IAM::OIDCProvider")
    assert provider["Url"] == "https://token.actions.githubusercontent.com"
    assert provider["ClientIdList"] == ["sts.amazonaws.com"]
    stack = cdk.Stack(fresh_app(), "Given")
    arn = "arn:aws:iam::999988887777:oidc-provider/token.actions.githubusercontent.com"
    roles = made(stack, provider=iam.OidcProviderNative.from_oidc_provider_arn(stack, "Given", arn))
    found = synthesized(stack)
    assert resources(found, "AWS::IAM::OIDCProvider") == {}
    assert arn in json.dumps(found)
    assert roles.provider.oidc_provider_arn == arn


def test_workflows_are_told_the_arns() -> None:
    told = {each["Description"] for each in template()["Outputs"].values()}
    assert told == {
        "Deploys acme/models to dev",
        "Deploys acme/models to prod",
        "Reads for acme/models",
    }


def test_where_nobody_may_read_there_is_no_role_for_it() -> None:
    stack = cdk.Stack(fresh_app(), "Deploying")
    assert made(stack, pull_requests=False, scheduled_from=None).reading_role is None
    assert len(resources(synthesized(stack), "AWS::IAM::Role")) == 2


def test_names_that_are_only_known_when_deployed_pass() -> None:
    stack = cdk.Stack(fresh_app(), "Tokens")
    account = cdk.CfnParameter(stack, "Account").value_as_string
    made(stack, environments={"dev": DeployTarget(account=account)})
    assert "<Account>" in str(allowed(synthesized(stack), "GitHubDeploydev"))


# --- what is refused, and what is advised ------------------------------------------------------------------

ids = count()


def refusing(**props: Any) -> Callable[[], object]:
    return lambda: made(cdk.Stack(fresh_app(), f"Refused{next(ids)}"), **props)


def environments(**named: Any) -> Callable[[], object]:
    return refusing(environments=named)


REFUSED = [
    *(
        Refusal("SM-DELIVERY-050", refusing(repository=given), "repository", given, "owner/name")
        for given in (
            "acme",
            "acme/*",
            "*/models",
            "acme/models/x",
            "repo:acme/models",
            "acme/mod els",
            "-a/b",
            "",
            "a/..",
        )
    ),
    Refusal("SM-DELIVERY-051", refusing(owner_id=None), "owner_id", None, "since the other id is given"),
    Refusal("SM-DELIVERY-051", refusing(repository_id=None), "repository_id", None, "since the other id"),
    *(
        Refusal("SM-DELIVERY-051", refusing(owner_id=given), "owner_id", given, "the number")
        for given in ("*", "acme", "12 3", "", "0123", "1" * 21)
    ),
    Refusal("SM-DELIVERY-052", refusing(environments={}), "environments", {}, "at least one"),
    *(
        Refusal(
            "SM-DELIVERY-052",
            refusing(environments={given: DEV}),
            f"environments[{given!r}]",
            given,
            "letters",
        )
        for given in ("*", "prod:x", "a b", "", "-dev", "dev/1", "pröd", "x" * 101)
    ),
    Refusal(
        "SM-DELIVERY-052",
        environments(Dev=DEV, dev=PROD),
        "environments['dev']",
        "dev",
        "GitHub ignores case",
    ),
    Refusal(
        "SM-DELIVERY-052",
        environments(dev="111122223333"),
        "environments['dev']",
        "111122223333",
        "DeployTarget",
    ),
    *(
        Refusal(
            "SM-DELIVERY-053",
            refusing(environments={given: DeployTarget(branch=None)}),
            f"environments[{given!r}].branch",
            None,
            "the branch that is merged to",
        )
        for given in ("prod", "Production", "eu-prod", "prd", "live.eu")
    ),
    *(
        Refusal(
            "SM-DELIVERY-054", lambda given=given: DeployTarget(account=given), "account", given, "12 digits"
        )
        for given in ("*", "11112222333", "111122223333 ", "")
    ),
    *(
        Refusal(
            "SM-DELIVERY-054",
            lambda given=given: DeployTarget(regions=["eu-west-1", given]),
            "regions[1]",
            given,
            "such as eu-west-1",
        )
        for given in ("*", "eu-*", "Ireland", "")
    ),
    Refusal(
        "SM-DELIVERY-054",
        lambda: DeployTarget(regions=["eu-west-1", "eu-west-1"]),
        "regions",
        ["eu-west-1", "eu-west-1"],
        "each region once",
    ),
    Refusal("SM-DELIVERY-054", lambda: DeployTarget(regions="eu-west-1"), "regions", "eu-west-1", "a list"),
    *(
        Refusal(
            "SM-DELIVERY-055", lambda given=given: DeployTarget(qualifier=given), "qualifier", given, "1–10"
        )
        for given in ("*", "", "elevenchars", "a b")
    ),
    *(
        Refusal(
            "SM-DELIVERY-056",
            lambda given=given: DeployTarget(branch=given),
            "branch",
            given,
            "without refs/heads/",
        )
        for given in ("*", "release/*", "", "/main", "a..b", "main/", "x.lock", "a b", "refs/heads/main")
    ),
    Refusal(
        "SM-DELIVERY-056", refusing(scheduled_from="release/*"), "scheduled_from", "release/*", "one branch"
    ),
    *(
        Refusal(
            "SM-DELIVERY-057",
            refusing(max_session=given),
            "max_session",
            given.to_human_string(),
            "from 1 hour to 12 hours",
        )
        for given in (cdk.Duration.minutes(59), cdk.Duration.hours(13))
    ),
]


@pytest.mark.parametrize("refusal", as_parameters(REFUSED))
def test_refused(refusal: Refusal) -> None:
    refusal.check()


def test_what_is_wrong_is_told_together() -> None:
    error = refused(refusing(repository="*", environments={}, owner_id="x", max_session=60))
    assert {each.property for each in error.violations} == {
        "repository",
        "environments",
        "owner_id",
        "max_session",
    }


def advised(**props: Any) -> Build:
    return lambda stack: made(stack, **props)


def sharing_by_default(stack: cdk.Stack) -> GitHubDeployRoles:
    """The default account and region, and the same by name."""
    named = DeployTarget(account=stack.account, regions=[stack.region])
    return made(stack, environments={"dev": DeployTarget(branch=None), "prod": named})


ADVISED = [
    Advised("SM-DELIVERY-150", advised(owner_id=None, repository_id=None), "takes over the name acme/models"),
    Advised("SM-DELIVERY-151", advised(environments={"dev": DEV, "test": DEV}), "dev and test share"),
    Advised("SM-DELIVERY-151", sharing_by_default, "dev and prod share"),
]


@pytest.mark.parametrize("advice", ADVISED, ids=lambda each: each.id)
def test_advised(advice: Advised) -> None:
    advice.check()


def test_accounts_or_qualifiers_of_their_own_need_no_advice() -> None:
    apart = {"dev": DeployTarget(qualifier="dev"), "prod": DeployTarget(qualifier="prod")}
    assert warnings(advised()) == []
    assert warnings(advised(environments=apart)) == []
