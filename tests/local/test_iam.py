"""IAM enforcement: an action that no policy allows is denied."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tools.embedded_aws import ACCOUNT, REGION, LocalAws, local_aws, until

from .async_endpoint import Inbox, Queue, stored
from .components import Components
from .hosting import BUCKET, IMAGE, Hosting, error_of
from .test_multi_model import Models
from .test_pipelines import DIRECT, links, served

TRUST = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosting]:
    """A server that enforces IAM, with the execution role that models need."""
    with local_aws(tmp_path_factory.mktemp("iam"), "--enforce-iam") as aws:
        aws.client("s3").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        create_role(aws, "Execution", TRUST, allow("s3:GetObject", f"arn:aws:s3:::{BUCKET}/*"))
        yield Hosting(aws)


def allow(action: str, resource: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def create_role(aws: LocalAws, name: str, trust: dict[str, Any], *grants: dict[str, Any]) -> str:
    iam = aws.client("iam")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
    if grants:
        iam.put_role_policy(RoleName=name, PolicyName="grants", PolicyDocument=document(*grants))
    return str(arn)


def as_role(aws: LocalAws, name: str, *grants: dict[str, Any]) -> Any:
    """A session with the credentials of a new role that has these grants."""
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": "sts:AssumeRole",
    }
    arn = create_role(aws, name, trust, *grants)
    issued = aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    return aws.session(issued["AccessKeyId"], issued["SecretAccessKey"], issued["SessionToken"])


def test_a_grant_of_metrics_may_be_bound_to_a_namespace(strict: Hosting) -> None:
    bound = {"StringEquals": {"cloudwatch:namespace": "Ours"}}
    grant = {**allow("cloudwatch:PutMetricData", "*"), "Condition": bound}
    cloudwatch = strict.aws.client("cloudwatch", as_role(strict.aws, "Measuring", grant))
    data = [{"MetricName": "Verdict", "Value": 1}]
    cloudwatch.put_metric_data(Namespace="Ours", MetricData=data)
    denied = error_of(lambda: cloudwatch.put_metric_data(Namespace="Theirs", MetricData=data))
    assert denied[0] == "AccessDeniedException"


def test_only_a_grant_lets_invoke_and_only_its_endpoint(strict: Hosting) -> None:
    mine, other = strict.endpoint(strict.puppet_config()), strict.endpoint(strict.puppet_config())
    arn = strict.describe(mine)["EndpointArn"]
    granted = as_role(strict.aws, "Granted", allow("sagemaker:InvokeEndpoint", arn))
    runtime = strict.aws.client("sagemaker-runtime", granted)
    assert runtime.invoke_endpoint(EndpointName=mine, Body=b"")["Body"].read() == b"puppet"
    assert (
        error_of(lambda: runtime.invoke_endpoint(EndpointName=other, Body=b""))[0] == "AccessDeniedException"
    )

    nobody = strict.aws.client("sagemaker-runtime", as_role(strict.aws, "Nobody"))
    code, message = error_of(lambda: nobody.invoke_endpoint(EndpointName=mine, Body=b""))
    assert code == "AccessDeniedException"
    assert "not authorized to perform: sagemaker:InvokeEndpoint" in message


def test_a_policy_may_name_the_models_of_an_endpoint(strict: Hosting) -> None:
    """The condition key sagemaker:TargetModel, as in AWS's guide: multi-model-endpoint-security."""
    models = Models(strict)
    for name in ("team-a/one", "team-b/one"):
        models.put_puppet(name)
    role = create_role(
        strict.aws,
        "Reader-of-a",
        TRUST,
        allow("s3:GetObject", f"arn:aws:s3:::{BUCKET}/{models.prefix}/team-a/*"),
        {
            **allow("s3:ListBucket", f"arn:aws:s3:::{BUCKET}"),
            "Condition": {"StringLike": {"s3:prefix": [f"{models.prefix}/*"]}},
        },
    )
    models.serve(role=role)
    arn = strict.describe(models.endpoint)["EndpointArn"]
    only_b = {
        **allow("sagemaker:InvokeEndpoint", arn),
        "Condition": {"StringLike": {"sagemaker:TargetModel": ["team-b/*", "other/*"]}},
    }
    runtime = strict.aws.client("sagemaker-runtime", as_role(strict.aws, "Team-b", only_b))

    def ask(client: Any, **members: Any) -> bytes:
        answer = client.invoke_endpoint(EndpointName=models.endpoint, Body=b"", **members)
        return bytes(answer["Body"].read())

    assert error_of(lambda: ask(runtime, TargetModel="team-a/one"))[0] == "AccessDeniedException"
    assert error_of(lambda: ask(runtime))[0] == "AccessDeniedException", "no model, no match"
    # The caller may, but the execution role may not read the model.
    code, message = error_of(lambda: ask(runtime, TargetModel="team-b/one"))
    assert (code, "the role passed to CreateModel has permissions" in message) == ("ValidationError", True)
    assert ask(strict.runtime, TargetModel="team-a/one") == b"team-a/one"


