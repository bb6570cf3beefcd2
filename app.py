"""The CDK app: one stack per capability."""

from __future__ import annotations

import os

import aws_cdk as cdk

from stacks.realtime import RealtimeStack


def build(outdir: str | None = None) -> cdk.App:
    """The app; reads no clock, no network and no credentials."""
    app = cdk.App(outdir=outdir)
    # The model's folder may be given by context, so that a pipeline deploys what it has just trained:
    # cdk deploy -c model=build/models/2
    RealtimeStack(
        app,
        "Realtime",
        model=app.node.try_get_context("model") or "examples/breast_cancer/model",
        code=app.node.try_get_context("code") or "examples/breast_cancer/code",
        env=_environment(),
    )
    return app


def _environment() -> cdk.Environment | None:
    """The account and region the CDK CLI found credentials for; none: synthesize for any."""
    account, region = os.environ.get("CDK_DEFAULT_ACCOUNT"), os.environ.get("CDK_DEFAULT_REGION")
    return cdk.Environment(account=account, region=region) if account and region else None


if __name__ == "__main__":
    build().synth()
