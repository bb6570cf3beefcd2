"""An app with APIs: of an asynchronous endpoint that tokens guard, and of an experiment; one role may call."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from constructs_lib import (
    ABTest,
    ApiAuthorization,
    AsyncEndpoint,
    Container,
    ContainerImage,
    InferenceApi,
    Model,
    ModelData,
    RequestLimits,
    Reward,
    Routing,
    Variant,
)

app = cdk.App(builtin_cloud_formation_validation=False)
stack = cdk.Stack(app, "Fronted", synthesizer=cdk.CliCredentialsStackSynthesizer())


def a_model(name: str, folder: str) -> Model:
    """A model of breast-cancer data."""
    data = ModelData.from_asset(folder, code="examples/breast_cancer/code")
    image = ContainerImage.framework("sklearn", version="1.2-1")
    return Model(stack, name, container=Container(image=image, data=data))


queued = AsyncEndpoint(
    stack,
    "Queued",
    model=a_model("Model", "examples/breast_cancer/model"),
    instance_type="ml.m5.large",
    instance_count=1,
)
queue = InferenceApi(
    stack,
    "Queue",
    endpoint=queued,
    authorization=ApiAuthorization.jwt(
        issuer=app.node.try_get_context("issuer"), audience=["fraud"], scopes=["predict"]
    ),
    request=RequestLimits(content_types=["text/csv"]),
)
test = ABTest(
    stack,
    "Test",
    variants=[
        Variant(
            name=name,
            model=a_model(name, f"examples/breast_cancer/arms/{name}"),
            instance_type="ml.m5.large",
            instance_count=1,
        )
        for name in ("few", "many")
    ],
    reward=Reward.binary(window=cdk.Duration.hours(1)),
    routing=Routing.ASSIGNMENT,
    removal_policy=cdk.RemovalPolicy.DESTROY,
)
trial = InferenceApi(stack, "Trial", endpoint=test.endpoint, experiment=test)
caller = iam.Role(stack, "Caller", role_name="caller", assumed_by=iam.AccountRootPrincipal())
stranger = iam.Role(stack, "Stranger", role_name="stranger", assumed_by=iam.AccountRootPrincipal())
trial.grants.invoke(caller)
trial.grants.reward(caller)
cdk.CfnOutput(stack, "QueueUrl", value=queue.url)
cdk.CfnOutput(stack, "TrialUrl", value=trial.url)
cdk.CfnOutput(stack, "TableName", value=test.manager.table.table_name)
cdk.CfnOutput(stack, "ExperimentName", value=test.experiment_name)
cdk.CfnOutput(stack, "Controller", value=test.manager.controller.function_name)
cdk.CfnOutput(stack, "StreamName", value=test.manager.stream.stream_name)
app.synth()
