"""The real CDK CLI against the embedded AWS: one of each resource type that the library uses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tools.embedded_aws import ACCOUNT, REGION, ROOT, LocalAws, until

from .hosting import PUPPET_CODE, archive

CDK = ROOT / "node_modules" / ".bin" / "cdk"
NODE_FOLDER = ROOT / ".venv" / "bin"
APP = Path(__file__).parent / "cdk_app" / "app.py"
STACK = "OneOfEach"


class Cli:
    """The CDK CLI, in a folder of its own."""

    def __init__(self, aws: LocalAws, folder: Path) -> None:
        self._folder = folder
        self._archive = folder / "model.tar.gz"
        self._environment = aws.environment() | {
            "PATH": f"{NODE_FOLDER}:{aws.environment()['PATH']}",
            "JSII_NODE": str(NODE_FOLDER / "node"),
            "CDK_VALIDATION": "false",
            "MODEL_ARCHIVE": str(self._archive),
        }

    def use_model(self, code: str, name: str) -> None:
        """What the next deployment deploys."""
        self._archive.write_bytes(archive({"code/inference.py": code.encode()}))
        self._environment["MODEL_NAME"] = name

    def run(self, *arguments: str, app: str = f"{sys.executable} {APP}") -> subprocess.CompletedProcess[str]:
        command = [str(CDK), *arguments, "--app", app, *(["--output", "cdk.out"] if app != "cdk.out" else [])]
        return subprocess.run(
            command,
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def must(self, *arguments: str, **options: str) -> None:
        done = self.run(*arguments, **options)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_real_cli_deploys_one_of_each(aws: LocalAws, tmp_path: Path) -> None:
    cli = Cli(aws, tmp_path)
    cli.use_model(PUPPET_CODE, "first")
    cli.must("bootstrap", f"aws://{ACCOUNT}/{REGION}")
    cli.must("deploy", STACK, "--require-approval", "never")
    outputs = stack_outputs(aws)
    assert outputs["GreetingOutput"] == "hello cdk", "a custom resource backed by a Lambda"
    assert aws.client("ssm").get_parameter(Name="/cdk/endpoint")["Parameter"]["Value"] == "cdk-endpoint"
    bucket = outputs["BucketNameOutput"]
    assert "aws:SecureTransport" in aws.client("s3").get_bucket_policy(Bucket=bucket)["Policy"]
    until(lambda: stored(aws, bucket) == b"first", what="the event's Lambda called the endpoint")
    (alarm,) = aws.client("cloudwatch").describe_alarms(AlarmNames=["cdk-alarm"])["MetricAlarms"]
    assert alarm["AlarmActions"] == [outputs["TopicArnOutput"]]
    targets = aws.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="sagemaker")
    assert [each["ResourceId"] for each in targets["ScalableTargets"]] == [
        "endpoint/cdk-endpoint/variant/main"
    ]

    cli.must("destroy", STACK, "--force", app="cdk.out")
    assert "cdk-endpoint" not in str(aws.client("sagemaker").list_endpoints()["Endpoints"])


def stack_outputs(aws: LocalAws) -> dict[str, str]:
    (stack,) = aws.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}


def stored(aws: LocalAws, bucket: str) -> bytes | None:
    s3 = aws.client("s3")
    if s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0:
        return None
    return bytes(s3.get_object(Bucket=bucket, Key="cdk-endpoint")["Body"].read())
