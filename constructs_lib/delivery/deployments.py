"""The folder of manifests as stacks of an app."""

from __future__ import annotations

import os
from pathlib import Path

import aws_cdk as cdk
import constructs

from .build.kinds import build
from .folder import EnvironmentFolder, Manifest, load
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
        self.stacks: dict[str, cdk.Stack] = {}
        """The stacks by name."""
        self.stack_of: dict[str, str] = {}
        """The name of each deployment's stack."""
        self._app = app
        self._synthesizer = synthesizer
        names = stack_names(self.environment)
        problems = [
            problem
            for manifest in self.environment.manifests
            for problem in self._deploy(manifest, names[manifest.name])
        ]
        if problems:
            raise ManifestError(problems)

    def _deploy(self, manifest: Manifest, stack_name: str) -> tuple[Problem, ...]:
        if stack_name not in self.stacks:
            self.stacks[stack_name] = cdk.Stack(
                self._app, stack_name, env=self._place(), synthesizer=self._synthesizer
            )
        self.stack_of[manifest.name] = stack_name
        scope = constructs.Construct(self.stacks[stack_name], manifest.name)
        return build(scope, manifest, self.environment)

    def _place(self) -> cdk.Environment | None:
        spec = self.environment.environment.spec
        account = spec.account or os.environ.get("CDK_DEFAULT_ACCOUNT")
        region = spec.region or os.environ.get("CDK_DEFAULT_REGION")
        return cdk.Environment(account=account, region=region) if account and region else None
