"""A template as the calls CloudFormation makes of it, checked against the services' own models.

CloudFormation's schemas leave optional what the API requires, and know fewer limits: botocore's models
have required members, kinds, lengths, ranges, patterns and choices.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import botocore.session
from botocore.model import Shape
from botocore.validate import ParamValidator

from .intrinsics import Resolver

Template = dict[str, Any]
Parameters = dict[str, Any]

LARGEST_ENVIRONMENT = 4096
"""Bytes: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
MOST_METRICS_OF_AN_ALARM = 10
"""https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html#API_PutMetricAlarm_RequestSyntax"""


def faults(template: Template) -> list[str]:
    """What the APIs would refuse, each with the resource it is in."""
    resolver = Resolver(template)
    found = []
    for id, resource in template["Resources"].items():
        for service, operation, parameters in _calls(id, resource["Type"], resolver):
            found += [f"{id}: {each}" for each in faults_of_call(service, operation, parameters)]
        if resource["Type"] == "AWS::Lambda::Function":
            found += [f"{id}: {fault}" for fault in _environment_limits(resolver.properties(id))]
        if resource["Type"] == "AWS::CloudWatch::Alarm":
            found += [f"{id}: {fault}" for fault in _alarm_limits(resolver.properties(id))]
    return found


def faults_of_call(service: str, operation: str, parameters: Parameters) -> list[str]:
    """What the API would refuse of one call."""
    shape = _shape(service, operation)
    report = ParamValidator().validate(parameters, shape)
    found = [report.generate_report()] if report.has_errors() else []
    return [f"{operation}: {fault}" for fault in (*found, *_limits(parameters, shape, ""))]


@cache
def _shape(service: str, operation: str) -> Shape:
    return _model(service).operation_model(operation).input_shape


@cache
def _model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


def _calls(id: str, type: str, resolver: Resolver) -> Iterator[tuple[str, str, Parameters]]:
    if type not in _CALLED:
        return
    properties = resolver.properties(id)
    match type:
        case "AWS::SageMaker::Model":
            yield "sagemaker", "CreateModel", {"ModelName": id, **properties}
        case "AWS::SageMaker::EndpointConfig":
            yield "sagemaker", "CreateEndpointConfig", {"EndpointConfigName": id, **properties}
        case "AWS::SageMaker::Endpoint":
            yield "sagemaker", "UpdateEndpoint", properties
            created = {"EndpointName", "EndpointConfigName", "DeploymentConfig", "Tags"}
            yield "sagemaker", "CreateEndpoint", _only(properties, created)
        case "AWS::SageMaker::MonitoringSchedule":
            yield "sagemaker", "CreateMonitoringSchedule", properties
        case _ if type in _JOB_DEFINITIONS:
            yield "sagemaker", f"Create{type.removeprefix('AWS::SageMaker::')}", properties
        case "AWS::SageMaker::InferenceExperiment":
            yield "sagemaker", "CreateInferenceExperiment", properties
        case "AWS::SageMaker::InferenceComponent":
            yield "sagemaker", "CreateInferenceComponent", _only(properties, _OF_CREATION)
            yield "sagemaker", "UpdateInferenceComponent", _only(properties, _OF_UPDATES)
        case "AWS::ApplicationAutoScaling::ScalableTarget":
            target = {name: properties[name] for name in _TARGET}
            scheduled = properties.pop("ScheduledActions", [])
            yield "application-autoscaling", "RegisterScalableTarget", properties
            for action in scheduled:
                yield "application-autoscaling", "PutScheduledAction", {**target, **action}
        case "AWS::ApplicationAutoScaling::ScalingPolicy":
            owner = resolver.properties(properties.pop("ScalingTargetId"))
            target = {name: owner[name] for name in _TARGET}
            yield "application-autoscaling", "PutScalingPolicy", {**target, **properties}
        case "AWS::CloudWatch::Alarm":
            yield "cloudwatch", "PutMetricAlarm", {"AlarmName": id, **properties}
        case "AWS::SSM::Parameter":
            yield "ssm", "PutParameter", properties


