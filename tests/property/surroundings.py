"""What stands around the constructs under test: models, keys, buckets, alarms, parameters of the stack."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from constructs_lib import Container, ContainerImage, Model, ModelData
from constructs_lib.model.model import ModelBase

from .made import InStack

ACCOUNT = "111122223333"
KEY_ARN = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/0a1b2c3d-0000-4000-8000-000000000000"


def _framework_model(stack: cdk.Stack, id: str) -> ModelBase:
    image = ContainerImage.framework("sklearn", version="1.2-1")
    bucket = s3.Bucket.from_bucket_name(stack, f"{id}Bucket", "artefacts")
    return Model(
        stack, id, container=Container(image=image, data=ModelData.from_bucket(bucket, "v1.2.0/model.tar.gz"))
    )


def _imported_model(stack: cdk.Stack, id: str) -> ModelBase:
    return Model.from_model_name(stack, id, "imported")


def _pipeline(stack: cdk.Stack, id: str) -> ModelBase:
    xgboost = Container(image=ContainerImage.built_in("xgboost", version="1.7-1"))
    return Model(
        stack, id, containers=[xgboost, Container(image=ContainerImage.framework("sklearn", version="1.2-1"))]
    )


MODELS = [
    InStack("FrameworkModel", _framework_model),
    InStack("ImportedModel", _imported_model),
    InStack("Pipeline", _pipeline),
]
KEY = InStack("Key", lambda stack, id: kms.Key.from_key_arn(stack, id, KEY_ARN))
BUCKET = InStack("CaptureBucket", lambda stack, id: s3.Bucket.from_bucket_name(stack, id, "captured"))
ALARMS = [
    InStack(
        name,
        lambda stack, id: cloudwatch.Alarm.from_alarm_arn(
            stack, id, f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:{id}"
        ),
    )
    for name in ("Drift", "Backlog", "Pager")
]
INSTANCE_TYPE = InStack(
    "InstanceType", lambda stack, id: cdk.CfnParameter(stack, id, default="ml.m5.large").value_as_string
)
WHOLE_NUMBER = InStack(
    "WholeNumber", lambda stack, id: cdk.CfnParameter(stack, id, type="Number", default=8).value_as_number
)
