"""An app that places a model for a multi-model endpoint, without the endpoint.

``--context archive=<name> --context id=<construct id> --context keep=true``
"""

from __future__ import annotations

import aws_cdk as cdk
import constructs
from aws_cdk import aws_s3 as s3

from constructs_lib import ModelData
from constructs_lib.hosting.model_placement import ModelPlacement

app = cdk.App(builtin_cloud_formation_validation=False)
stack = cdk.Stack(app, "Placed", synthesizer=cdk.CliCredentialsStackSynthesizer())
registry, models = (s3.Bucket.from_bucket_name(stack, name, name) for name in ("registry", "models"))
place = constructs.Construct(stack, app.node.get_context("id"))
archive = ModelData.from_bucket(
    registry, f"churn/{app.node.get_context('archive')}/model.tar.gz", version="1"
)
archived = archive.archived(place, "Data")
ModelPlacement.of(stack).place(
    place,
    archived,
    into=ModelData.from_prefix(models, "tenants/"),
    key=f"churn/{archived.fingerprint[:16]}.tar.gz",
    keep=app.node.try_get_context("keep") == "true",
)
app.synth()
