"""What a process writes, line by line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

LINE_LIMIT = 64 * 1024
"""The longest line, in bytes: the `limit` to start the process with."""


async def lines_of(output: asyncio.StreamReader) -> AsyncIterator[str]:
    """The lines with something in them, until the end."""
    while True:
        try:
            line = await output.readline()
        except ValueError:
            # A line beyond the limit: what was read of it is gone, the process goes on.
            continue
        if not line:
            return
        text = line.decode("utf-8", "replace").rstrip()
        if text:
            yield text
