"""`python -m constructs_lib.local`."""

from .cli import main

if __name__ == "__main__":
    raise SystemExit(main())
