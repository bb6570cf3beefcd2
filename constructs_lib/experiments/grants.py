"""Grants: who may take part in an experiment, look at it, or interfere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_iam as iam

if TYPE_CHECKING:
    from .ab_test import ABTest


class ABTestGrants:
    """Permissions on one experiment; each call allows exactly one kind of use."""

    def __init__(self, test: ABTest) -> None:
        """Grant on `test`."""
        self._test = test

    def participate(self, grantee: iam.IGrantable) -> None:
        """Let an application ask the endpoint, log who was shown what, and report rewards.

        It may read the allocation, and remember assignments; counts it can neither read nor change.
        """
        test = self._test
        test.endpoint.grants.invoke(grantee)
        test.manager.stream.grant_write(grantee)
        iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"],
            resource_arns=[test.manager.table.table_arn],
            conditions={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["unit#*"]}},
        )
        iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["dynamodb:GetItem"],
            resource_arns=[test.manager.table.table_arn],
            conditions={"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["state"]}},
        )
        if test.manager.table.encryption_key is not None:
            test.manager.table.encryption_key.grant_encrypt_decrypt(grantee)

    def reward(self, grantee: iam.IGrantable) -> None:
        """Let an application report rewards, and nothing else."""
        self._test.manager.stream.grant_write(grantee)

    def read(self, grantee: iam.IGrantable) -> None:
        """Let a person or a program read the state, for the report."""
        self._test.manager.table.grant_read_data(grantee)
        self._find(grantee)

    def operate(self, grantee: iam.IGrantable) -> None:
        """Let a person run the controller by hand: to look now, or to let a variant back in."""
        self._test.manager.controller.grant_invoke(grantee)
        self._find(grantee)

    def _find(self, grantee: iam.IGrantable) -> None:
        """Where the experiment is, and how it is described to its controller."""
        self._test.parameter.grant_read(grantee)
        iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["lambda:GetFunctionConfiguration"],
            resource_arns=[self._test.manager.controller.function_arn],
        )
