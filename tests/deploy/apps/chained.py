"""An app with three batch transforms: one in a chain of jobs, one of compressed JSON Lines, one that is due hourly."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_scheduler as scheduler

from constructs_lib import (
    BatchArrival,
    BatchInput,
    BatchStrategy,
    BatchTransform,
    Column,
    ColumnType,
    Container,
    ContainerImage,
    DataProcessing,
    Model,
    ModelData,
    PredictionSink,
    ProcessingStep,
)

IN_BULK = "tests/deploy/in_bulk"
SOURCE, TARGET = "/opt/ml/processing/input/data", "/opt/ml/processing/output"
app = cdk.App(builtin_cloud_formation_validation=False)
stack = cdk.Stack(app, "Chained", synthesizer=cdk.CliCredentialsStackSynthesizer())
image = ContainerImage.framework("sklearn", version="1.2-1")


def model(id: str, data: str, code: str) -> Model:
    return Model(stack, id, container=Container(image=image, data=ModelData.from_asset(data, code=code)))


def table(id: str) -> dynamodb.Table:
    key = dynamodb.Attribute(name="patient", type=dynamodb.AttributeType.STRING)
    return dynamodb.Table(stack, id, partition_key=key)


landing, scores = s3.Bucket(stack, "Landing"), s3.Bucket(stack, "Scores")
classifier = model("Classifier", "examples/breast_cancer/model", "examples/breast_cancer/code")
adder = model("Adder", f"{IN_BULK}/adder/model", f"{IN_BULK}/adder/code")
tables = {name: table(f"{name}Predictions") for name in ("Chained", "Listed", "Due")}
chained = BatchTransform(
    stack,
    "Chained",
    transform_name="chained",
    model=classifier,
    instance_type="ml.m5.large",
    input=BatchInput.from_prefix(landing, "exports/"),
    strategy=BatchStrategy.MULTI_RECORD,
    accept="text/csv",
    processing=DataProcessing(input_filter="$[1:]", join=True, output_filter="$[0,-2,-1]"),
    preprocess=ProcessingStep(
        image=image,
        script=f"{IN_BULK}/clean.py",
        environment={"SOURCE": SOURCE, "TARGET": TARGET, "MESSAGE": "/opt/ml/output/message"},
    ),
    postprocess=ProcessingStep(
        image=image,
        script=f"{IN_BULK}/flag.py",
        environment={"SOURCE": SOURCE, "TARGET": TARGET, "THRESHOLD": "0.2"},
        content_type="application/jsonlines",
    ),
    columns=[
        Column.key("patient"),
        Column.prediction("label", ColumnType.STRING, path="answer.label"),
        Column.prediction("malignant", path="answer.probabilities[0]"),
        Column.other("urgent", ColumnType.BOOLEAN, path="answer.urgent"),
    ],
    sink=PredictionSink.dynamodb(tables["Chained"]),
    dashboard=False,
)
listed = BatchTransform(
    stack,
    "Listed",
    transform_name="listed",
    model=adder,
    instance_type="ml.m5.large",
    input=BatchInput.from_prefix(landing, "lists/", content_type="application/jsonlines", gzip=True),
    strategy=BatchStrategy.MULTI_RECORD,
    accept="application/jsonlines",
    processing=DataProcessing(
        input_filter="$.measured", join=True, output_filter="$['patient','SageMakerOutput']"
    ),
    columns=[
        Column.key("patient"),
        Column.prediction("score", path="SageMakerOutput.score"),
        Column.other("second", ColumnType.INT, path="SageMakerOutput.of[1]"),
    ],
    sink=PredictionSink.dynamodb(tables["Listed"]),
    arrival=BatchArrival.manifest(),
    output_bucket=scores,
    dashboard=False,
)
due = BatchTransform(
    stack,
    "Due",
    transform_name="due",
    model=adder,
    instance_type="ml.m5.large",
    input=BatchInput.from_prefix(landing, "due/{yyyy}/{mm}/{dd}/{hh}/", lag=cdk.Duration.days(1)),
    strategy=BatchStrategy.MULTI_RECORD,
    accept="text/csv",
    columns=[Column.key("patient"), Column.prediction("score"), Column.other("note")],
    sink=[PredictionSink.dynamodb(tables["Due"]), PredictionSink.table()],
    schedule=scheduler.ScheduleExpression.rate(cdk.Duration.hours(1)),
    output_bucket=scores,
)
for name, batch in {"Chained": chained, "Listed": listed, "Due": due}.items():
    for told, value in {
        "Input": landing.bucket_name,
        "Output": batch.output.bucket.bucket_name,
        "Table": tables[name].table_name,
        "Start": batch.start_function.function_name,
        "Machine": batch.state_machine.state_machine_arn,
        "Requests": batch.requests.queue.queue_url,
        "DeadLetters": batch.requests.dead_letters.queue_url,
    }.items():
        cdk.CfnOutput(stack, f"{name}{told}", value=value)
app.synth()
