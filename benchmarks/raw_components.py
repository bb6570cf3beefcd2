"""An endpoint of inference components, in raw L1s."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker

from . import raw_iam, raw_scaling
from .library_kinds import COMPONENTS
from .raw_alarms import errors_alarm, latency_alarm
from .raw_hosting import INSTANCE_TYPE, VARIANT, Hosted, hosted, model

_Config = sagemaker.CfnEndpointConfig
_Component = sagemaker.CfnInferenceComponent


def component_endpoint(stack: cdk.Stack, index: int) -> None:
    """A fleet with inference components, which may all go to sleep."""
    path = stack.node.path
    role = raw_iam.role(stack, f"Role{index}", runs=f"{path}/Endpoint{index}")
    policy = raw_iam.policy(stack, f"Policy{index}", role, raw_iam.telemetry(stack))
    config = _Config(
        stack,
        f"Config{index}",
        execution_role_arn=role.attr_arn,
        production_variants=[
            _Config.ProductionVariantProperty(
                variant_name=VARIANT,
                instance_type=INSTANCE_TYPE,
                initial_instance_count=1,
                initial_variant_weight=1,
                managed_instance_scaling=_Config.ManagedInstanceScalingProperty(
                    status="ENABLED", min_instance_count=0, max_instance_count=4
                ),
            )
        ],
    )
    config.add_resource_dependency(role)
    config.add_resource_dependency(policy)
    endpoint = hosted(stack, index, config, retained=False)
    # The models are of one image: the role is let pull it once.
    pulling = None
    for number in range(COMPONENTS):
        id = f"{index}C{number}"
        served, _ = model(stack, id, path=f"{path}/Model{index}-{number}")
        pulling = pulling or raw_iam.policy(stack, f"Pulling{index}", role, raw_iam.pulling(stack))
        _component(stack, id, f"{endpoint.name}-component{number}", endpoint, served, [policy, pulling])


def _component(
    stack: cdk.Stack,
    id: str,
    name: str,
    endpoint: Hosted,
    served: sagemaker.CfnModel,
    policies: list[iam.CfnPolicy],
) -> None:
    what, dimensions = f"inference component {name}", {"InferenceComponentName": name}
    alarms = [
        errors_alarm(stack, f"Errors{id}", what, dimensions),
        latency_alarm(stack, f"Latency{id}", what, dimensions),
    ]
    component = _Component(
        stack,
        f"Component{id}",
        inference_component_name=name,
        endpoint_name=endpoint.name,
        variant_name=VARIANT,
        runtime_config=_Component.InferenceComponentRuntimeConfigProperty(copy_count=1),
        specification=_specification(served),
        deployment_config=_Component.InferenceComponentDeploymentConfigProperty(
            rolling_update_policy=_Component.InferenceComponentRollingUpdatePolicyProperty(
                maximum_batch_size=_Component.InferenceComponentCapacitySizeProperty(
                    type="COPY_COUNT", value=1
                ),
                wait_interval_in_seconds=60,
            ),
            auto_rollback_configuration=_Component.AutoRollbackConfigurationProperty(
                alarms=[_Component.AlarmProperty(alarm_name=alarm.ref) for alarm in alarms]
            ),
        ),
    )
    component.add_resource_dependency(endpoint.cfn)
    for policy in policies:
        component.add_resource_dependency(policy)
    _scaled(stack, id, name, component)


def _specification(served: sagemaker.CfnModel) -> _Component.InferenceComponentSpecificationProperty:
    return _Component.InferenceComponentSpecificationProperty(
        model_name=served.attr_model_name,
        compute_resource_requirements=_Component.InferenceComponentComputeResourceRequirementsProperty(
            min_memory_required_in_mb=2048, number_of_cpu_cores_required=1
        ),
        startup_parameters=_Component.InferenceComponentStartupParametersProperty(
            model_data_download_timeout_in_seconds=600,
            container_startup_health_check_timeout_in_seconds=600,
        ),
    )


def _scaled(stack: cdk.Stack, id: str, name: str, component: _Component) -> None:
    resource_id = f"inference-component/{name}"
    target = raw_scaling.target(
        stack,
        f"Target{id}",
        resource_id=resource_id,
        dimension="sagemaker:inference-component:DesiredCopyCount",
        low=0,
        high=4,
    )
    of = target.ref
    metric_type = "SageMakerInferenceComponentInvocationsPerCopy"
    tracking = raw_scaling.predefined(
        stack, f"ScalingPolicy{id}", f"{name}-Invocations", of, metric_type, 600
    )
    wake_up = raw_scaling.waking(
        stack,
        f"WakeUp{id}",
        f"{name}-StepWakeUp",
        of,
        resource_id=resource_id,
        metric_name="NoCapacityInvocationFailures",
        dimensions={"InferenceComponentName": name},
        period=30,
    )
    for resource in (target, tracking, *wake_up):
        resource.add_resource_dependency(component)
