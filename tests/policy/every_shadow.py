"""A user's stack of shadow tests, with every option that allows something."""

from __future__ import annotations

from itertools import cycle
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from constructs_lib import (
    AutoScaling,
    Comparison,
    Container,
    ContainerImage,
    DataCapture,
    ManagedShadowTest,
    Model,
    RealtimeEndpoint,
    ShadowTest,
    Variant,
)
from constructs_lib.model.model import ModelBase

from .every_kind import ACCOUNT, KEYS, a_role, of_the_user

IMAGE = ContainerImage.framework("sklearn", version="1.2-1")


class EveryShadow(cdk.Stack):
    """Captures in buckets and with keys of the user's and of ours; models and roles of both."""

    def __init__(self, scope: cdk.App, id: str, **kwargs: Any) -> None:
        super().__init__(scope, id, **kwargs)
        self.key = kms.Key.from_key_arn(self, "Key", f"{KEYS}/0a1b2c3d-0000-4000-8000-000000000000")
        self.bucket = s3.Bucket.from_bucket_attributes(
            self,
            "Captured",
            bucket_name="captured",
            encryption_key=kms.Key.from_key_arn(
                self, "CapturedKey", f"{KEYS}/1a1b2c3d-0000-4000-8000-000000000000"
            ),
        )
        self.own = a_role(self, "OwnRole", "sagemaker.amazonaws.com")
        imported = iam.Role.from_role_arn(self, "ImportedRole", f"arn:aws:iam::{ACCOUNT}:role/fraud")
        self.imported = of_the_user(imported)
        self.production = Model(self, "Production", container=Container(image=IMAGE))
        self.captures = [
            None,
            DataCapture(bucket=self.bucket),
            DataCapture(encryption_key=self.key),
            DataCapture(bucket=self.bucket, prefix="seen", encryption_key=self.key),
        ]
        self._tests()
        self._managed()

    def _tests(self) -> None:
        container = Container(image=IMAGE)
        models: list[ModelBase] = [
            Model(self, "Plain", container=container),
            Model(self, "WithOwnRole", container=container, role=self.own),
            Model(self, "WithImportedRole", container=container, role=self.imported),
            Model.from_model_name(self, "Imported", "fraud"),
        ]
        caller = a_role(self, "Caller", "lambda.amazonaws.com")
        for index, (model, capture) in enumerate(zip(models, cycle(self.captures), strict=False)):
            test = ShadowTest(
                self,
                f"Shadow{index}",
                production=self._variant("Old", self.production),
                challenger=self._variant("New", model),
                comparison=Comparison(label="label", every=cdk.Duration.minutes(15)),
                capture=capture,
                encryption_key=self.key,
            )
            test.grants.invoke(caller)
            test.grants.shift_traffic(caller)

    def _variant(self, name: str, model: ModelBase) -> Variant:
        scaling = AutoScaling(min_capacity=2, max_capacity=4, cpu_utilization=70)
        return Variant(name=name, model=model, instance_type="ml.m5.large", scaling=scaling)

    def _managed(self) -> None:
        endpoint = RealtimeEndpoint(
            self,
            "Endpoint",
            model=self.production,
            instance_type="ml.m5.large",
            encryption_key=self.key,
        )
        roles = (None, self.own, self.imported, None)
        for index, (capture, role) in enumerate(zip(self.captures, roles, strict=True)):
            ManagedShadowTest(
                self,
                f"Managed{index}",
                endpoint=endpoint,
                challenger=Variant(name="New", model=self.production, instance_type="ml.m5.large"),
                capture=capture,
                encryption_key=self.key if index else None,
                role=role,
            )
