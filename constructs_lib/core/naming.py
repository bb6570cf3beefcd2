"""Physical names: derived from the construct's path, so the same on every synthesis, and known at synth."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import aws_cdk as cdk
import constructs

from .place import name_of, path_of, stack_of
from .tokens import is_token

ENDPOINT_NAME_LENGTH = 63
"""Longest name of an endpoint, endpoint configuration, model or variant."""

_HASH_LENGTH = 8


def physical_name(
    scope: constructs.IConstruct, *, max_length: int = ENDPOINT_NAME_LENGTH, suffix: str = ""
) -> str:
    """A name for `scope` of at most `max_length` characters: stack name, then path, then `suffix`.

    The stack's *name* leads (not its construct id), so one app deployed under two stack names does not
    collide. Where the path below the stack is more than one plain id, or anything had to be cut or
    replaced, a hash of the whole is appended, so that two paths never share a name.
    """
    stack = _named_stack(stack_of(scope))
    below = path_of(scope).split("/")[len(path_of(stack).split("/")) :]
    parts = [name_of(stack), *below, *([suffix] if suffix else [])]
    return _fitted(parts, max_length)


def _named_stack(stack: cdk.Stack) -> cdk.Stack:
    """The stack, or where it is a nested one, whose name only the deployment knows, the one around it."""
    while is_token(name_of(stack)) and stack.nested_stack_parent is not None:
        stack = stack.nested_stack_parent
    return stack


def fitted_name(whole: str, *, max_length: int = ENDPOINT_NAME_LENGTH) -> str:
    """`whole` in lower-case letters, digits and single hyphens; hashed where that lost anything.

    Lower case, since SageMaker keeps the case of an endpoint's name but lowers it in the ARN it checks
    policies against.
    """
    return _fitted([whole], max_length)


def _fitted(parts: Sequence[str], max_length: int) -> str:
    whole = "-".join(parts).lower()
    clean = re.sub(r"[^a-z0-9]+", "-", whole).strip("-")
    # The last hyphen is the one that joins, or there is none: else a-b/c and a/b-c would share a name.
    plain = len(parts) == 1 or (len(parts) == 2 and "-" not in parts[1])
    if clean == whole and plain and len(clean) <= max_length:
        return clean
    whole = "/".join(parts).lower()
    digest = hashlib.sha256(whole.encode()).hexdigest()[:_HASH_LENGTH]
    head = clean[: max_length - _HASH_LENGTH - 1].rstrip("-")
    return f"{head}-{digest}" if head else digest
