"""Which results are told of."""

from __future__ import annotations

import hashlib

_WHOLE = 2**64


class Sampler:
    """Chooses a share of inferences by their ids alone: the same everywhere, and again after a restart.

    So where several places sample the same ids, the smaller share is part of the larger.
    """

    def __init__(self, percent: float, *, errors_always: bool = True) -> None:
        """Choose `percent` (0–100) of the inferences; with `errors_always` those that failed besides."""
        if not 0 <= percent <= 100:
            raise ValueError(f"percent is 0–100, not {percent}")
        self._below = percent / 100 * _WHOLE
        self._errors_always = errors_always

    def wanted(self, inference_id: str, *, failed: bool) -> bool:
        """Whether this one is told of."""
        if failed and self._errors_always:
            return True
        digest = hashlib.sha256(inference_id.encode(errors="surrogatepass")).digest()
        return int.from_bytes(digest[:8]) < self._below
