"""An endpoint with a smoke test, shaped by context.

``-c model=FOLDER`` what it serves, ``-c expect=LABEL`` what it must answer, ``-c kind=realtime|serverless|async``
"""

from __future__ import annotations

import aws_cdk as cdk

from constructs_lib import (
    AsyncEndpoint,
    Container,
    ContainerImage,
    Model,
    ModelData,
    RealtimeEndpoint,
    ServerlessEndpoint,
    SmokeExpectation,
    SmokeRequest,
    SmokeTest,
)
from examples.breast_cancer.train import split

app = cdk.App(builtin_cloud_formation_validation=False)
stack = cdk.Stack(app, "Smoked", synthesizer=cdk.CliCredentialsStackSynthesizer())
model = Model(
    stack,
    "Model",
    container=Container(
        image=ContainerImage.framework("sklearn", version="1.2-1"),
        data=ModelData.from_asset(app.node.get_context("model"), code="examples/breast_cancer/code"),
    ),
)
kind = app.node.try_get_context("kind") or "realtime"
name = f"smoked-{kind}"
if kind == "serverless":
    endpoint = ServerlessEndpoint(
        stack, kind, endpoint_name=name, model=model, memory=cdk.Size.gibibytes(2), max_concurrency=2
    )
elif kind == "async":
    endpoint = AsyncEndpoint(stack, kind, endpoint_name=name, model=model, instance_type="ml.m5.large")
else:
    endpoint = RealtimeEndpoint(stack, kind, endpoint_name=name, model=model, instance_type="ml.m5.large")
SmokeTest(
    stack,
    "SmokeTest",
    endpoint=endpoint,
    request=SmokeRequest(body=",".join(map(str, split()[1][0])), content_type="text/csv"),
    expect=SmokeExpectation(
        json={"$.labels[0]": app.node.try_get_context("expect") or "benign"},
        content_type=None if kind == "async" else "application/json",
        max_latency=None if kind == "async" else cdk.Duration.seconds(30),
    ),
    patience=cdk.Duration.minutes(1),
)
app.synth()
