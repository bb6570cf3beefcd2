"""An app with a batch transform into all kinds of sinks, started by a marker; captured, and monitored."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_rds as rds
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sns as sns
from sklearn.datasets import load_breast_cancer

from constructs_lib import (
    Baseline,
    BatchArrival,
    BatchCapture,
    BatchInput,
    BatchStrategy,
    BatchTransform,
    Column,
    ColumnType,
    Container,
    ContainerImage,
    DataProcessing,
    DataQuality,
    Model,
    ModelData,
    Monitoring,
    PredictionSink,
)

app = cdk.App(builtin_cloud_formation_validation=False)
stack = cdk.Stack(app, "Scored", synthesizer=cdk.CliCredentialsStackSynthesizer())
image = ContainerImage.framework("sklearn", version="1.2-1")
model = Model(
    stack,
    "Model",
    container=Container(
        image=image,
        data=ModelData.from_asset("examples/breast_cancer/model", code="examples/breast_cancer/code"),
    ),
)
# Of our own, without the policy that asks for TLS: the embedded AWS speaks HTTP on the loopback device.
patients, scores = s3.Bucket(stack, "Patients"), s3.Bucket(stack, "Scores")
table = dynamodb.Table(
    stack, "Predictions", partition_key=dynamodb.Attribute(name="patient", type=dynamodb.AttributeType.STRING)
)
topic = sns.Topic(stack, "OnCall")
user = secretsmanager.Secret.from_secret_name_v2(stack, "Writer", "scores-user")
cluster = rds.DatabaseCluster.from_database_cluster_attributes(
    stack,
    "Cluster",
    cluster_identifier="scores",
)
told = [
    Column.key("patient"),
    *(Column.feature(str(name).replace(" ", "_")) for name in load_breast_cancer().feature_names),
    Column.prediction("label", ColumnType.STRING),
    Column.prediction("probability"),
]
batch = BatchTransform(
    stack,
    "Batch",
    transform_name="scored",
    model=model,
    instance_type="ml.m5.large",
    input=BatchInput.from_prefix(patients, "patients/"),
    strategy=BatchStrategy.MULTI_RECORD,
    accept="text/csv",
    processing=DataProcessing(input_filter="$[1:]", join=True),
    columns=told,
    sink=[
        PredictionSink.dynamodb(table),
        PredictionSink.table(),
        PredictionSink.rds(cluster, database="crm", table="scores", secret=user),
        BatchCapture(),
    ],
    schedule=scheduler.ScheduleExpression.cron(hour="2", minute="0", time_zone=cdk.TimeZone.EUROPE_BERLIN),
    arrival=BatchArrival.success_marker(),
    output_bucket=scores,
    attempts=2,
    notify=[topic],
    tags={"CostCenter": "clinic"},
)
monitoring = Monitoring.of_batch(
    batch,
    monitors=[
        DataQuality(
            baseline=Baseline.from_bucket(
                s3.Bucket.from_bucket_name(stack, "Training", "scored-training"), "train.csv"
            ),
            least_records=50,
        )
    ],
)
for name, value in {
    "Input": patients.bucket_name,
    "Output": scores.bucket_name,
    "Table": table.table_name,
    "Start": batch.start_function.function_name,
    "Machine": batch.state_machine.state_machine_arn,
    "Requests": batch.requests.queue.queue_url,
    "DeadLetters": batch.requests.dead_letters.queue_url,
    "Topic": topic.topic_arn,
    "Monitor": monitoring.owned["DataQuality"].function.function_name,
}.items():
    cdk.CfnOutput(stack, name, value=value)
app.synth()
