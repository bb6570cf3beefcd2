"""Clarify's analysis configuration, and how it gets into the bucket.

The file is written at deployment, by the relay's function, as the custom resource ``AnalysisConfig``. An asset
would be simpler, and cannot be: the name of the model to explain is known at deployment only. Its key has a
digest of the file as the template knows it. So another analysis is another file, made before the definition that
names it; a model that is replaced, with nothing else different, rewrites the file that is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
import constructs
from aws_cdk import aws_lambda as lambda_

from ...core.buckets import attributes_of
from ...core.place import stack_of
from .content import named_after
from .job import BiasAnalysis, ModelMonitorJob, ShapAnalysis

_PATIENCE_SECONDS = 120

Config = Mapping[str, Any]


def analysis_of(job: ModelMonitorJob) -> Config | None:
    """The configuration of a job that Clarify runs."""
    if job.bias is not None:
        return _bias(job.bias)
    return None if job.shap is None else _shap(job.shap)


def _bias(bias: BiasAnalysis) -> Config:
    return _given(
        label_values_or_threshold=list(bias.label_values),
        facet=[
            _given(
                name_or_index=facet.name,
                value_or_threshold=None if facet.values is None else list(facet.values),
            )
            for facet in bias.facets
        ],
        group_variable=bias.group,
        headers=None if bias.headers is None else list(bias.headers),
        label=bias.label,
    )


def _shap(shap: ShapAnalysis) -> Config:
    return _given(
        headers=None if shap.headers is None else list(shap.headers),
        methods={
            "shap": {
                "baseline": [list(row) for row in shap.background],
                "num_samples": shap.samples,
                "agg_method": "mean_abs",
                # Of each record, which nobody reads and which may tell of persons.
                "save_local_shap_values": False,
            }
        },
        predictor=_given(
            model_name=shap.model_name,
            instance_type=shap.instance_type,
            initial_instance_count=1,
            content_type=shap.content_type,
            accept_type=shap.accept,
            label_headers=None if shap.label_headers is None else list(shap.label_headers),
        ),
    )


def _given(**named: object) -> dict[str, Any]:
    return {name: value for name, value in named.items() if value is not None}


class AnalysisConfig(constructs.Construct):
    """The file of one monitor."""

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        job: ModelMonitorJob,
        config: Config,
        writer: lambda_.IFunction,
    ) -> None:
        """Let `writer` write `config` below the job's results."""
        super().__init__(scope, id)
        folder = job.results.below("analysis")
        key = named_after(self, lambda: config, before=f"{folder.prefix}/", after="/analysis_config.json")
        bucket = attributes_of(folder.bucket).name
        self.uri = f"s3://{bucket}/{key}"
        """Where it is."""
        self.resource = cdk.CfnResource(
            self,
            "Resource",
            type="Custom::AnalysisConfig",
            properties={
                "ServiceToken": writer.function_arn,
                "ServiceTimeout": str(_PATIENCE_SECONDS),
                "Bucket": bucket,
                "Key": key,
                "Body": stack_of(self).to_json_string(config),
            },
        )
        """Made once the file is there."""
