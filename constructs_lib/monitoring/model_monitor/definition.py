"""The four job definitions of CloudFormation, which are alike but for their names.

None of them can be updated, not even in its tags. So each is named after its content: another content makes
another definition, which the schedule turns to before the old one goes. Two limits follow, both inferred. A name
counts references by logical id: where the role, a bucket or a key behind one is replaced in place, CloudFormation
would replace the definition under its old name, and fails; give that resource another id. And what the CDK's
escape hatches add to a definition does not count.
"""

from __future__ import annotations

from typing import Any, Protocol

import aws_cdk as cdk
import constructs
from aws_cdk import aws_sagemaker as sagemaker

from ...core.naming import ENDPOINT_NAME_LENGTH, physical_name
from ...core.place import stack_of
from ...model.network import BoundNetwork
from .content import ROOM_FOR_DIGEST, named_after
from .job import ModelMonitorJob, MonitorKind
from .rules import runtime_seconds

Properties = dict[str, Any]

_INPUT = "/opt/ml/processing/input/endpoint"
_OUTPUT = "/opt/ml/processing/output"
_ENVIRONMENT = {"publish_cloudwatch_metrics": "Enabled"}
"""Without it, a job emits no metric."""


class _Definition(Protocol):
    """What the L1 classes of definitions share."""

    @property
    def tags(self) -> cdk.TagManager: ...


_CLASSES: dict[MonitorKind, tuple[Any, str]] = {
    MonitorKind.DATA_QUALITY: (sagemaker.CfnDataQualityJobDefinition, "data_quality"),
    MonitorKind.MODEL_QUALITY: (sagemaker.CfnModelQualityJobDefinition, "model_quality"),
    MonitorKind.BIAS: (sagemaker.CfnModelBiasJobDefinition, "model_bias"),
    MonitorKind.ATTRIBUTION: (sagemaker.CfnModelExplainabilityJobDefinition, "model_explainability"),
}
"""Each class, whose nested property classes have the same names, and how its properties begin."""


def make_definition(
    scope: constructs.Construct,
    id: str,
    *,
    job: ModelMonitorJob,
    image_uri: str,
    role_arn: str,
    network: BoundNetwork | None,
    config_uri: str | None,
) -> tuple[cdk.CfnResource, str]:
    """The definition and its name.

    :param config_uri: of Clarify's analysis configuration.
    """
    of, begin = _CLASSES[job.kind]
    properties = {
        "role_arn": role_arn,
        "job_resources": _resources(of, job),
        "network_config": _network(of, job, network),
        "stopping_condition": of.StoppingConditionProperty(max_runtime_in_seconds=runtime_seconds(job)),
        f"{begin}_app_specification": _app(of, job, image_uri, config_uri),
        f"{begin}_baseline_config": _baseline(of, job),
        f"{begin}_job_input": _input(of, job),
        f"{begin}_job_output_config": _output(of, job),
    }
    made: list[_Definition] = []

    def content() -> Properties:
        # The stack's own tags too: CloudFormation gives them to each resource.
        tags = [made[0].tags.render_tags(), stack_of(scope).tags.tag_values()]
        return {**properties, "kind": job.kind.monitoring_type, "tags": tags}

    head = physical_name(scope, max_length=ENDPOINT_NAME_LENGTH - ROOM_FOR_DIGEST)
    name = named_after(scope, content, before=f"{head}-")
    definition = of(scope, id, job_definition_name=name, **properties)
    made.append(definition)
    return definition, name


def _resources(of: Any, job: ModelMonitorJob) -> object:
    return of.MonitoringResourcesProperty(
        cluster_config=of.ClusterConfigProperty(
            instance_count=1,
            instance_type=job.instance_type,
            volume_size_in_gb=job.volume_gibibytes,
            volume_kms_key_id=job.volume_key.key_arn if job.volume_key is not None else None,
        )
    )


def _network(of: Any, job: ModelMonitorJob, network: BoundNetwork | None) -> object:
    return of.NetworkConfigProperty(
        enable_network_isolation=job.network_isolation,
        vpc_config=None if network is None else network.config(of.VpcConfigProperty),
    )


def _app(of: Any, job: ModelMonitorJob, image_uri: str, config_uri: str | None) -> object:
    app: Properties = {"image_uri": image_uri, "environment": _ENVIRONMENT}
    if config_uri is not None:
        app["config_uri"] = config_uri
    if job.problem is not None:
        app["problem_type"] = job.problem.value
    return getattr(of, f"{_title(of)}AppSpecificationProperty")(**app)


def _baseline(of: Any, job: ModelMonitorJob) -> object:
    constraints = f"{job.baseline.uri}/{job.kind.constraints_file}"
    config: Properties = {"constraints_resource": of.ConstraintsResourceProperty(s3_uri=constraints)}
    if job.kind == MonitorKind.DATA_QUALITY:
        statistics = f"{job.baseline.uri}/statistics.json"
        config["statistics_resource"] = of.StatisticsResourceProperty(s3_uri=statistics)
    return getattr(of, f"{_title(of)}BaselineConfigProperty")(**config)


def _input(of: Any, job: ModelMonitorJob) -> object:
    inputs: Properties = {"endpoint_input": of.EndpointInputProperty(**_endpoint_input(job))}
    if job.ground_truth is not None:
        inputs["ground_truth_s3_input"] = of.MonitoringGroundTruthS3InputProperty(s3_uri=job.ground_truth.uri)
    return getattr(of, f"{_title(of)}JobInputProperty")(**inputs)


def _endpoint_input(job: ModelMonitorJob) -> Properties:
    found: Properties = {
        "endpoint_name": job.endpoint_name,
        "local_path": _INPUT,
        "s3_data_distribution_type": "FullyReplicated",
        "s3_input_mode": "File",
    }
    given = job.attributes
    if job.kind.by_clarify:
        found["features_attribute"] = given.features
    if job.kind != MonitorKind.DATA_QUALITY:
        found |= {"inference_attribute": given.inference, "probability_attribute": given.probability}
    if job.kind.takes_labels:
        found |= {
            "probability_threshold_attribute": given.probability_threshold,
            "start_time_offset": job.start_offset,
            "end_time_offset": job.end_offset,
        }
    return found


def _output(of: Any, job: ModelMonitorJob) -> object:
    key = job.results.key
    return of.MonitoringOutputConfigProperty(
        kms_key_id=key.key_arn if key is not None else None,
        monitoring_outputs=[
            of.MonitoringOutputProperty(
                s3_output=of.S3OutputProperty(
                    local_path=_OUTPUT,
                    s3_uri=job.results.below("model-monitor").uri,
                    s3_upload_mode="Continuous",
                )
            )
        ],
    )


def _title(of: Any) -> str:
    """``CfnModelBiasJobDefinition`` → ``ModelBias``."""
    name: str = of.__name__
    return name.removeprefix("Cfn").removesuffix("JobDefinition")
