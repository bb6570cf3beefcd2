"""`python -m constructs_lib.experiments`."""

from .report.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
