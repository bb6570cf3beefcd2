"""Endpoints through the API: created, called, deleted, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools.embedded_aws import ACCOUNT, REGION, LocalAws, until

from .hosting import IMAGE, PUPPET_CODE, ROLE, SETOSA, VIRGINICA, Hosting, archive, error_of, iris_archive


def test_a_real_model_is_served(hosting: Hosting) -> None:
    config = hosting.config({"VariantName": "main", "ModelName": hosting.model(data=iris_archive())})
    name = hosting.endpoint(config)
    text, answer = hosting.invoke(name, f"{SETOSA}\n{VIRGINICA}", ContentType="text/csv")
    assert text == "0\n2"
    assert answer["ContentType"] == "text/csv"
    assert answer["InvokedProductionVariant"] == "main"


def test_describe_tells_what_runs(hosting: Hosting) -> None:
    config = hosting.config(
        {
            "VariantName": "main",
            "ModelName": hosting.model(),
            "InitialInstanceCount": 2,
            "InitialVariantWeight": 3,
        }
    )
    described = hosting.describe(hosting.endpoint(config))
    (variant,) = described["ProductionVariants"]
    assert described["EndpointConfigName"] == config
    assert described["EndpointArn"].startswith(f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/")
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (2, 2)
    assert (variant["CurrentWeight"], variant["DesiredWeight"]) == (3.0, 3.0)
    assert variant["DeployedImages"][0]["SpecifiedImage"] == IMAGE


def test_headers_go_in_and_come_out(hosting: Hosting) -> None:
    name = hosting.endpoint(hosting.puppet_config())
    text, answer = hosting.invoke(
        name, "headers", Accept="application/x-thing", CustomAttributes="trace=7", InferenceId="inference-1"
    )
    seen = json.loads(text)
    assert seen["Accept"] == "application/x-thing"
    assert seen["Content-Type"] == "text/plain"
    assert seen["X-Amzn-Sagemaker-Custom-Attributes"] == "trace=7"
    assert seen["X-Amzn-Sagemaker-Inference-Id"] == "inference-1"
    assert answer["CustomAttributes"] == "from-the-model"


def test_the_answer_keeps_the_models_content_type(hosting: Hosting) -> None:
    name = hosting.endpoint(hosting.puppet_config())
    for content_type in ("application/json", "text/xml", "application/x-anything"):
        _text, answer = hosting.invoke(name, "echo {}", Accept=content_type)
        assert answer["ContentType"] == content_type


def test_the_container_sees_its_environment_and_nothing_of_the_host(
    hosting: Hosting, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = hosting.endpoint(
        hosting.config({"VariantName": "main", "ModelName": hosting.model(GREETING="hello", NAME="x")})
    )
    seen = json.loads(hosting.invoke(name, "environment")[0])
    assert seen["GREETING"] == "hello"
    assert seen["AWS_REGION"] == REGION
    assert seen["AWS_ENDPOINT_URL"] == hosting.aws.url
    assert not {each for each in seen if each.startswith(("CONSTRUCTS_", "MINISTACK_", "PYTHONPATH"))}


def test_the_program_and_the_submitted_directory_are_followed(hosting: Hosting) -> None:
    data = archive(
        {"src/serve.py": b"def model_fn(d): return 0\ndef transform_fn(m, d, c, a): return 'submitted', a\n"}
    )
    model = hosting.model(
        data=data, SAGEMAKER_PROGRAM="serve.py", SAGEMAKER_SUBMIT_DIRECTORY="/opt/ml/model/src"
    )
    name = hosting.endpoint(hosting.config({"VariantName": "main", "ModelName": model}))
    assert hosting.invoke(name)[0] == "submitted"


def test_code_may_be_submitted_apart_from_the_model(hosting: Hosting) -> None:
    source = hosting.upload(archive({"inference.py": PUPPET_CODE.encode()}))
    model = hosting.model(code=None, SAGEMAKER_SUBMIT_DIRECTORY=source, NAME="apart")
    name = hosting.endpoint(hosting.config({"VariantName": "main", "ModelName": model}))
    assert hosting.invoke(name)[0] == "apart"


@pytest.mark.parametrize(
    ("body", "status", "said"), [("raise", 500, "told to raise"), ("refuse", 415, "text/plain")]
)
def test_an_error_of_the_model_is_a_model_error(hosting: Hosting, body: str, status: int, said: str) -> None:
    name = hosting.endpoint(hosting.puppet_config())
    with pytest.raises(hosting.runtime.exceptions.ModelError) as raised:
        hosting.invoke(name, body)
    answer = raised.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert answer["OriginalStatusCode"] == status
    assert said in answer["OriginalMessage"]
    assert f"log-group:/aws/sagemaker/Endpoints/{name}:log-stream:main/" in answer["LogStreamArn"]


def test_a_model_that_takes_too_long_is_a_model_error(hosting: Hosting) -> None:
    name = hosting.endpoint(hosting.puppet_config())
    with pytest.raises(hosting.runtime.exceptions.ModelError, match="timed out"):
        hosting.invoke(name, "sleep 30")


def test_a_process_that_dies_is_started_again(hosting: Hosting) -> None:
    name = hosting.endpoint(hosting.puppet_config())
    first = hosting.invoke(name, "pid")[0]
    with pytest.raises(hosting.runtime.exceptions.ModelError, match="ended while"):
        hosting.invoke(name, "die")

    def answered() -> str:
        try:
            return hosting.invoke(name, "pid")[0]
        except hosting.runtime.exceptions.ServiceUnavailable:
            return ""

    assert until(answered, what="the process is back") != first


def test_runtime_refusals(hosting: Hosting) -> None:
    name = hosting.endpoint(hosting.puppet_config())
    assert error_of(lambda: hosting.invoke("nowhere")) == (
        "ValidationError",
        f"Endpoint nowhere of account {ACCOUNT} not found.",
    )
    assert error_of(lambda: hosting.invoke(name, TargetVariant="other"))[0] == "ValidationError"
    code, message = error_of(lambda: hosting.invoke(name, b"x" * (6 * 1024 * 1024 + 1)))
    assert (code, "6291456" in message) == ("ValidationError", True)
    assert len(hosting.invoke(name, b"x" * (6 * 1024 * 1024))[0]) > 0


def test_an_answer_comes_as_a_stream(hosting: Hosting) -> None:
    name = hosting.endpoint(hosting.puppet_config())
    said = "é1\n" * 10_000
    answer = hosting.runtime.invoke_endpoint_with_response_stream(
        EndpointName=name, Body=f"echo {said}".encode(), ContentType="text/plain", Accept="text/csv"
    )
    parts = [event["PayloadPart"]["Bytes"] for event in answer["Body"]]
    assert len(parts) > 1
    assert b"".join(parts).decode() == said
    assert (answer["ContentType"], answer["InvokedProductionVariant"]) == ("text/csv", "main")
    code, message = error_of(
        lambda: hosting.runtime.invoke_endpoint_with_response_stream(EndpointName=name, Body=b"raise")
    )
    assert (code, "told to raise" in message) == ("ModelError", True)


def test_a_failing_model_leaves_a_failed_endpoint_and_says_why(hosting: Hosting) -> None:
    torn = hosting.model("def model_fn(d):\n    raise OSError('the weights are torn')\n")
    name = hosting.name("endpoint")
    config = hosting.config({"VariantName": "main", "ModelName": torn})
    hosting.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
    assert hosting.describe(name)["EndpointStatus"] == "Creating"
    described = hosting.settled(name)
    assert described["EndpointStatus"] == "Failed"
    assert "did not pass the ping health check" in described["FailureReason"]
    assert "the weights are torn" in described["FailureReason"]
    assert error_of(lambda: hosting.invoke(name))[0] == "ValidationError"
    # As on AWS, the log may come a moment after the status.
    until(lambda: _has_log(hosting.aws, name, "the weights are torn"), what="the model's last words")


def test_a_model_without_code_fails_with_a_clear_message(hosting: Hosting) -> None:
    name = hosting.name("endpoint")
    config = hosting.config({"VariantName": "main", "ModelName": hosting.model(code=None)})
    hosting.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
    assert (
        "no inference code: inference.py is not in /opt/ml/model/code"
        in hosting.settled(name)["FailureReason"]
    )


def test_an_archive_that_leads_outside_is_not_unpacked(hosting: Hosting) -> None:
    name = hosting.name("endpoint")
    model = hosting.model(data=archive({"../../escaped": b"", "code/inference.py": b""}))
    config = hosting.config({"VariantName": "main", "ModelName": model})
    hosting.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
    assert "cannot be unpacked" in hosting.settled(name)["FailureReason"]


def log_lines(aws: LocalAws, endpoint: str) -> list[str]:
    found = aws.client("logs").filter_log_events(logGroupName=f"/aws/sagemaker/Endpoints/{endpoint}")
    return [event["message"] for event in found["events"]]


def test_what_the_model_prints_is_in_its_log(hosting: Hosting) -> None:
    config = hosting.config({"VariantName": "main", "ModelName": hosting.model(data=iris_archive())})
    name = hosting.endpoint(config)
    until(lambda: _has_log(hosting.aws, name, "loading the iris model"), what="the log line")


def _has_log(aws: LocalAws, endpoint: str, line: str) -> bool:
    groups = aws.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/sagemaker/Endpoints/{endpoint}")
    return bool(groups["logGroups"]) and line in "\n".join(log_lines(aws, endpoint))


def test_deleting_an_endpoint_ends_its_process(hosting: Hosting) -> None:
    name = hosting.endpoint(hosting.puppet_config())
    process = int(hosting.invoke(name, "pid")[0])
    hosting.delete(name)

    assert not Path(f"/proc/{process}").exists()
    assert error_of(lambda: hosting.describe(name))[1].startswith(
        'Could not find endpoint "arn:aws:sagemaker:'
    )


def test_model_and_config_may_go_while_they_are_in_use(hosting: Hosting) -> None:
    model = hosting.model(NAME="kept")
    config = hosting.config({"VariantName": "main", "ModelName": model})
    name = hosting.endpoint(config)
    hosting.sagemaker.delete_endpoint_config(EndpointConfigName=config)
    hosting.sagemaker.delete_model(ModelName=model)
    assert hosting.invoke(name)[0] == "kept"


def test_the_number_of_instances_is_limited(hosting: Hosting) -> None:
    config = hosting.config(
        {"VariantName": "main", "ModelName": hosting.model(), "InitialInstanceCount": 1000}
    )
    code, message = error_of(lambda: hosting.endpoint(config))
    assert code == "ResourceLimitExceeded"
    assert "request delta of 1000 Instances" in message


def test_memory_is_limited(hosting: Hosting) -> None:
    greedy = hosting.model("def model_fn(d):\n    return bytearray(4 * 1024 ** 3)\n")
    name = hosting.name("endpoint")
    config = hosting.config({"VariantName": "main", "ModelName": greedy})
    hosting.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
    assert "MemoryError" in hosting.settled(name)["FailureReason"]


def test_accounts_and_regions_are_apart(hosting: Hosting) -> None:
    model = hosting.model()
    stranger = hosting.aws.client("sagemaker", hosting.aws.session(key="999999999999"))
    assert error_of(lambda: stranger.describe_model(ModelName=model))[0] == "ValidationException"
    assert stranger.list_models()["Models"] == []


def test_tags(hosting: Hosting) -> None:
    arn = hosting.sagemaker.describe_model(ModelName=hosting.model())["ModelArn"]
    hosting.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    hosting.sagemaker.delete_tags(ResourceArn=arn, TagKeys=["a"])
    assert hosting.sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "b", "Value": "2"}]


def test_lists_are_filtered_and_paged(hosting: Hosting) -> None:
    made = [hosting.model() for _ in range(3)]
    request = {"SortBy": "Name", "SortOrder": "Ascending", "MaxResults": 2, "NameContains": "model-"}
    pages = hosting.sagemaker.get_paginator("list_models").paginate(
        **{key: request[key] for key in ("SortBy", "SortOrder", "NameContains")},
        PaginationConfig={"PageSize": 2},
    )
    names = [each["ModelName"] for page in pages for each in page["Models"]]
    assert set(made) <= set(names)
    assert names == sorted(names)
    assert hosting.sagemaker.list_models(NameContains=made[0] + "x")["Models"] == []


def test_what_does_not_exist_or_does_already_is_refused(hosting: Hosting) -> None:
    model = hosting.model()
    again = error_of(
        lambda: hosting.sagemaker.create_model(
            ModelName=model, PrimaryContainer={"Image": IMAGE}, ExecutionRoleArn=ROLE
        )
    )
    assert again[1].startswith("Cannot create already existing model")
    lost = {"Image": IMAGE, "ModelDataUrl": "s3://models/lost.tar.gz"}
    assert (
        "Could not find model data"
        in error_of(
            lambda: hosting.sagemaker.create_model(
                ModelName="lost", PrimaryContainer=lost, ExecutionRoleArn=ROLE
            )
        )[1]
    )
    assert (
        "Could not find model"
        in error_of(lambda: hosting.config({"VariantName": "main", "ModelName": "nowhere"}))[1]
    )
    assert (
        "Could not find endpoint configuration"
        in error_of(
            lambda: hosting.sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="nowhere")
        )[1]
    )
