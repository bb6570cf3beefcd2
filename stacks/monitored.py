"""A model that says when it stops being right: in its data, in its answers, and in its reasons."""

from __future__ import annotations

import aws_cdk as cdk
import constructs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns

from constructs_lib import (
    AttributionDrift,
    AutoScaling,
    Baseline,
    Container,
    ContainerImage,
    DataCapture,
    DataQuality,
    GroundTruth,
    Model,
    ModelData,
    ModelQuality,
    MonitoredEndpoint,
    Prediction,
    ProblemType,
    Rollout,
)

ANSWER = Prediction(
    label="labels",
    probability="probabilities",
    baseline_label="predicted",
    baseline_probability="probability",
)
"""Where the example's model answers, and the columns of its baseline that hold what it said."""

_PACKS = ("NIST.800.53.R5", "HIPAA.Security")
_OF_BUCKETS = [
    "AwsSolutions::AwsSolutions-S1",
    *(f"{pack}::{pack}-S3Bucket{rule}Enabled" for pack in _PACKS for rule in ("Logging", "Replication")),
]
_FEW_READERS = (
    "Written by who knows the labels, read by one monitor; CloudTrail data events serve better than access logs. "
    "Replication is the account's decision."
)


class MonitoredStack(cdk.Stack):
    """One scikit-learn model with three monitors.

    :param model: folder with the trained artefact.
    :param code: folder with its ``inference.py``.
    :param baseline: CSV of the training data, with labels and predictions.
    :param labels_within: how long the truth may take to be known.
    :param every: how much time is looked at at once.
    :param settle: how long captured data may take to be written.
    """

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        model: str,
        code: str,
        baseline: str,
        labels_within: cdk.Duration,
        every: cdk.Duration | None = None,
        settle: cdk.Duration | None = None,
        instance_type: str = "ml.m5.large",
        env: cdk.Environment | None = None,
        synthesizer: cdk.IStackSynthesizer | None = None,
    ) -> None:
        """Make the stack."""
        super().__init__(scope, id, env=env, synthesizer=synthesizer)
        key = kms.Key(
            self, "Key", description="Data and alarms of the monitored endpoint", enable_key_rotation=True
        )
        topic = self._topic(key)
        labels = self._labels(key)
        served = Model(
            self,
            "Model",
            container=Container(
                image=ContainerImage.framework("sklearn", version="1.2-1"),
                data=ModelData.from_asset(model, code=code),
            ),
        )
        data = Baseline.from_asset(baseline, not_features=["diagnosis", "predicted", "probability"])
        self.endpoint = MonitoredEndpoint(
            self,
            "Endpoint",
            model=served,
            instance_type=instance_type,
            scaling=AutoScaling(min_capacity=2, max_capacity=4, invocations_per_instance=600),
            rollout=Rollout.canary(size_percent=50, wait=cdk.Duration.minutes(5)),
            capture=DataCapture(encryption_key=key),
            encryption_key=key,
            notify=[topic],
            monitors=[
                DataQuality(baseline=data, every=every, settle=settle, least_records=100),
                ModelQuality(
                    problem=ProblemType.BINARY,
                    baseline=data,
                    baseline_truth="diagnosis",
                    positive="benign",
                    prediction=ANSWER,
                    ground_truth=GroundTruth(bucket=labels, prefix="labels", within=labels_within),
                    every=every,
                    settle=settle,
                    least_records=100,
                ),
                AttributionDrift(
                    baseline=data,
                    prediction=ANSWER,
                    every=every,
                    settle=settle,
                    least_records=100,
                ),
            ],
        )
        for name, owned in self.endpoint.monitoring.owned.items():
            cdk.CfnOutput(
                self, f"{name}Function", value=owned.function.function_name, description="Looks on demand"
            )
        cdk.CfnOutput(
            self, "Labels", value=labels.bucket_name, description="Bucket for labels, below labels/"
        )
        cdk.CfnOutput(self, "OnCallTopic", value=topic.topic_arn, description="Topic that is told of alarms")

    def _topic(self, key: kms.Key) -> sns.Topic:
        topic = sns.Topic(self, "OnCall", master_key=key, enforce_ssl=True)
        # Without both, CloudWatch could not publish, and would say so nowhere: a topic whose policy asks for TLS has
        # none that lets the account's alarms in, and what is encrypted takes the key.
        alarms = iam.ServicePrincipal(
            "cloudwatch.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": self.account}}
        )
        topic.grant_publish(alarms)
        key.grant(iam.ServicePrincipal("cloudwatch.amazonaws.com"), "kms:Decrypt", "kms:GenerateDataKey")
        return topic

    def _labels(self, key: kms.Key) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            "LabelsBucket",
            encryption=s3.BucketEncryption.KMS,
            encryption_key=key,
            bucket_key_enabled=True,
            enforce_ssl=True,
            versioned=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        cdk.Validations.of(bucket).acknowledge(
            *(cdk.Acknowledgment(id=id, reason=_FEW_READERS) for id in _OF_BUCKETS)
        )
        return bucket
