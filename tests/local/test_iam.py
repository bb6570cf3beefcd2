"""IAM enforcement: an action that no policy allows is denied."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tools.embedded_aws import ACCOUNT, REGION, LocalAws, local_aws, until

from .components import Components
from .hosting import BUCKET, IMAGE, Hosting, error_of

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
