"""Arrays in NumPy's own format. NumPy is imported when an array is written or read, and not before."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Npy:
    """An array, with its shape and type. Never pickled: arrays of objects are refused, both ways."""

    content_type: str = "application/x-npy"
    accept: str = "application/x-npy"

    def dump(self, data: object) -> bytes:
        """An array, or what NumPy makes one of."""
        import numpy

        buffer = io.BytesIO()
        numpy.save(buffer, numpy.asarray(data), allow_pickle=False)
        return buffer.getvalue()

    def load(self, body: bytes, content_type: str) -> NDArray[Any]:
        """The array."""
        import numpy

        try:
            array: NDArray[Any] = numpy.load(io.BytesIO(body), allow_pickle=False)
        except (EOFError, OSError) as error:
            raise ValueError(f"not npy: {error}") from error
        return array
