"""An app with two functions that call one endpoint: one may, one may not."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_

from constructs_lib import Container, ContainerImage, Model, ModelData, RealtimeEndpoint

CALLER = """
import boto3

def handle(event, context):
    response = boto3.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=event["endpoint"], ContentType="text/csv", Body=event["body"])
    return response["Body"].read().decode()
"""

app = cdk.App(builtin_cloud_formation_validation=False)
stack = cdk.Stack(app, "Granted", synthesizer=cdk.CliCredentialsStackSynthesizer())
endpoint = RealtimeEndpoint(
    stack,
    "Endpoint",
    endpoint_name="granted",
    instance_type="ml.m5.large",
    instance_count=1,
    model=Model(
        stack,
        "Model",
        container=Container(
            image=ContainerImage.framework("sklearn", version="1.2-1"),
            data=ModelData.from_asset("examples/breast_cancer/model", code="examples/breast_cancer/code"),
        ),
    ),
)
for name in ("allowed", "denied"):
    function = lambda_.Function(
        stack,
        name.title(),
        function_name=name,
        runtime=lambda_.Runtime.PYTHON_3_13,
        handler="index.handle",
        code=lambda_.Code.from_inline(CALLER),
        timeout=cdk.Duration.seconds(30),
    )
    if name == "allowed":
        endpoint.grants.invoke(function)
app.synth()
