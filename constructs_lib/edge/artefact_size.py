"""How large an artefact of a component may be: a larger one would fail minutes into a deployment."""

from __future__ import annotations

from pathlib import Path

import constructs

from ..core.rules import Broken, listed

LARGEST_BYTES = 2 << 30
FITS = listed(
    id="SM-EDGE-007",
    summary="What a component carries has at most 2 GB, where it is packed on this machine.",
    source="https://docs.aws.amazon.com/general/latest/gr/greengrassv2.html",
)


def require_size(construct: constructs.Construct, property: str, path: str | None) -> None:
    """Refuse a file that Greengrass would; None: it lies elsewhere, and is not known.

    :raises ConstraintError: SM-EDGE-007.
    """
    size = 0 if path is None else Path(path).stat().st_size
    if size > LARGEST_BYTES:
        allowed = f"at most {LARGEST_BYTES:,} bytes, packed"
        fix = "a smaller model (ModelOptimisation makes weights 8-bit), or fewer wheels"
        raise FITS.error(construct.node.path, Broken(property, f"{size:,} bytes", allowed, fix))
