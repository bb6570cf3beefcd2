"""An app with two compilations by SageMaker Neo: of a model of its framework, and of an archive that has none."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns

from constructs_lib import ModelData, NeoCompilation, NeoFramework, NeoTarget

app = cdk.App(builtin_cloud_formation_validation=False)
stack = cdk.Stack(app, "Compiled", synthesizer=cdk.CliCredentialsStackSynthesizer())
given = s3.Bucket.from_bucket_name(stack, "Given", "compiled-given")
# Of our own, without the policy that asks for TLS: the embedded AWS speaks HTTP on the loopback device.
devices = s3.Bucket(stack, "Devices")
topic = sns.Topic(stack, "OnCall")

for name in ("good", "bad"):
    compilation = NeoCompilation(
        stack,
        name.title(),
        compilation_name=f"compile-{name}",
        model=ModelData.from_bucket(given, f"{name}/1.0.0/model.tar.gz"),
        framework=NeoFramework.ONNX,
        input_shapes={"input0": [1, 4]},
        target=NeoTarget.device("jetson_xavier"),
        output_bucket=devices,
        output_prefix=f"compiled/{name}",
        notify=[topic],
    )
    cdk.CfnOutput(stack, f"{name.title()}Machine", value=compilation.state_machine.state_machine_arn)
cdk.CfnOutput(stack, "Bucket", value=devices.bucket_name)
cdk.CfnOutput(stack, "Topic", value=topic.topic_arn)
app.synth()
