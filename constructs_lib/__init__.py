"""AWS CDK constructs that take a trained model through its whole life on Amazon SageMaker.

The whole public API is here, by name. Names are resolved when they are first used, so that importing a
runtime module (code that runs in AWS) or `constructs_lib.local` never starts the CDK.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from ._version import __version__

if TYPE_CHECKING:
    from .access.authorization import ApiAuthorization
    from .access.direct_api import DirectApi
    from .access.front import ApiFront
    from .access.grants import DirectApiGrants, InferenceApiGrants
    from .access.inference_api import InferenceApi
    from .access.requests import RequestLimits, Throttle
    from .access.runtime_vpc_endpoint import RuntimeVpcEndpoint
    from .batch.arrival import BatchArrival
    from .batch.batch_transform import BatchTransform
    from .batch.capture import BatchCapture
    from .batch.columns import Column, ColumnRole, ColumnType
    from .batch.data_processing import DataProcessing
    from .batch.grants import BatchTransformGrants
    from .batch.input import BatchInput, SplitType
    from .batch.processing_step import ProcessingStep
    from .batch.props import BatchStrategy
    from .batch.sink import PredictionSink
    from .core.errors import ConstraintError, Violation
    from .delivery.deployments import Deployments
    from .delivery.github_roles import GitHubDeployRoles
    from .delivery.github_rules import DeployTarget
    from .delivery.problems import ManifestError
    from .delivery.smoke_props import SmokeExpectation, SmokeRequest
    from .delivery.smoke_test import SmokeTest
    from .edge.devices import EdgeDevices
    from .edge.edge_fleet import EdgeFleet
    from .edge.edge_program import EdgeProgram
    from .edge.edge_rollout import EdgeRollout, EmptyCanary, ExponentialRate
    from .edge.grants import EdgeFleetGrants
    from .edge.held_out_set import HeldOutSet
    from .edge.neo import NeoCompilation, NeoCompilationGrants
    from .edge.neo_target import NeoFramework, NeoTarget
    from .edge.optimisation import ModelOptimisation, ModelOptimisationGrants
    from .edge.optimisation_props import StartsRollout
    from .edge.quality import QualityMetric, Quantisation
    from .edge.retired import RetiredServices
    from .edge.telemetry import EdgeTelemetry
    from .experiments.ab_test import ABTest
    from .experiments.allocation import (
        EpsilonGreedy,
        Exploration,
        FixedSplit,
        Memory,
        Stopping,
        ThompsonSampling,
        UpperConfidenceBound,
    )
    from .experiments.comparison import Comparison, ComparisonMetric
    from .experiments.guardrail import Guardrail
    from .experiments.managed_shadow_test import ManagedShadowTest
    from .experiments.plan import Plan
    from .experiments.props import Routing
    from .experiments.reward import Reward
    from .experiments.shadow_test import ShadowTest
    from .hosting.async_data import AsyncInput, AsyncOutput
    from .hosting.asynchronous import AsyncEndpoint
    from .hosting.auto_scaling import (
        Adjustment,
        AutoScaling,
        MetricTarget,
        ScalingStep,
        ScheduledScaling,
        StepScaling,
        SuspendedScaling,
    )
    from .hosting.canary_analysis import CanaryAnalysis, MetricCheck, OnInconclusive
    from .hosting.capture import DataCapture
    from .hosting.component_endpoint import ComponentEndpoint, ManagedInstanceScaling
    from .hosting.component_metrics import ComponentMetric
    from .hosting.component_rules import Placement
    from .hosting.endpoint import EndpointBase
    from .hosting.grants import EndpointGrants
    from .hosting.hosted_model import HostedModel
    from .hosting.inference_component import InferenceComponent
    from .hosting.metrics import EndpointMetric, MetricsPublishing
    from .hosting.multi_model import MultiModelEndpoint
    from .hosting.pipeline import InferencePipeline
    from .hosting.realtime import RealtimeEndpoint
    from .hosting.rollout import Rollback, Rollout
    from .hosting.serverless import ServerlessEndpoint
    from .hosting.variant import RoutingStrategy, Variant
    from .model.container import Container, MultiModel
    from .model.data import ModelData, ModelDataPrefix
    from .model.image import ContainerImage
    from .model.model import Model, ModelBase
    from .monitoring.actions import MonitorAction
    from .monitoring.baseline import Baseline
    from .monitoring.captured_data import CapturedData
    from .monitoring.dashboard import MonitoringDashboard
    from .monitoring.drift_test import DriftTest
    from .monitoring.endpoint_alarms import EndpointAlarms
    from .monitoring.endpoint_monitoring import EndpointMonitoring
    from .monitoring.engine import MonitorCompute, MonitorEngine
    from .monitoring.ground_truth import GroundTruth
    from .monitoring.monitored_endpoint import MonitoredEndpoint
    from .monitoring.monitoring import Monitoring
    from .monitoring.monitors import (
        AttributionDrift,
        BiasDrift,
        DataQuality,
        Facet,
        FeatureType,
        ModelQuality,
        Prediction,
        ProblemType,
        RequestFormat,
    )
    from .monitoring.thresholds import (
        AlarmThreshold,
        ErrorThreshold,
        InstancesThreshold,
        LatencyThreshold,
        TrafficThreshold,
        UtilizationThreshold,
    )
    from .rules.plugin import SageMakerRules

_HOMES = {
    "access.authorization": ("ApiAuthorization",),
    "access.direct_api": ("DirectApi",),
    "access.front": ("ApiFront",),
    "access.grants": ("DirectApiGrants", "InferenceApiGrants"),
    "access.inference_api": ("InferenceApi",),
    "access.requests": ("RequestLimits", "Throttle"),
    "access.runtime_vpc_endpoint": ("RuntimeVpcEndpoint",),
    "batch.arrival": ("BatchArrival",),
    "batch.batch_transform": ("BatchTransform",),
    "batch.capture": ("BatchCapture",),
    "batch.columns": (
        "Column",
        "ColumnRole",
        "ColumnType",
    ),
    "batch.data_processing": ("DataProcessing",),
    "batch.grants": ("BatchTransformGrants",),
    "batch.input": (
        "BatchInput",
        "SplitType",
    ),
    "batch.processing_step": ("ProcessingStep",),
    "batch.props": ("BatchStrategy",),
    "batch.sink": ("PredictionSink",),
    "core.errors": ("ConstraintError", "Violation"),
    "delivery.deployments": ("Deployments",),
    "delivery.github_roles": ("GitHubDeployRoles",),
    "delivery.github_rules": ("DeployTarget",),
    "delivery.problems": ("ManifestError",),
    "delivery.smoke_props": (
        "SmokeExpectation",
        "SmokeRequest",
    ),
    "delivery.smoke_test": ("SmokeTest",),
    "edge.devices": ("EdgeDevices",),
    "edge.edge_fleet": ("EdgeFleet",),
    "edge.edge_program": ("EdgeProgram",),
    "edge.edge_rollout": ("EdgeRollout", "EmptyCanary", "ExponentialRate"),
    "edge.grants": ("EdgeFleetGrants",),
    "edge.held_out_set": ("HeldOutSet",),
    "edge.neo": ("NeoCompilation", "NeoCompilationGrants"),
    "edge.neo_target": ("NeoFramework", "NeoTarget"),
    "edge.optimisation": ("ModelOptimisation", "ModelOptimisationGrants"),
    "edge.optimisation_props": ("StartsRollout",),
    "edge.quality": ("QualityMetric", "Quantisation"),
    "edge.retired": ("RetiredServices",),
    "edge.telemetry": ("EdgeTelemetry",),
    "experiments.ab_test": ("ABTest",),
    "experiments.allocation": (
        "EpsilonGreedy",
        "Exploration",
        "FixedSplit",
        "Memory",
        "Stopping",
        "ThompsonSampling",
        "UpperConfidenceBound",
    ),
    "experiments.guardrail": ("Guardrail",),
    "experiments.plan": ("Plan",),
    "experiments.managed_shadow_test": ("ManagedShadowTest",),
    "experiments.props": ("Routing",),
    "experiments.reward": ("Reward",),
    "experiments.comparison": ("Comparison", "ComparisonMetric"),
    "experiments.shadow_test": ("ShadowTest",),
    "hosting.async_data": ("AsyncInput", "AsyncOutput"),
    "hosting.asynchronous": ("AsyncEndpoint",),
    "hosting.auto_scaling": (
        "Adjustment",
        "AutoScaling",
        "MetricTarget",
        "ScalingStep",
        "ScheduledScaling",
        "StepScaling",
        "SuspendedScaling",
    ),
    "hosting.canary_analysis": ("CanaryAnalysis", "MetricCheck", "OnInconclusive"),
    "hosting.capture": ("DataCapture",),
    "hosting.component_endpoint": ("ComponentEndpoint", "ManagedInstanceScaling"),
    "hosting.component_metrics": ("ComponentMetric",),
    "hosting.endpoint": ("EndpointBase",),
    "hosting.grants": ("EndpointGrants",),
    "hosting.hosted_model": ("HostedModel",),
    "hosting.component_rules": ("Placement",),
    "hosting.inference_component": ("InferenceComponent",),
    "hosting.metrics": ("EndpointMetric", "MetricsPublishing"),
    "hosting.multi_model": ("MultiModelEndpoint",),
    "hosting.pipeline": ("InferencePipeline",),
    "hosting.realtime": ("RealtimeEndpoint",),
    "hosting.rollout": ("Rollback", "Rollout"),
    "hosting.serverless": ("ServerlessEndpoint",),
    "hosting.variant": ("RoutingStrategy", "Variant"),
    "model.container": ("Container", "MultiModel"),
    "model.data": ("ModelData", "ModelDataPrefix"),
    "model.image": ("ContainerImage",),
    "model.model": ("Model", "ModelBase"),
    "monitoring.actions": ("MonitorAction",),
    "monitoring.baseline": ("Baseline",),
    "monitoring.captured_data": ("CapturedData",),
    "monitoring.drift_test": ("DriftTest",),
    "monitoring.engine": (
        "MonitorCompute",
        "MonitorEngine",
    ),
    "monitoring.ground_truth": ("GroundTruth",),
    "monitoring.monitored_endpoint": ("MonitoredEndpoint",),
    "monitoring.monitoring": ("Monitoring",),
    "monitoring.monitors": (
        "AttributionDrift",
        "BiasDrift",
        "DataQuality",
        "Facet",
        "FeatureType",
        "ModelQuality",
        "Prediction",
        "ProblemType",
        "RequestFormat",
    ),
    "monitoring.dashboard": ("MonitoringDashboard",),
    "monitoring.endpoint_alarms": ("EndpointAlarms",),
    "monitoring.endpoint_monitoring": ("EndpointMonitoring",),
    "monitoring.thresholds": (
        "AlarmThreshold",
        "ErrorThreshold",
        "InstancesThreshold",
        "LatencyThreshold",
        "TrafficThreshold",
        "UtilizationThreshold",
    ),
    "rules.plugin": ("SageMakerRules",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "ABTest",
    "Adjustment",
    "AlarmThreshold",
    "ApiAuthorization",
    "ApiFront",
    "AsyncEndpoint",
    "AsyncInput",
    "AsyncOutput",
    "AttributionDrift",
    "AutoScaling",
    "Baseline",
    "BatchArrival",
    "BatchCapture",
    "BatchInput",
    "BatchStrategy",
    "BatchTransform",
    "BatchTransformGrants",
    "BiasDrift",
    "CanaryAnalysis",
    "CapturedData",
    "Column",
    "ColumnRole",
    "ColumnType",
    "Comparison",
    "ComparisonMetric",
    "ComponentEndpoint",
    "ComponentMetric",
    "ConstraintError",
    "Container",
    "ContainerImage",
    "DataCapture",
    "DataProcessing",
    "DataQuality",
    "DeployTarget",
    "Deployments",
    "DirectApi",
    "DirectApiGrants",
    "DriftTest",
    "EdgeDevices",
    "EdgeFleet",
    "EdgeFleetGrants",
    "EdgeProgram",
    "EdgeRollout",
    "EdgeTelemetry",
    "EmptyCanary",
    "EndpointAlarms",
    "EndpointBase",
    "EndpointGrants",
    "EndpointMetric",
    "EndpointMonitoring",
    "EpsilonGreedy",
    "ErrorThreshold",
    "Exploration",
    "ExponentialRate",
    "Facet",
    "FeatureType",
    "FixedSplit",
    "GitHubDeployRoles",
    "GroundTruth",
    "Guardrail",
    "HeldOutSet",
    "HostedModel",
    "InferenceApi",
    "InferenceApiGrants",
    "InferenceComponent",
    "InferencePipeline",
    "InstancesThreshold",
    "LatencyThreshold",
    "ManagedInstanceScaling",
    "ManagedShadowTest",
    "ManifestError",
    "Memory",
    "MetricCheck",
    "MetricTarget",
    "MetricsPublishing",
    "Model",
    "ModelBase",
    "ModelData",
    "ModelDataPrefix",
    "ModelOptimisation",
    "ModelOptimisationGrants",
    "ModelQuality",
    "MonitorAction",
    "MonitorCompute",
    "MonitorEngine",
    "MonitoredEndpoint",
    "Monitoring",
    "MonitoringDashboard",
    "MultiModel",
    "MultiModelEndpoint",
    "NeoCompilation",
    "NeoCompilationGrants",
    "NeoFramework",
    "NeoTarget",
    "OnInconclusive",
    "Placement",
    "Plan",
    "Prediction",
    "PredictionSink",
    "ProblemType",
    "ProcessingStep",
    "QualityMetric",
    "Quantisation",
    "RealtimeEndpoint",
    "RequestFormat",
    "RequestLimits",
    "RetiredServices",
    "Reward",
    "Rollback",
    "Rollout",
    "Routing",
    "RoutingStrategy",
    "RuntimeVpcEndpoint",
    "SageMakerRules",
    "ScalingStep",
    "ScheduledScaling",
    "ServerlessEndpoint",
    "ShadowTest",
    "SmokeExpectation",
    "SmokeRequest",
    "SmokeTest",
    "SplitType",
    "StartsRollout",
    "StepScaling",
    "Stopping",
    "SuspendedScaling",
    "ThompsonSampling",
    "Throttle",
    "TrafficThreshold",
    "UpperConfidenceBound",
    "UtilizationThreshold",
    "Variant",
    "Violation",
    "__version__",
]


def __getattr__(name: str) -> object:
    """Resolve a public name on first use."""
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)
