"""The program of the processing job: ``python -m constructs_lib.edge.runtime.optimise --model … --held-out …``."""

from __future__ import annotations

import sys

from .job import run
from .options import Options

if __name__ == "__main__":
    raise SystemExit(run(Options.parse(sys.argv[1:])))
