"""Which stack a deployment lives in, for good: what has been deployed never moves to another stack."""

from __future__ import annotations

from .folder import EnvironmentFolder, default_name


def stack_names(environment: EnvironmentFolder) -> dict[str, str]:
    """The stack of each deployment, by the deployment's name."""
    return {each.name: default_name(environment.name, each.name) for each in environment.manifests}
