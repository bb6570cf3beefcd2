"""Whom a role trusts: its trust policy, evaluated for a token as IAM does for AssumeRoleWithWebIdentity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .synth import Template, flat, resources

ISSUER = "token.actions.githubusercontent.com"
Claims = Mapping[str, str]


def of_github(repository: str, context: str, *, ids: tuple[str, str] | None = None, **claims: str) -> Claims:
    """The claims of a token as GitHub makes it; with `ids` of owner and repository, its immutable form."""
    owner, name = repository.split("/")
    subject = f"{owner}@{ids[0]}/{name}@{ids[1]}" if ids else repository
    return {
        "iss": f"https://{ISSUER}",
        "aud": "sts.amazonaws.com",
        "sub": f"repo:{subject}:{context}",
        "repository": repository,
        "repository_id": ids[1] if ids else "456789",
        "ref": "refs/heads/main",
        "job_workflow_ref": f"{repository}/.github/workflows/deploy.yml@refs/heads/main",
        **claims,
    }


def trusted(template: Template, role: str, claims: Claims) -> bool:
    """Whether the role whose logical id begins so lets a job with these claims in."""
    (found,) = (each for id, each in resources(template, "AWS::IAM::Role").items() if id.startswith(role))
    document = found["Properties"]["AssumeRolePolicyDocument"]
    return any(_lets_in(each, claims) for each in document["Statement"])


def _lets_in(statement: Mapping[str, Any], claims: Claims) -> bool:
    assert statement["Effect"] == "Allow"
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert set(statement["Principal"]) == {"Federated"}, "only the provider vouches"
    assert flat(statement["Principal"]["Federated"]) not in ("*", "")
    # No other operator, above all none with wildcards, and none that is true where a claim is absent.
    assert set(statement["Condition"]) == {"StringEquals"}
    return all(_equals(key, wanted, claims) for key, wanted in statement["Condition"]["StringEquals"].items())


def _equals(key: str, wanted: str | list[str], claims: Claims) -> bool:
    issuer, claim = key.rsplit(":", 1)
    assert issuer == ISSUER
    return claims.get(claim) in (wanted if isinstance(wanted, list) else [wanted])
