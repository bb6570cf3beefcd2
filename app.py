"""The CDK app: what `deployments/<environment>` says, or, without an environment, one stack per capability."""

from __future__ import annotations

import os

import aws_cdk as cdk

from stacks.api import ApiStack
from stacks.asynchronous import AsyncStack
from stacks.batch import BatchStack
from stacks.components import ComponentsStack
from stacks.edge import EdgeStack
from stacks.experiment import ExperimentStack
from stacks.monitored import MonitoredStack
from stacks.multi_model import MultiModelStack
from stacks.pipeline import PipelineStack
from stacks.realtime import RealtimeStack
from stacks.serverless import ServerlessStack
from stacks.shadow import ShadowStack


def build(outdir: str | None = None) -> cdk.App:
    """The app; reads no clock, no network and no credentials."""
    app = cdk.App(outdir=outdir)
    # cdk deploy --all -c environment=dev
    environment = app.node.try_get_context("environment")
    if environment:
        # Imported here: it takes the extra `delivery`, which the stacks below do not.
        from constructs_lib import Deployments

        Deployments(app, app.node.try_get_context("deployments") or "deployments", environment)
    else:
        _showcase(app)
    return app


def _showcase(app: cdk.App) -> None:
    """One ready stack per capability."""
    env = _environment()
    # The model's folder may be given by context, so that a pipeline deploys what it has just trained:
    # cdk deploy Realtime -c model=build/models/2
    model = app.node.try_get_context("model") or "examples/breast_cancer/model"
    code = app.node.try_get_context("code") or "examples/breast_cancer/code"
    models = app.node.try_get_context("models") or "examples/digits/models"
    RealtimeStack(app, "Realtime", model=model, code=code, env=env)
    ServerlessStack(app, "Serverless", model=model, code=code, env=env)
    ApiStack(app, "Api", model=model, code=code, columns=30, env=env)
    AsyncStack(app, "Async", model=model, code=code, env=env)
    MultiModelStack(app, "MultiModel", models=models, code="examples/digits/code", env=env)
    PipelineStack(app, "Pipeline", steps="examples/wine", env=env)
    ComponentsStack(
        app, "Components", models={"Cancer": "examples/breast_cancer", "Wine": "examples/wine/scale"}, env=env
    )
    ExperimentStack(
        app,
        "Experiment",
        models={name: f"examples/breast_cancer/arms/{name}" for name in ("few", "many")},
        code=code,
        # A local demonstration has no day to wait for a reward.
        window=_seconds(app, "window", 24 * 3600),
        period=_seconds(app, "period", 3600),
        least=_seconds(app, "least", 14 * 86400),
        env=env,
    )
    ShadowStack(
        app,
        "Shadow",
        production="examples/breast_cancer/arms/few",
        challenger="examples/breast_cancer/arms/many",
        code=code,
        env=env,
    )
    MonitoredStack(
        app,
        "Monitored",
        model=model,
        code=code,
        baseline="examples/breast_cancer/baseline.csv",
        labels_within=_seconds(app, "labels_within", 24 * 3600),
        every=_seconds(app, "every", 3600),
        settle=_seconds(app, "settle", 900),
        env=env,
    )
    BatchStack(app, "Batch", model=model, code=code, env=env)
    EdgeStack(
        app,
        "Edge",
        model=app.node.try_get_context("edge_model") or "examples/breast_cancer/edge",
        soak=_seconds(app, "soak", 4 * 3600),
        python=app.node.try_get_context("python") or "python3",
        env=env,
    )


def _seconds(app: cdk.App, context: str, otherwise: int) -> cdk.Duration:
    """A duration that may be given by context, in seconds."""
    return cdk.Duration.seconds(int(app.node.try_get_context(context) or otherwise))


def _environment() -> cdk.Environment | None:
    """The account and region the CDK CLI found credentials for; none: synthesize for any."""
    account, region = os.environ.get("CDK_DEFAULT_ACCOUNT"), os.environ.get("CDK_DEFAULT_REGION")
    return cdk.Environment(account=account, region=region) if account and region else None


if __name__ == "__main__":
    build().synth()
