"""An app with APIs that ask SageMaker themselves: one that tells content types apart, one that takes any bytes."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from constructs_lib import Container, ContainerImage, DirectApi, Model, ModelData, RealtimeEndpoint

app = cdk.App(builtin_cloud_formation_validation=False)
stack = cdk.Stack(app, "Direct", synthesizer=cdk.CliCredentialsStackSynthesizer())
data = ModelData.from_asset("examples/breast_cancer/model", code="examples/breast_cancer/code")
container = Container(image=ContainerImage.framework("sklearn", version="1.2-1"), data=data)
endpoint = RealtimeEndpoint(
    stack,
    "Endpoint",
    model=Model(stack, "Model", container=container),
    instance_type="ml.m5.large",
    instance_count=1,
)
text = DirectApi(stack, "Text", endpoint=endpoint, content_types=["text/csv", "application/json"])
anything = DirectApi(stack, "Anything", endpoint=endpoint, own_inference_ids=True, target_variants=True)
# One before an endpoint that is not there: what SageMaker refuses.
blind = DirectApi(stack, "Blind", endpoint=RealtimeEndpoint.from_endpoint_name(stack, "Other", "other"))
caller = iam.Role(stack, "Caller", role_name="direct-caller", assumed_by=iam.AccountRootPrincipal())
stranger = iam.Role(stack, "Stranger", role_name="direct-stranger", assumed_by=iam.AccountRootPrincipal())
for name, api in {"Text": text, "Anything": anything, "Blind": blind}.items():
    api.grants.invoke(caller)
    cdk.CfnOutput(stack, f"{name}Api", value=api.front.rest_api.rest_api_id)
app.synth()
