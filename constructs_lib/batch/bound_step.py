"""What a processing step needs beside its job: an image, a role, its script."""

from __future__ import annotations

from pathlib import Path

import constructs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3_assets as s3_assets

from ..core.buckets import attributes_of
from ..core.roles import Permissions, allow_telemetry, execution_role
from .processing_step import ProcessingStep


class BoundStep(constructs.Construct):
    """A step whose job can be made once its role has its policy."""

    def __init__(self, scope: constructs.Construct, id: str, *, step: ProcessingStep) -> None:
        super().__init__(scope, id)
        self.role: iam.IRole = (
            execution_role(self, does=f"Runs the step {id}") if step.role is None else step.role
        )
        """What the job's container runs under."""
        self.permissions = Permissions(self.role)
        """What it may do; `attach` gives it."""
        allow_telemetry(self.permissions, self)
        self.image = step.image.bind(self, "Image", self.permissions).uri
        self.script = None if step.script is None else self._upload(step.script)
        """Where the script was uploaded to, and its file's name there."""

    def attach(self) -> iam.Policy:
        """Give the role what was gathered. Call it once, when all is."""
        return self.permissions.attach(self)

    def _upload(self, script: str) -> tuple[str, str]:
        # Whole, since Node was started elsewhere, perhaps.
        asset = s3_assets.Asset(self, "Script", path=str(Path(script).resolve()))
        bucket, key = asset.bucket, asset.s3_object_key
        self.permissions.allow("s3:GetObject", on=bucket.arn_for_objects(key))
        # SageMaker lists what lies under the input's prefix, and fetches it.
        listed = {"StringLike": {"s3:prefix": f"{key}*"}}
        self.permissions.allow("s3:ListBucket", on=attributes_of(bucket).arn, conditions=listed)
        return asset.s3_object_url, f"{asset.asset_hash}{Path(script).suffix}"
