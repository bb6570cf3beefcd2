"""Physical names: derived from the construct's path, so the same on every synthesis, and known at synth."""

from __future__ import annotations

import hashlib
import re

import aws_cdk as cdk
import constructs

from .tokens import is_token

ENDPOINT_NAME_LENGTH = 63
"""Longest name of an endpoint, endpoint configuration, model or variant."""

NAME_PATTERN = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
NAME_ALLOWED = "1–63 letters, digits and hyphens, beginning and ending with a letter or digit"

_HASH_LENGTH = 8


def physical_name(
    scope: constructs.IConstruct, *, max_length: int = ENDPOINT_NAME_LENGTH, suffix: str = ""
) -> str:
    """A name for `scope` of at most `max_length` characters: stack name, then path, then `suffix`.

    The stack's *name* leads (not its construct id), so one app deployed under two stack names does not
    collide. A hash of the whole is appended when anything had to be cut or replaced, so that two paths
    never share a name.
    """
    stack = cdk.Stack.of(scope)
    lead = [] if is_token(stack.stack_name) else [stack.stack_name]
    within = scope.node.path.split("/")
    below = within[len(stack.node.path.split("/")) :] if lead else within
    whole = "-".join([*lead, *below, *([suffix] if suffix else [])])
    return fitted_name(whole, max_length=max_length)


def fitted_name(whole: str, *, max_length: int = ENDPOINT_NAME_LENGTH) -> str:
    """`whole` in lower-case letters, digits and single hyphens; hashed where that lost anything.

    Lower case, since SageMaker keeps the case of an endpoint's name but lowers it in the ARN it checks
    policies against.
    """
    whole = whole.lower()
    clean = re.sub(r"[^a-z0-9]+", "-", whole).strip("-")
    if clean == whole and len(clean) <= max_length:
        return clean
    digest = hashlib.sha256(whole.encode()).hexdigest()[:_HASH_LENGTH]
    head = clean[: max_length - _HASH_LENGTH - 1].rstrip("-")
    return f"{head}-{digest}" if head else digest
