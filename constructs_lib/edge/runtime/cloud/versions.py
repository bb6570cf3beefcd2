"""Versions of components, made of what they contain."""

from __future__ import annotations

_DIGITS = 1_000_000


def version_of(digest: str) -> str:
    """The semantic version that stands for a SHA-256 in hexadecimal: ``1.<6 digits>.<6 digits>``.

    The same content has the same version, wherever and whenever it is published. Versions are not ordered: what needs
    one names it exactly. A million versions of one component would have two of one name at a chance of four in ten;
    a thousand at one in two million, and publishing finds it out.

    Source: https://docs.aws.amazon.com/greengrass/v2/developerguide/component-recipe-reference.html
    """
    number = int(digest[:16], 16)
    return f"1.{number // _DIGITS % _DIGITS}.{number % _DIGITS}"
