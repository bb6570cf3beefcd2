"""Grants: who may call which routes of an API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_iam as iam

from ..core.place import path_of
from ..core.roles import acknowledge_on
from ..core.rules import Broken
from .rules import SIGNED

if TYPE_CHECKING:
    from .direct_api import DirectApi
    from .inference_api import InferenceApi

_IDS = "Results are named by inference ids that do not exist yet."


class InferenceApiGrants:
    """Permissions on the routes of one API; each call allows exactly one kind of use.

    Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-control-access-using-iam-policies-to-invoke-api.html
    """

    def __init__(self, api: InferenceApi) -> None:
        """Grant on `api`."""
        self._api = api

    def invoke(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` ask for predictions, fetch results and ping.

        :raises ConstraintError: SM-API-010 where tokens decide.
        """
        return self._grant(grantee, [route for route in self._api.routes if "/rewards" not in route])

    def reward(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` report rewards, and nothing else.

        :raises ConstraintError: SM-API-010 where tokens decide, or there is no experiment.
        """
        routes = [route for route in self._api.routes if "/rewards" in route]
        if not routes:
            raise SIGNED.error(
                path_of(self._api), Broken("reward", None, "an API with an experiment", "experiment=…")
            )
        return self._grant(grantee, routes)

    def _grant(self, grantee: iam.IGrantable, routes: list[str]) -> iam.Grant:
        if not self._api.authorization.is_iam:
            allowed = "no grant: callers need a token of the issuer"
            raise SIGNED.error(
                path_of(self._api), Broken("grantee", grantee, allowed, "ApiAuthorization.iam()")
            )
        arns = [self._api.arn_for(route) for route in routes]
        for arn in arns:
            if arn.endswith("*"):
                acknowledge_on(grantee, arn, _IDS)
        return iam.Grant.add_to_principal(grantee=grantee, actions=["execute-api:Invoke"], resource_arns=arns)


class DirectApiGrants:
    """Permissions on the routes of one `DirectApi`.

    Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-control-access-using-iam-policies-to-invoke-api.html
    """

    def __init__(self, api: DirectApi) -> None:
        """Grant on `api`."""
        self._api = api

    def invoke(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` ask for predictions and ping."""
        arns = [self._api.arn_for(route) for route in self._api.routes]
        return iam.Grant.add_to_principal(grantee=grantee, actions=["execute-api:Invoke"], resource_arns=arns)
