"""`python -m constructs_lib.local.greengrass.nucleus`."""

from .cli import main

if __name__ == "__main__":
    raise SystemExit(main())
