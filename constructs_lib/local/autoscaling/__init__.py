"""Application Auto Scaling for the embedded AWS: its API, its CloudFormation types, and a loop that scales.

The decisions (:mod:`.decide`, :mod:`.alarms`, :mod:`.schedule`, :mod:`.expressions`) are pure: they import
nothing of the emulator, and so does this package until :func:`install` is called.
"""

from __future__ import annotations


def install() -> None:
    """Put Application Auto Scaling into the ministack of this process. Call it before the server starts."""
    from constructs_lib.local.autoscaling.plugin import install_all

    install_all()