@pytest.mark.parametrize("key", ["TargetContainerHostname", "TargetModel"])
def test_a_policy_may_name_the_containers_of_an_endpoint(strict: Hosting, key: str) -> None:
    """AWS's guide (multi-container-security) names both condition keys for it."""
    name = served(strict, links(strict, "a", "b", host_names=True), **DIRECT)
    only_b = {
        **allow("sagemaker:InvokeEndpoint", strict.describe(name)["EndpointArn"]),
        "Condition": {"StringLike": {f"sagemaker:{key}": ["*-b"]}},
    }
    runtime = strict.aws.client("sagemaker-runtime", as_role(strict.aws, f"Only-b-{key}", only_b))

    def ask(host: str) -> bytes:
        answer = runtime.invoke_endpoint(EndpointName=name, Body=b"in", TargetContainerHostname=host)
        return bytes(answer["Body"].read())

    assert ask("host-b").startswith(b"in>b")
    assert error_of(lambda: ask("host-a"))[0] == "AccessDeniedException"


def test_a_multi_model_container_needs_a_role_that_lists_its_prefix(strict: Hosting) -> None:
    models = Models(strict)
    blind = create_role(strict.aws, "Not-listing", TRUST, allow("s3:GetObject", f"arn:aws:s3:::{BUCKET}/*"))
    assert "s3:ListBucket" in error_of(lambda: models.model(role=blind))[1]