def _only(properties: Parameters, names: set[str]) -> Parameters:
    return {name: value for name, value in properties.items() if name in names}


_OF_COMPONENTS = {"InferenceComponentName", "Specification", "RuntimeConfig"}
_OF_CREATION = {*_OF_COMPONENTS, "EndpointName", "VariantName", "Tags"}
_OF_UPDATES = {*_OF_COMPONENTS, "DeploymentConfig"}

_JOB_DEFINITIONS = {
    "AWS::SageMaker::DataQualityJobDefinition",
    "AWS::SageMaker::ModelQualityJobDefinition",
    "AWS::SageMaker::ModelBiasJobDefinition",
    "AWS::SageMaker::ModelExplainabilityJobDefinition",
}

_CALLED = {
    *_JOB_DEFINITIONS,
    "AWS::SageMaker::MonitoringSchedule",
    "AWS::SageMaker::Model",
    "AWS::SageMaker::EndpointConfig",
    "AWS::SageMaker::Endpoint",
    "AWS::SageMaker::InferenceComponent",
    "AWS::SageMaker::InferenceExperiment",
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::CloudWatch::Alarm",
    "AWS::SSM::Parameter",
}
_TARGET = ("ServiceNamespace", "ResourceId", "ScalableDimension")


def _limits(value: Any, shape: Shape, path: str) -> Iterator[str]:
    """Lengths, ranges, patterns and choices, which botocore knows and does not check."""
    rules = shape.metadata
    if shape.type_name == "structure" and isinstance(value, Mapping):
        for name, item in value.items():
            if name in shape.members:
                yield from _limits(item, shape.members[name], f"{path}.{name}")
            else:
                yield f"{path}: the API has no {name}"
    elif shape.type_name == "list" and isinstance(value, list):
        yield from _too_many(len(value), rules, path)
        for index, item in enumerate(value):
            yield from _limits(item, shape.member, f"{path}[{index}]")
    elif shape.type_name == "map" and isinstance(value, Mapping):
        for name, item in value.items():
            yield from _limits(name, shape.key, f"{path}.{name}")
            yield from _limits(item, shape.value, f"{path}[{name}]")
    elif isinstance(value, str):
        yield from _too_many(len(value), rules, path)
        if "enum" in rules and value not in rules["enum"]:
            yield f"{path}: {value!r} is none of {rules['enum'][:5]}…"
        if "pattern" in rules and not re.fullmatch(_in_python(rules["pattern"]), value, re.DOTALL):
            yield f"{path}: {value!r} does not match {rules['pattern']}"
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _too_many(value, rules, path)


def _too_many(count: float, rules: Mapping[str, Any], path: str) -> Iterator[str]:
    if not rules.get("min", count) <= count <= rules.get("max", count):
        yield f"{path}: {count} is not within {rules.get('min')}…{rules.get('max')}"


def _in_python(pattern: str) -> str:
    """AWS's patterns are Java's, which spells wide characters as surrogates and has names for classes."""
    wide = pattern.replace(r"\uD800\uDC00-\uDBFF\uDFFF", r"\U00010000-\U0010FFFF")
    plain = wide.replace(r"\p{Print}", r"[ -~]")
    # Within a class: letters, separators and digits.
    return plain.replace(r"\p{L}\p{Z}\p{N}", r"\w ")


def _alarm_limits(alarm: Parameters) -> Iterator[str]:
    queries = alarm.get("Metrics", [])
    for kind in ("MetricStat", "Expression"):
        count = sum(kind in query for query in queries)
        if count > MOST_METRICS_OF_AN_ALARM:
            yield f"PutMetricAlarm: {count} queries with {kind}, at most {MOST_METRICS_OF_AN_ALARM}"


def _environment_limits(function: Parameters) -> Iterator[str]:
    """References count as short as their stand-ins: what is too large here is too large everywhere."""
    variables = function.get("Environment", {}).get("Variables", {})
    length = sum(len(f"{name}{value}".encode()) for name, value in variables.items())
    if length > LARGEST_ENVIRONMENT:
        yield f"CreateFunction: an environment of {length} bytes, at most {LARGEST_ENVIRONMENT}"
