"""An app with a monitored endpoint of two variants, told to go back to the first and to retrain when data drifts."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as stepfunctions

from constructs_lib import (
    AttributionDrift,
    Baseline,
    Container,
    ContainerImage,
    DataCapture,
    DataQuality,
    GroundTruth,
    Model,
    ModelData,
    ModelQuality,
    MonitorAction,
    MonitorCompute,
    MonitoredEndpoint,
    Prediction,
    ProblemType,
    Variant,
)

app = cdk.App(builtin_cloud_formation_validation=False)
stack = cdk.Stack(app, "Watched", synthesizer=cdk.CliCredentialsStackSynthesizer())
variants = [
    Variant(
        name=name,
        model=Model(
            stack,
            name,
            container=Container(
                image=ContainerImage.framework("sklearn", version="1.2-1"),
                data=ModelData.from_asset(
                    f"examples/breast_cancer/arms/{arm}", code="examples/breast_cancer/code"
                ),
            ),
        ),
        instance_type="ml.m5.large",
        instance_count=1,
        weight=weight,
    )
    for name, arm, weight in (("Before", "few", 0), ("Now", "many", 1))
]
topic = sns.Topic(stack, "OnCall")
retrain = stepfunctions.StateMachine(
    stack,
    "Retrain",
    definition_body=stepfunctions.DefinitionBody.from_chainable(stepfunctions.Pass(stack, "Trained")),
)
# Of our own, without the policy that asks for TLS: the embedded AWS speaks HTTP on the loopback device.
bucket = s3.Bucket(stack, "Captured")
# For the same reason no asset: the bucket of assets refuses what does not come by TLS.
data = Baseline.from_bucket(
    s3.Bucket.from_bucket_name(stack, "Training", "watched-training"),
    "cancer.csv",
    not_features=["diagnosis", "predicted", "probability"],
)
answer = Prediction(
    label="labels",
    probability="probabilities",
    baseline_label="predicted",
    baseline_probability="probability",
)
as_a_job = app.node.try_get_context("job") == "true"
endpoint = MonitoredEndpoint(
    stack,
    "Endpoint",
    endpoint_name="watched",
    variants=variants,
    capture=DataCapture(bucket=bucket),
    compute=MonitorCompute.processing() if as_a_job else MonitorCompute.function(),
    notify=[topic],
    dashboard=False,
    monitors=[
        DataQuality(
            baseline=data,
            least_records=100,
            actions=[MonitorAction.shift_traffic(to="Before"), MonitorAction.retrain(retrain)],
        ),
        ModelQuality(
            problem=ProblemType.BINARY,
            baseline=data,
            baseline_truth="diagnosis",
            positive="benign",
            prediction=answer,
            ground_truth=GroundTruth(bucket=bucket, prefix="labels", within=cdk.Duration.hours(1)),
            least_records=100,
        ),
        AttributionDrift(
            baseline=data, prediction=answer, sample=3, background=3, rows_a_call=1000, least_records=100
        ),
    ],
)
for name, owned in endpoint.monitoring.owned.items():
    cdk.CfnOutput(stack, f"{name}Function", value=owned.function.function_name)
    if owned.job is not None:
        cdk.CfnOutput(stack, f"{name}Machine", value=owned.job.state_machine.state_machine_arn)
cdk.CfnOutput(stack, "Topic", value=topic.topic_arn)
cdk.CfnOutput(stack, "Bucket", value=bucket.bucket_name)
cdk.CfnOutput(stack, "RetrainMachine", value=retrain.state_machine_arn)
app.synth()
