"""The account AWS publishes an image from, where the region is known at deployment only."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import aws_cdk as cdk
import constructs

from ..core.place import stack_of

_KEY = "account"


def account_for_region(scope: constructs.Construct, accounts: Mapping[str, str]) -> str:
    """A lookup of the deploying region's account in a mapping of the stack.

    Images published from the same accounts share one mapping, named after its content. A region that is
    not in it fails the deployment at once, before anything is made.
    """
    stack = stack_of(scope)
    listed = "\n".join(f"{region}={account}" for region, account in sorted(accounts.items()))
    id = f"SageMakerImageAccounts{hashlib.sha256(listed.encode()).hexdigest()[:8]}"
    mapping = stack.node.try_find_child(id)
    if not isinstance(mapping, cdk.CfnMapping):
        rows = {region: {_KEY: account} for region, account in sorted(accounts.items())}
        mapping = cdk.CfnMapping(stack, id, mapping=rows, lazy=True)
    return mapping.find_in_map(stack.region, _KEY)
