"""A small stack with one of everything that the library's stacks are made of, for test_cdk.py."""

from __future__ import annotations

import os
from pathlib import Path

from aws_cdk import (
    App,
    CfnOutput,
    CustomResource,
    Duration,
    Environment,
    Stack,
)
from aws_cdk import (
    aws_applicationautoscaling as scaling,
)
from aws_cdk import (
    aws_cloudwatch as cloudwatch,
)
from aws_cdk import (
    aws_cloudwatch_actions as actions,
)
from aws_cdk import (
    aws_events as events,
)
from aws_cdk import (
    aws_events_targets as targets,
)
from aws_cdk import (
    aws_iam as iam,
)
from aws_cdk import (
    aws_kms as kms,
)
from aws_cdk import (
    aws_lambda as lambda_,
)
from aws_cdk import (
    aws_s3 as s3,
)
from aws_cdk import (
    aws_s3_assets as assets,
)
from aws_cdk import (
    aws_sagemaker as sagemaker,
)
from aws_cdk import (
    aws_sns as sns,
)
from aws_cdk import (
    aws_ssm as ssm,
)

HERE = Path(__file__).parent
ENDPOINT = "cdk-endpoint"

PROVIDER = """
import json, urllib.request
def handler(event, context):
    properties = event["ResourceProperties"]
    answer = {"Status": "SUCCESS", "PhysicalResourceId": "greeting", "StackId": event["StackId"],
              "RequestId": event["RequestId"], "LogicalResourceId": event["LogicalResourceId"],
              "Data": {"Greeting": "hello " + properties["Name"]}}
    request = urllib.request.Request(event["ResponseURL"], json.dumps(answer).encode(), method="PUT")
    urllib.request.urlopen(request).read()
"""


def _function(stack: Stack, name: str, code: lambda_.Code, handler: str) -> lambda_.Function:
    return lambda_.Function(
        stack,
        name,
        runtime=lambda_.Runtime.PYTHON_3_11,
        handler=handler,
        code=code,
        timeout=Duration.seconds(20),
    )


def _endpoint(stack: Stack, bucket: s3.Bucket) -> sagemaker.CfnEndpoint:
    archive = assets.Asset(stack, "Archive", path=os.environ["MODEL_ARCHIVE"])
    role = iam.Role(stack, "Execution", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
    archive.grant_read(role)
    bucket.grant_put(role)
    container = sagemaker.CfnModel.ContainerDefinitionProperty(
        image="123456789012.dkr.ecr.eu-west-1.amazonaws.com/sklearn:1",
        model_data_url=archive.s3_object_url,
        environment={"NAME": os.environ["MODEL_NAME"]},
    )
    model = sagemaker.CfnModel(stack, "Model", execution_role_arn=role.role_arn, primary_container=container)
    model.node.add_dependency(role)
    variant = sagemaker.CfnEndpointConfig.ProductionVariantProperty(
        variant_name="main",
        model_name=model.attr_model_name,
        initial_instance_count=1,
        instance_type="ml.m5.large",
        initial_variant_weight=1,
    )
    config = sagemaker.CfnEndpointConfig(stack, "Config", production_variants=[variant])
    return sagemaker.CfnEndpoint(
        stack, "Endpoint", endpoint_name=ENDPOINT, endpoint_config_name=config.attr_endpoint_config_name
    )


def _scaling(stack: Stack, endpoint: sagemaker.CfnEndpoint) -> None:
    target = scaling.ScalableTarget(
        stack,
        "Target",
        service_namespace=scaling.ServiceNamespace.SAGEMAKER,
        resource_id=f"endpoint/{ENDPOINT}/variant/main",
        scalable_dimension="sagemaker:variant:DesiredInstanceCount",
        min_capacity=1,
        max_capacity=2,
    )
    target.node.add_dependency(endpoint)
    target.scale_to_track_metric(
        "Invocations",
        target_value=100,
        predefined_metric=scaling.PredefinedMetric.SAGEMAKER_VARIANT_INVOCATIONS_PER_INSTANCE,
    )


def _alarm(stack: Stack, topic: sns.Topic) -> None:
    metric = cloudwatch.Metric(
        namespace="AWS/SageMaker",
        metric_name="Invocation5XXErrors",
        dimensions_map={"EndpointName": ENDPOINT, "VariantName": "main"},
        statistic="Sum",
        period=Duration.minutes(1),
    )
    alarm = metric.create_alarm(stack, "Alarm", threshold=0, evaluation_periods=1, alarm_name="cdk-alarm")
    alarm.add_alarm_action(actions.SnsAction(topic))


def build(stack: Stack) -> None:
    key = kms.Key(stack, "Key", enable_key_rotation=True)
    bucket = s3.Bucket(
        stack,
        "Bucket",
        encryption=s3.BucketEncryption.KMS,
        encryption_key=key,
        enforce_ssl=True,
        versioned=True,
    )
    topic = sns.Topic(stack, "Topic", master_key=key)
    endpoint = _endpoint(stack, bucket)
    _scaling(stack, endpoint)
    _alarm(stack, topic)

    caller = _function(stack, "Caller", lambda_.Code.from_asset(str(HERE / "caller")), "caller.handler")
    caller.add_environment("BUCKET", bucket.bucket_name)
    bucket.grant_put(caller)
    pattern = events.EventPattern(
        source=["aws.sagemaker"],
        detail_type=["SageMaker Endpoint State Change"],
        detail={"EndpointName": [ENDPOINT], "EndpointStatus": ["IN_SERVICE"]},
    )
    rule = events.Rule(stack, "Rule", event_pattern=pattern, targets=[targets.LambdaFunction(caller)])
    endpoint.node.add_dependency(rule)

    provider = _function(stack, "Provider", lambda_.Code.from_inline(PROVIDER), "index.handler")
    custom = CustomResource(
        stack, "Custom", service_token=provider.function_arn, resource_type="Custom::Greeting",
        properties={"Name": "cdk"},
    )  # fmt: skip
    parameter = ssm.StringParameter(stack, "Parameter", parameter_name="/cdk/endpoint", string_value=ENDPOINT)
    for name, value in {
        "Greeting": custom.get_att_string("Greeting"),
        "BucketName": bucket.bucket_name,
        "ParameterName": parameter.parameter_name,
        "TopicArn": topic.topic_arn,
        "EndpointArn": endpoint.ref,
    }.items():
        CfnOutput(stack, f"{name}Output", value=value)


app = App()
account = Environment(account=os.environ["CDK_DEFAULT_ACCOUNT"], region=os.environ["CDK_DEFAULT_REGION"])
build(Stack(app, "OneOfEach", env=account))
app.synth()
