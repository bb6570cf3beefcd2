"""What stands around the constructs under test: images, buckets, keys, networks, alarms, parameters of the stack."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns

from constructs_lib import Container, ContainerImage, Model, ModelData
from constructs_lib.model.model import ModelBase

from .made import InStack

ACCOUNT = "111122223333"
KEY_ARN = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/0a1b2c3d-0000-4000-8000-000000000000"
EXAMPLES = Path(__file__).parents[2] / "examples"

STACK = InStack("Stack", lambda stack, _: stack)


def _framework_model(stack: cdk.Stack, id: str) -> ModelBase:
    bucket = s3.Bucket.from_bucket_name(stack, f"{id}Bucket", "artefacts")
    data = ModelData.from_bucket(bucket, "v1.2.0/model.tar.gz")
    return Model(stack, id, container=Container(image=_sklearn(stack, id), data=data))


def _imported_model(stack: cdk.Stack, id: str) -> ModelBase:
    return Model.from_model_name(stack, id, "imported")


def _pipeline(stack: cdk.Stack, id: str) -> ModelBase:
    return Model(
        stack, id, containers=[Container(image=_xgboost(stack, id)), Container(image=_sklearn(stack, id))]
    )


def _sklearn(stack: cdk.Stack, id: str) -> ContainerImage:
    return ContainerImage.framework("sklearn", version="1.2-1")


def _xgboost(stack: cdk.Stack, id: str) -> ContainerImage:
    return ContainerImage.built_in("xgboost", version="1.7-1")


def _own(stack: cdk.Stack, id: str) -> ContainerImage:
    return ContainerImage.from_uri(f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/fraud:1")


IMAGES = [
    InStack("SklearnImage", _sklearn),
    InStack("XgboostImage", _xgboost),
    InStack("OwnImage", _own),
]
OWN_IMAGE = IMAGES[-1]

LONE_MODELS = [InStack("FrameworkModel", _framework_model), InStack("ImportedModel", _imported_model)]
MODELS = [*LONE_MODELS, InStack("Pipeline", _pipeline)]

ARTEFACTS = InStack("Artefacts", lambda stack, id: s3.Bucket.from_bucket_name(stack, id, "artefacts"))
ASSET = InStack("Asset", lambda *_: ModelData.from_asset(str(EXAMPLES / "digits" / "models" / "fold-0")))
CODE = str(EXAMPLES / "digits" / "code")

KEY = InStack("Key", lambda stack, id: kms.Key.from_key_arn(stack, id, KEY_ARN))
OWN_KEY = InStack("OwnKey", lambda stack, id: kms.Key(stack, id, enable_key_rotation=True))
KEYS = [KEY, OWN_KEY]
BUCKET = InStack("CaptureBucket", lambda stack, id: s3.Bucket.from_bucket_name(stack, id, "captured"))
TOPICS = [
    InStack(
        "Answered",
        lambda stack, id: sns.Topic.from_topic_arn(stack, id, f"arn:aws:sns:us-east-1:{ACCOUNT}:answered"),
    ),
    InStack("Failed", lambda stack, id: sns.Topic(stack, id, enforce_ssl=True)),
]
ROLES = [
    InStack(
        "OwnRole",
        lambda stack, id: iam.Role(
            stack,
            id,
            assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"),
            description="The team's own",
        ),
    ),
    InStack(
        "ImportedRole",
        lambda stack, id: iam.Role.from_role_arn(stack, id, f"arn:aws:iam::{ACCOUNT}:role/fraud"),
    ),
]
VPC = InStack(
    "Vpc",
    lambda stack, id: ec2.Vpc.from_vpc_attributes(
        stack,
        id,
        vpc_id="vpc-0a1b2c3d",
        availability_zones=["us-east-1a", "us-east-1b"],
        private_subnet_ids=["subnet-0a1b2c3d", "subnet-1a2b3c4d"],
        isolated_subnet_ids=["subnet-2a3b4c5d", "subnet-3a4b5c6d"],
    ),
)
SECURITY_GROUPS = [
    InStack(
        f"SecurityGroup{index}",
        lambda stack, id: ec2.SecurityGroup.from_security_group_id(stack, id, f"sg-0a1b2c3{id[-1]}"),
    )
    for index in range(2)
]
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