def test_the_control_plane_is_enforced_too(strict: Hosting) -> None:
    describe = allow("sagemaker:DescribeEndpoint", f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/granted-*")
    sagemaker = strict.aws.client("sagemaker", as_role(strict.aws, "Reader", describe))
    assert error_of(lambda: sagemaker.describe_endpoint(EndpointName="granted-1"))[0] == "ValidationException"
    assert error_of(lambda: sagemaker.describe_endpoint(EndpointName="other"))[0] == "AccessDeniedException"
    assert error_of(lambda: sagemaker.list_endpoints())[0] == "AccessDeniedException"


def test_the_execution_role_must_exist_trust_sagemaker_and_read_the_model(strict: Hosting) -> None:
    container = {"Image": IMAGE, "ModelDataUrl": strict.upload(b"")}

    def refusal(role: str) -> str:
        arn = f"arn:aws:iam::{ACCOUNT}:role/{role}"
        model = {"ModelName": "m", "PrimaryContainer": container, "ExecutionRoleArn": arn}
        return error_of(lambda: strict.sagemaker.create_model(**model))[1]

    assert "Could not assume role" in refusal("Missing")
    create_role(strict.aws, "Stranger", {**TRUST, "Principal": {"Service": "lambda.amazonaws.com"}})
    assert "Could not assume role" in refusal("Stranger")
    create_role(strict.aws, "Blind", TRUST)
    assert "Could not access model data" in refusal("Blind")


@pytest.fixture
def queue(strict: Hosting) -> Iterator[Queue]:
    """An asynchronous endpoint whose role may read the model and nothing else."""
    arn = create_role(strict.aws, "Async", TRUST, allow("s3:GetObject", f"arn:aws:s3:::{BUCKET}/model-*"))
    model = strict.name("model")
    described = strict.sagemaker.describe_model(ModelName=strict.model())
    strict.sagemaker.create_model(
        ModelName=model, PrimaryContainer=described["PrimaryContainer"], ExecutionRoleArn=arn
    )
    queue = Queue(strict, model, inbox=Inbox(strict.aws, "async"))
    yield queue
    strict.delete(queue.name)
    strict.aws.client("iam").delete_role_policy(RoleName="Async", PolicyName="grants")
    strict.aws.client("iam").delete_role(RoleName="Async")


def test_an_asynchronous_endpoint_reads_writes_and_tells_with_the_rights_of_its_role(queue: Queue) -> None:
    strict = queue.hosting

    def grant(*statements: dict[str, Any]) -> None:
        strict.aws.client("iam").put_role_policy(
            RoleName="Async", PolicyName="grants", PolicyDocument=document(*statements)
        )

    tell = allow("sns:Publish", f"arn:aws:sns:{REGION}:{ACCOUNT}:async-*")
    read = allow("s3:GetObject", f"arn:aws:s3:::{BUCKET}/inputs/*")
    write = allow("s3:PutObject", f"arn:aws:s3:::{BUCKET}/results/*")
    grant(tell, write)
    assert "not authorized to perform: s3:GetObject" in queue.told(queue.send())["failureReason"]
    grant(tell, read)
    answer = queue.send()
    assert "not authorized to perform: s3:PutObject" in queue.told(answer)["failureReason"]
    assert stored(strict, answer["OutputLocation"]) is None
    assert stored(strict, answer["FailureLocation"]) is None
    heard = len(queue.inbox.listen())
    grant(read, write)
    answer = queue.send()
    until(lambda: stored(strict, answer["OutputLocation"]), what="the result")
    until(lambda: queue.metric("NotificationFailures") == 1, what="the refusal to publish")
    assert len(queue.inbox.listen()) == heard
    grant(tell, read, write)
    assert queue.told(queue.send())["invocationStatus"] == "Completed"


def test_only_a_grant_lets_invoke_asynchronously(queue: Queue) -> None:
    aws, location = queue.hosting.aws, queue.upload("")
    arn = queue.hosting.describe(queue.name)["EndpointArn"]
    call = {"EndpointName": queue.name, "InputLocation": location}
    granted = aws.client(
        "sagemaker-runtime", as_role(aws, "Sender", allow("sagemaker:InvokeEndpointAsync", arn))
    )
    assert granted.invoke_endpoint_async(**call)["InferenceId"]
    other = aws.client("sagemaker-runtime", as_role(aws, "Caller", allow("sagemaker:InvokeEndpoint", arn)))
    code, message = error_of(lambda: other.invoke_endpoint_async(**call))
    assert code == "AccessDeniedException"
    assert "not authorized to perform: sagemaker:InvokeEndpointAsync" in message


def test_capture_needs_the_role_to_be_allowed(strict: Hosting) -> None:
    capture = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://{BUCKET}/captured",
        "CaptureOptions": [{"CaptureMode": "Input"}],
    }
    name = strict.endpoint(strict.puppet_config(DataCaptureConfig=capture))
    strict.invoke(name)
    logs = strict.aws.client("logs")
    group = f"/aws/sagemaker/Endpoints/{name}"

    def complaint() -> bool:
        if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            return False
        found = logs.filter_log_events(logGroupName=group)["events"]
        return any("is not allowed s3:PutObject" in each["message"] for each in found)

    until(complaint, what="the refusal in the log")
    assert strict.aws.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="captured/")["KeyCount"] == 0


def test_the_role_of_the_configuration_must_read_what_a_component_serves(strict: Hosting) -> None:
    components = Components(strict.aws)
    missing = f"arn:aws:iam::{ACCOUNT}:role/Missing"
    assert "Could not assume role" in error_of(lambda: components.host_config(ExecutionRoleArn=missing))[1]
    blind = create_role(strict.aws, "BlindHost", TRUST)
    endpoint = components.host(ExecutionRoleArn=blind)
    refused = error_of(lambda: components.begin(endpoint, components.specification()))
    assert "Could not access model data" in refused[1]
    assert f'the role "{blind}"' in refused[1]
    sighted = components.host()
    assert components.ask(sighted, components.component(sighted)) == "puppet"


def test_an_action_on_a_component_is_on_its_arn(strict: Hosting) -> None:
    components = Components(strict.aws)
    endpoint = components.host()
    mine, other = components.component(endpoint), components.component(endpoint)
    arn = components.describe_component(mine)["InferenceComponentArn"]
    scale = allow("sagemaker:UpdateInferenceComponentRuntimeConfig", arn)
    sagemaker = strict.aws.client("sagemaker", as_role(strict.aws, "Scaler", scale))

    def resize(name: str) -> None:
        wanted = {"InferenceComponentName": name, "DesiredRuntimeConfig": {"CopyCount": 2}}
        sagemaker.update_inference_component_runtime_config(**wanted)

    resize(mine)
    assert error_of(lambda: resize(other))[0] == "AccessDeniedException"
    assert components.component_settled(mine)["RuntimeConfig"]["CurrentCopyCount"] == 2
