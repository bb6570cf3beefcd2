"""The monitor as a processing job: looks at all windows that are due, with all cores of its instance.

Its environment has two variables, of at most 256 characters each: where the monitor's files lie, and the time of the
look.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping

from ...core.runtime.windows import seconds
from .reading.source import WORKERS
from .run.description import Description, Place
from .run.files import MONITOR, Files
from .run.looking import Looker

RESULTS, LOOK_AT = "MONITOR_RESULTS", "LOOK_AT"
"""``s3://bucket/prefix``, and ``2026-11-28T14:00:00Z``."""


def main(environ: Mapping[str, str] = os.environ) -> int:
    """Look; the exit status says whether it succeeded."""
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(levelname)s %(message)s")
    os.environ.setdefault(WORKERS, str(os.cpu_count() or 1))
    for result in Looker(described_at(environ[RESULTS])).all_due(seconds(environ[LOOK_AT])):
        print(f"{result['window']['start']} {result['status']}: {result['text']}")
    return 0


def described_at(results: str) -> Description:
    """The monitor whose results lie at ``s3://bucket/prefix``.

    :raises FileNotFoundError: nobody has prepared it.
    """
    bucket, _, prefix = results.removeprefix("s3://").partition("/")
    told = Files(Place(bucket=bucket, prefix=prefix)).read(MONITOR)
    if told is None:
        raise FileNotFoundError(f"{results}/{MONITOR}")
    return Description.of(told)


if __name__ == "__main__":
    sys.exit(main())
