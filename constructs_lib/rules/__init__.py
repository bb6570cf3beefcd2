"""The rules on any CloudFormation template, also one that this library did not make.

``python -m constructs_lib.rules check TEMPLATE…`` reads templates and starts no jsii. Within an app,
`SageMakerRules` and `guard_plugin` are plug-ins of CDK's own validation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

# Importing the modules registers their rules.
from . import (
    alarms,
    components,
    endpoint_configs,
    endpoints,
    models,
    monitors,
    retired,
    scaling,
    serverless,
    shadows,
)
from .registry import Finding, findings
from .template import Template, TemplateError

if TYPE_CHECKING:
    from .plugin import SageMakerRules, guard_plugin

__all__ = [
    "Finding",
    "SageMakerRules",
    "Template",
    "TemplateError",
    "alarms",
    "components",
    "endpoint_configs",
    "endpoints",
    "findings",
    "guard_plugin",
    "models",
    "monitors",
    "retired",
    "scaling",
    "serverless",
    "shadows",
]

_WITH_CDK = ("SageMakerRules", "guard_plugin")


def __getattr__(name: str) -> object:
    """The plug-ins, which need the CDK, when they are asked for."""
    if name in _WITH_CDK:
        from . import plugin

        found: object = getattr(plugin, name)
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
