"""The kinds of endpoints, each with its two sides: ``module:function`` for `benchmarks.worker`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sides:
    """One endpoint, made with this library and in raw L1s."""

    ours: str
    raw: str


REALTIME = Sides("library:full_endpoint", "raw_l1:full_endpoint")

KINDS = {
    "ServerlessEndpoint": Sides("library_kinds:serverless_endpoint", "raw_one_model:serverless_endpoint"),
    "AsyncEndpoint": Sides("library_kinds:async_endpoint", "raw_one_model:async_endpoint"),
    "MultiModelEndpoint, 5 added models": Sides(
        "library_kinds:multi_model_endpoint", "raw_many_models:multi_model_endpoint"
    ),
    "InferencePipeline of 3 containers": Sides(
        "library_kinds:inference_pipeline", "raw_many_models:inference_pipeline"
    ),
    "ComponentEndpoint, 2 components": Sides(
        "library_kinds:component_endpoint", "raw_components:component_endpoint"
    ),
}

ALL_KINDS = {"RealtimeEndpoint": REALTIME, **KINDS}
