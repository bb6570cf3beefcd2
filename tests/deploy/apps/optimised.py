"""An app with two optimisations: of a model that bears 8 bits, which is rolled out then, and of one that does not."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns

from constructs_lib import ContainerImage, ModelData
from constructs_lib.core.s3_prefix import S3Prefix
from constructs_lib.edge.held_out_set import HeldOutSet
from constructs_lib.edge.optimisation import ModelOptimisation

app = cdk.App(builtin_cloud_formation_validation=False)
stack = cdk.Stack(app, "Optimised", synthesizer=cdk.CliCredentialsStackSynthesizer())
given = s3.Bucket.from_bucket_name(stack, "Given", "optimised-given")
# Of our own, without the policy that asks for TLS: the embedded AWS speaks HTTP on the loopback device.
devices = s3.Bucket(stack, "Devices")
topic = sns.Topic(stack, "OnCall")

START = """
def handle(event, context):
    return {"execution": "rollout of " + event["model"]["bucket"] + "/" + event["model"]["key"]}
"""


class Rollout:
    """What stands for a fleet."""

    start_function = lambda_.Function(
        stack,
        "Start",
        runtime=lambda_.Runtime.PYTHON_3_11,
        handler="index.handle",
        code=lambda_.Code.from_inline(START),
    )

    def read_models_from(self, models: S3Prefix) -> None:
        """It reads none."""


for name, rollout in (("good", Rollout()), ("bad", None)):
    optimisation = ModelOptimisation(
        stack,
        name.title(),
        optimisation_name=f"optimise-{name}",
        model=ModelData.from_bucket(given, f"{name}/1.0.0/model.tar.gz"),
        held_out=HeldOutSet.from_bucket(given, f"{name}/held-out.csv", label="befund (ä)"),
        image=ContainerImage.from_uri("123456789012.dkr.ecr.eu-west-1.amazonaws.com/optimise:1.0.0"),
        output_bucket=devices,
        output_prefix=f"models/{name}",
        rollout=rollout,
        notify=[topic],
    )
    cdk.CfnOutput(stack, f"{name.title()}Machine", value=optimisation.state_machine.state_machine_arn)
cdk.CfnOutput(stack, "Bucket", value=devices.bucket_name)
cdk.CfnOutput(stack, "Topic", value=topic.topic_arn)
app.synth()
