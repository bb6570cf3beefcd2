"""Inference components: created, called, resized, replaced, deleted."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tools.embedded_aws import ACCOUNT, REGION, LocalAws, local_aws, until

from .components import Components
from .conftest import QUICK
from .hosting import BROKEN_CODE, BUCKET, IMAGE, PUPPET_CODE, ROLE, SETOSA, archive, error_of, iris_archive
from .test_updates import ALARM, traffic


def worker_processes(aws: LocalAws) -> set[int]:
    """The model processes of the server."""
    found = Path(f"/proc/{aws.process.pid}/task").glob("*/children")
    return {int(pid) for each in found for pid in each.read_text().split()}


def is_gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def rolling(batch: int, wait: int = 0) -> dict[str, Any]:
    size = {"Type": "COPY_COUNT", "Value": batch}
    return {"RollingUpdatePolicy": {"MaximumBatchSize": size, "WaitIntervalInSeconds": wait}}


def test_two_models_on_one_endpoint_answer_by_name(components: Components) -> None:
    endpoint = components.host()
    model = components.model(data=iris_archive())
    iris = components.component(endpoint, components.model_specification(model))
    puppet = components.component(endpoint, components.specification("puppet"))
    text, answer = components.invoke(endpoint, SETOSA, ContentType="text/csv", InferenceComponentName=iris)
    assert text == "0"
    assert answer["InvokedProductionVariant"] == "main"
    assert components.ask(endpoint, puppet) == "puppet"
    logs, group = components.aws.client("logs"), f"/aws/sagemaker/InferenceComponents/{iris}"
    until(lambda: logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"], what="the log")
    (event,) = logs.filter_log_events(logGroupName=group)["events"]
    assert event["message"] == "loading the iris model"


def test_describe_and_list_tell_what_runs(components: Components) -> None:
    endpoint, other = components.host(), components.host()
    specification = components.specification(memory=300, MaxMemoryRequiredInMb=600)
    name = components.component(endpoint, specification, copies=2, Tags=[{"Key": "team", "Value": "a"}])
    elsewhere = components.component(other)
    described = components.describe_component(name)
    assert described["Specification"] == specification
    assert described["RuntimeConfig"] == {"DesiredCopyCount": 2, "CurrentCopyCount": 2}
    assert (described["EndpointName"], described["VariantName"]) == (endpoint, "main")
    arn = described["InferenceComponentArn"]
    assert arn == f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:inference-component/{name}"
    assert components.sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "a"}]
    (variant,) = components.describe(endpoint)["ProductionVariants"]
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (1, 1)
    assert "DeployedImages" not in variant
    listed = components.sagemaker.list_inference_components(EndpointNameEquals=endpoint)
    assert [each["InferenceComponentName"] for each in listed["InferenceComponents"]] == [name]
    assert elsewhere in components.component_names()


def test_a_container_of_its_own_needs_no_model(components: Components) -> None:
    endpoint = components.host()
    url = components.upload(archive({"code/inference.py": PUPPET_CODE.encode()}))
    container = {"Image": IMAGE, "ArtifactUrl": url, "Environment": {"NAME": "own"}}
    needs = {"MinMemoryRequiredInMb": 256}
    name = components.component(endpoint, {"Container": container, "ComputeResourceRequirements": needs})
    assert components.ask(endpoint, name) == "own"
    shown = components.describe_component(name)["Specification"]["Container"]
    assert shown["DeployedImage"]["SpecifiedImage"] == IMAGE
    assert "Image" not in shown


def test_each_copy_is_a_process_and_none_is_left(components: Components) -> None:
    before = worker_processes(components.aws)
    endpoint = components.host()
    assert worker_processes(components.aws) == before, "instances are only written down"
    name = components.component(endpoint, copies=2)
    assert len(worker_processes(components.aws) - before) == 2
    described = components.resize(name, 3)
    assert described["RuntimeConfig"] == {"DesiredCopyCount": 3, "CurrentCopyCount": 3}
    own = worker_processes(components.aws) - before
    assert len(own) == 3
    components.resize(name, 1)
    assert len(worker_processes(components.aws) - before) == 1
    components.delete_component(name)
    assert worker_processes(components.aws) == before
    assert all(is_gone(pid) for pid in own)


def test_a_killed_copy_is_replaced(components: Components) -> None:
    endpoint = components.host()
    name = components.component(endpoint)
    pid = int(components.ask(endpoint, name, "pid"))
    os.kill(pid, signal.SIGKILL)

    def answered() -> str:
        try:
            return components.ask(endpoint, name, "pid")
        except components.runtime.exceptions.ClientError:
            return ""

    assert until(answered, what="the copy is back") != str(pid)
    assert components.copies(name) == 1


def test_requests_go_to_all_copies_by_chance(components: Components) -> None:
    routing = {"RoutingConfig": {"RoutingStrategy": "RANDOM"}}
    config = components.config({"VariantName": "main", **routing}, ExecutionRoleArn=ROLE)
    endpoint = components.endpoint(config)
    name = components.component(endpoint, copies=2)
    assert len({components.ask(endpoint, name, "pid") for _ in range(40)}) == 2
    assert components.describe(endpoint)["ProductionVariants"][0]["RoutingConfig"] == routing["RoutingConfig"]


def test_a_busy_copy_is_passed_over(components: Components) -> None:
    endpoint = components.host()
    name = components.component(endpoint, copies=2)
    busy = threading.Thread(target=components.ask, args=(endpoint, name, "sleep 1.5"))
    busy.start()
    time.sleep(0.3)
    assert len({components.ask(endpoint, name, "pid") for _ in range(6)}) == 1
    assert busy.is_alive()
    busy.join()


def traffic_to(components: Components, endpoint: str, component: str, body: str, threads: int = 1) -> Any:
    """Call the component all the time."""

    class Caller:
        @staticmethod
        def invoke(name: str, body: str) -> tuple[str]:
            return (components.ask(name, component, body),)

    return traffic(Caller(), endpoint, threads=threads, body=body)  # type: ignore[arg-type]


def test_an_update_rolls_without_a_failed_request(components: Components) -> None:
    endpoint = components.host()
    name = components.component(endpoint, components.specification("old"), copies=2)
    new = components.specification("new")
    with traffic_to(components, endpoint, name, "sleep 0.05", threads=3) as answers:
        described = components.replace(name, new, DeploymentConfig=rolling(1, wait=100))
    assert set(answers) == {"old", "new"}
    mixed = answers[answers.index("new") : len(answers) - answers[::-1].index("old")]
    assert set(mixed) == {"old", "new"}, "both versions answer for a while"
    assert described["Specification"] == new
    assert described["LastDeploymentConfig"] == rolling(1, wait=100)
    assert described["RuntimeConfig"] == {"DesiredCopyCount": 2, "CurrentCopyCount": 2}
    assert components.ask(endpoint, name) == "new"


def test_a_broken_version_leaves_the_old_one_answering(components: Components) -> None:
    before = worker_processes(components.aws)
    endpoint = components.host()
    old = components.specification("old")
    name = components.component(endpoint, old, copies=2)
    broken = components.model_specification(components.model(BROKEN_CODE))
    with traffic_to(components, endpoint, name, "") as answers:
        described = components.replace(name, broken)
    assert described["InferenceComponentStatus"] == "InService"
    assert "the weights are torn" in described["FailureReason"]
    assert described["Specification"] == old
    assert set(answers) == {"old"}
    assert len(worker_processes(components.aws) - before) == 2
    assert "FailureReason" not in components.replace(name, components.specification("newer"))


def test_an_alarm_during_the_update_rolls_back(components: Components) -> None:
    cloudwatch = components.aws.client("cloudwatch")
    alarm = components.name("alarm")
    cloudwatch.put_metric_alarm(AlarmName=alarm, **{**ALARM, "MetricName": alarm})
    endpoint = components.host()
    name = components.component(endpoint, components.specification("old"))
    config = {**rolling(1, wait=3600), "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm}]}}
    components.sagemaker.update_inference_component(
        InferenceComponentName=name, Specification=components.specification("new"), DeploymentConfig=config
    )
    until(lambda: components.copies(name) == 2, what="the new copy is there")
    cloudwatch.put_metric_data(Namespace="Test", MetricData=[{"MetricName": alarm, "Value": 1}])
    described = components.component_settled(name)
    assert alarm in described["FailureReason"]
    assert described["RuntimeConfig"] == {"DesiredCopyCount": 1, "CurrentCopyCount": 1}
    assert {components.ask(endpoint, name) for _ in range(10)} == {"old"}


def test_a_component_that_does_not_start_has_failed(components: Components) -> None:
    before = worker_processes(components.aws)
    endpoint = components.host()
    broken = components.model_specification(components.model(BROKEN_CODE))
    name = components.begin(endpoint, broken)
    described = components.component_settled(name)
    assert described["InferenceComponentStatus"] == "Failed"
    assert "the weights are torn" in described["FailureReason"]
    assert worker_processes(components.aws) == before


def test_a_change_under_way_keeps_others_away(components: Components) -> None:
    endpoint = components.host()
    name = components.component(endpoint)
    config = components.host_config()
    components.sagemaker.update_inference_component_runtime_config(
        InferenceComponentName=name, DesiredRuntimeConfig={"CopyCount": 2}
    )
    deleted = error_of(lambda: components.sagemaker.delete_inference_component(InferenceComponentName=name))
    arn = components.describe_component(name)["InferenceComponentArn"]
    assert deleted == (
        "ValidationException",
        f'Cannot delete inference component "{arn}" while it is in state UPDATE_RC_IN_PROGRESS.',
    )
    assert "Cannot update" in error_of(lambda: components.resize(name, 3))[1]
    moved = {"EndpointName": endpoint, "EndpointConfigName": config}
    assert "in state" in error_of(lambda: components.sagemaker.update_endpoint(**moved))[1]
    components.component_settled(name)
    refused = error_of(lambda: components.sagemaker.delete_endpoint(EndpointName=endpoint))
    assert "while it has inference components" in refused[1]


def test_no_copy_means_no_capacity(components: Components) -> None:
    endpoint = components.host()
    name = components.component(endpoint)
    assert components.resize(name, 0)["RuntimeConfig"] == {"DesiredCopyCount": 0, "CurrentCopyCount": 0}
    assert error_of(lambda: components.ask(endpoint, name)) == (
        "ValidationError",
        "Inference Component has no capacity to process this request. ApplicationAutoScaling may be in-progress "
        "(if configured) or try to increase the capacity by invoking UpdateInferenceComponentRuntimeConfig API.",
    )
    components.resize(name, 1)
    assert components.ask(endpoint, name) == "puppet"
    until(lambda: sums(components, name, "NoCapacityInvocationFailures") == 1, what="the metric")


def sums(components: Components, name: str, metric: str, namespace: str = "AWS/SageMaker") -> float:
    """The sum of a metric of a component."""
    found = components.aws.client("cloudwatch").get_metric_statistics(
        Namespace=namespace, MetricName=metric, Period=3600, Statistics=["Sum"], StartTime=0, EndTime=4e9,
        Dimensions=[{"Name": "InferenceComponentName", "Value": name}],
    )  # fmt: skip
    return float(sum(point["Sum"] for point in found["Datapoints"]))


def test_metrics_carry_the_name_of_the_component(components: Components) -> None:
    endpoint = components.host()
    name = components.component(endpoint, copies=2)
    for _ in range(4):
        components.ask(endpoint, name)
    with pytest.raises(components.runtime.exceptions.ModelError) as raised:
        components.ask(endpoint, name, "refuse")
    group = f"/aws/sagemaker/InferenceComponents/{name}"
    assert f"log-group:{group}:log-stream:main/" in raised.value.response["LogStreamArn"]
    until(lambda: sums(components, name, "Invocations") == 5, what="Invocations")
    assert sums(components, name, "InvocationsPerCopy") == 2.5
    assert sums(components, name, "Invocation4XXErrors") == 1
    assert sums(components, name, "Invocation5XXErrors") == 0
    assert sums(components, name, "ModelLatency") > 0
    assert sums(components, name, "OverheadLatency") > 0
    until(
        lambda: (
            sums(components, name, "MemoryUtilizationNormalized", "/aws/sagemaker/InferenceComponents") > 0
        ),
        what="utilization",
    )


def test_concurrency_is_measured_while_requests_are_under_way(components: Components) -> None:
    endpoint = components.host()
    name = components.component(endpoint)
    with traffic_to(components, endpoint, name, "sleep 0.5", threads=3):
        until(lambda: sums(components, name, "ConcurrentRequestsPerCopy") > 0, what="concurrent requests")


def test_calls_are_captured(components: Components) -> None:
    capture = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://{BUCKET}/component-capture",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"CsvContentTypes": ["text/plain"]},
    }
    endpoint = components.host(DataCaptureConfig=capture)
    name = components.component(endpoint)
    components.ask(endpoint, name, "echo hello")
    s3 = components.aws.client("s3")
    prefix = f"component-capture/{endpoint}/main/"
    (written,) = until(
        lambda: s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents"), what="the captured call"
    )
    record = json.loads(s3.get_object(Bucket=BUCKET, Key=written["Key"])["Body"].read())
    assert record["captureData"]["endpointInput"]["data"] == "echo hello"


def test_memory_beyond_the_maximum_is_refused_by_the_machine(components: Components) -> None:
    # Mapped and not touched: quick, however busy this machine is.
    greedy = PUPPET_CODE.replace(
        'if text == "raise"', 'if text == "eat": mmap.mmap(-1, 1200 << 20).close()\n    if text == "raise"'
    ).replace("import json", "import mmap, json")
    model = components.model(greedy)
    endpoint = components.host()
    small = components.component(endpoint, components.model_specification(model, MaxMemoryRequiredInMb=256))
    free = components.component(endpoint, components.model_specification(model))
    with pytest.raises(components.runtime.exceptions.ModelError, match="Cannot allocate memory"):
        components.ask(endpoint, small, "eat")
    assert components.ask(endpoint, free, "eat") == "puppet"


def test_the_state_and_the_reset(tmp_path: Path) -> None:
    state = ("--state-dir", str(tmp_path / "state"))
    with local_aws(tmp_path, *state, settings=QUICK) as aws:
        aws.client("s3").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        first = Components(aws)
        endpoint = first.host()
        one, none = first.component(endpoint, copies=2), first.component(endpoint)
        first.resize(one, 1)
        first.resize(none, 0)
    with local_aws(tmp_path, *state, settings=QUICK) as aws:
        second = Components(aws)
        assert second.component_settled(one)["RuntimeConfig"]["CurrentCopyCount"] == 1
        assert second.component_settled(none)["RuntimeConfig"]["CurrentCopyCount"] == 0
        assert second.ask(endpoint, one) == "puppet"
        reset = urllib.request.Request(f"{aws.url}/_ministack/reset", method="POST")  # noqa: S310
        urllib.request.urlopen(reset, timeout=20).close()  # noqa: S310
        assert second.component_names() == []
        assert worker_processes(aws) == set()
