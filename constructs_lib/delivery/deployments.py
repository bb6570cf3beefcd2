"""The folder of manifests as stacks of an app."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import aws_cdk as cdk
import constructs

from .build.kinds import build
from .folder import EnvironmentFolder, load
from .placement import stack_names
from .problems import ManifestError, Problem


class Deployments:
    """What a folder of manifests says is in service in one environment, as stacks of an app.

    Each deployment has a stack of its own, ``<environment>-<name>``; those with a ``metadata.group`` share
    stacks, as ``stacks.lock`` says. Needs the extra ``constructs-lib[delivery]``.

    Example::

        app = cdk.App()
        Deployments(app, "deployments", "dev")
        app.synth()
    """

    def __init__(
        self,
        app: constructs.Construct,
        folder: str | Path,
        environment: str,
        *,
        synthesizer: cdk.IReusableStackSynthesizer | None = None,
    ) -> None:
        """Make the stacks.

        :param app: the app, or a stage.
        :param folder: with one folder for each environment, relative to where synthesis runs.
        :param environment: name of the environment's folder.
        :param synthesizer: of all stacks. Default: the app's.
        :raises ManifestError: with everything that is wrong in any manifest, by file, line and column.
        """
        self.environment: EnvironmentFolder = load(Path(folder), environment)
        """What was read."""
        self.stack_of: dict[str, str] = stack_names(self.environment)
        """The name of each deployment's stack."""
        self.stacks, problems = deploy(app, self.environment, self.stack_of, synthesizer)
        if problems:
            raise ManifestError(problems)


def deploy(
    app: constructs.Construct,
    environment: EnvironmentFolder,
    names: Mapping[str, str],
    synthesizer: cdk.IReusableStackSynthesizer | None = None,
) -> tuple[dict[str, cdk.Stack], list[Problem]]:
    """Make the deployments that `names` names, each in the stack of that name; and what is wrong with any."""
    stacks: dict[str, cdk.Stack] = {}
    problems: list[Problem] = []
    for manifest in environment.manifests:
        if manifest.name not in names:
            continue
        name = names[manifest.name]
        if name not in stacks:
            stacks[name] = cdk.Stack(app, name, env=_place(environment), synthesizer=synthesizer)
        scope = constructs.Construct(stacks[name], manifest.name)
        problems += build(scope, manifest, environment)
    return stacks, problems


def _place(environment: EnvironmentFolder) -> cdk.Environment | None:
    spec = environment.environment.spec
    account = spec.account or os.environ.get("CDK_DEFAULT_ACCOUNT")
    region = spec.region or os.environ.get("CDK_DEFAULT_REGION")
    return cdk.Environment(account=account, region=region) if account and region else None
