"""What a template must say of what a batch transform was given."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from constructs_lib import BatchTransform

from .made import InStack, Made
from .meaning import seconds
from .synthesis import Synthesized

Properties = dict[str, Any]

_DAY = 86_400


def machine_of(batch: BatchTransform, result: Synthesized) -> Properties:
    """The definition, with a number for each parameter of the stack and its name for all else."""
    resource: Any = batch.state_machine.node.default_child
    said = result.properties(resource)["DefinitionString"]
    parts = [said] if isinstance(said, str) else said["Fn::Join"][1]
    found: Properties = json.loads("".join(part if isinstance(part, str) else _shown(part) for part in parts))
    return found


def _shown(function: Properties) -> str:
    ((_, argument),) = function.items()
    return "8" if argument == "WholeNumber" else str(argument).replace('"', "").replace("'", "")


def expected(value: Any) -> Any:
    """What a value is in the definition: a parameter's is its default, or its name."""
    if not isinstance(value, InStack):
        return value
    return 8 if value.name == "WholeNumber" else value.name


def assert_batch(described: Made, batch: BatchTransform, result: Synthesized) -> None:
    given = described.given
    machine = machine_of(batch, result)
    states = machine["States"]
    _transform(given, states["Transform"])
    for name, state in (("preprocess", "Prepare"), ("postprocess", "Finish")):
        assert (state in states) == (name in given)
        if name in given:
            _step(given[name].given, states[state])
    judged = [each for name, each in states.items() if name.startswith("Judge")]
    for each in judged:
        assert each["Parameters"]["Payload"]["most"] == given.get("attempts", 3)
    batch_settings = states["Begin"]["Parameters"]["batch"]
    _settings(given, batch, batch_settings)
    _sinks(given, batch, states)


def _transform(given: Mapping[str, Any], state: Properties) -> None:
    said = state["Parameters"]
    source = given["input"].given
    assert state["TimeoutSeconds"] == seconds(given.get("max_runtime"), _DAY)
    assert said["TransformInput"]["ContentType"] == source["content_type"]
    assert said["TransformInput"]["SplitType"] == source["split"].value
    assert said["TransformInput"]["CompressionType"] == ("Gzip" if source.get("gzip") else "None")
    assert said["TransformResources"]["InstanceType"] == expected(given["instance_type"])
    assert said["TransformResources"]["InstanceCount"] == expected(given.get("instance_count", 1))
    assert ("VolumeKmsKeyId" in said["TransformResources"]) == ("volume_encryption_key" in given)
    assert said["TransformOutput"].get("Accept") == given.get("accept")
    strategy = given.get("strategy")
    assert said.get("BatchStrategy") == (None if strategy is None else strategy.value)
    assert said.get("MaxPayloadInMB") == expected(given.get("max_payload_mb"))
    assert said.get("MaxConcurrentTransforms") == given.get("max_concurrent_transforms")
    client = said.get("ModelClientConfig", {})
    assert client.get("InvocationsTimeoutInSeconds") == seconds(given.get("invocation_timeout"), None)
    assert client.get("InvocationsMaxRetries") == given.get("invocation_retries")
    _environment(given.get("environment", {}), said)
    tags = {each["Key"]: each["Value"] for each in said["Tags"]}
    assert {name: tags.get(name) for name in given.get("tags", {})} == given.get("tags", {})
    assert len(tags) == 1 + len(given.get("tags", {}))
    processing = given.get("processing")
    assert ("DataProcessing" in said) == (processing is not None)
    if processing is not None:
        filters = processing.given
        assert said["DataProcessing"] == {
            "InputFilter": filters.get("input_filter", "$"),
            "OutputFilter": filters.get("output_filter", "$"),
            "JoinSource": "Input" if filters.get("join") else "None",
        }


def _environment(given: Mapping[str, Any], said: Properties) -> None:
    assert said.get("Environment", {}) == {name: expected(value) for name, value in given.items()}


def _step(given: Mapping[str, Any], state: Properties) -> None:
    said = state["Parameters"]
    cluster = said["ProcessingResources"]["ClusterConfig"]
    assert cluster["InstanceType"] == expected(given.get("instance_type", "ml.m5.xlarge"))
    assert cluster["InstanceCount"] == expected(given.get("instance_count", 1))
    assert cluster["VolumeSizeInGB"] == given.get("volume_gb", 30)
    longest = seconds(given.get("max_runtime"), 3600)
    assert said["StoppingCondition"]["MaxRuntimeInSeconds"] == state["TimeoutSeconds"] == longest
    command = said["AppSpecification"]["ContainerEntrypoint"]
    assert command[: len(given.get("command", ["python3"]))] == given.get("command", ["python3"])
    assert len(said["ProcessingInputs"]) == (2 if "script" in given else 1)
    _environment(given.get("environment", {}), said)


def _settings(given: Mapping[str, Any], batch: BatchTransform, said: Properties) -> None:
    assert said["transform"] == batch.transform_name == given.get("transform_name", batch.transform_name)
    assert said["prefix"] == given.get("output_prefix", f"batch/{batch.transform_name}")
    assert [each["name"] for each in said["columns"]] == [
        each.given["name"] for each in given.get("columns", ())
    ]
    assert said["prepares"] == ("preprocess" in given)
    assert said["finishes"] == ("postprocess" in given)
    assert said["gzip"] == given["input"].given.get("gzip", False)
    assert said["instance_count"] == expected(given.get("instance_count", 1))


def _sinks(given: Mapping[str, Any], batch: BatchTransform, states: Properties) -> None:
    sinks = given.get("sink", ())
    listed = [sinks] if isinstance(sinks, Made) else list(sinks)
    assert len(batch.sink_names) == len(listed)
    writing = {
        **states,
        **{key: each for branch in _branches(states) for key, each in branch["States"].items()},
    }
    for name, sink in zip(batch.sink_names, listed, strict=True):
        (state,) = [each for label, each in writing.items() if label.lower() == name]
        if "concurrency" in sink.given:
            assert state["MaxConcurrency"] == expected(sink.given["concurrency"])


def _branches(states: Properties) -> list[Properties]:
    found: list[Properties] = states.get("Publish", {}).get("Branches", [])
    return found
