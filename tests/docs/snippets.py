"""Running the Python that the documentation shows.

A block that imports something is a *program*: it runs by itself, and every stack class that it defines is
then made once. Any other block is a *fragment* of a stack's constructor: it runs with ``self`` (a stack),
all public names of the library, and what the pages say stands around their fragments. Every stack that
comes of it must synthesize.
"""

from __future__ import annotations

import ast
import inspect
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import aws_cdk as cdk
import constructs
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_rds as rds
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as stepfunctions

import constructs_lib
from constructs_lib import (
    Container,
    ContainerImage,
    DataCapture,
    EdgeDevices,
    EdgeFleet,
    Model,
    ModelData,
    RealtimeEndpoint,
)
from constructs_lib.core.rules import CATALOGUE
from tests.support import synth

EXAMPLE = Path(__file__).parents[2] / "examples" / "breast_cancer"
MODELS = ("fraud", "fraud-2", "churn", "scale", "classify", "label")

ENVIRONMENT = """\
apiVersion: constructs-lib.dev/v1
kind: Environment
metadata: {name: dev}
spec: {}
"""
MANIFEST = """\
apiVersion: constructs-lib.dev/v1
kind: RealtimeEndpoint
metadata: {name: breast-cancer}
spec:
  model:
    image: {framework: {name: sklearn, version: "1.2-1"}}
    data: {asset: models/fraud, code: inference}
  instanceType: ml.m5.large
"""


def furnish(folder: Path) -> None:
    """The files that the pages take for granted, in the working folder of a snippet."""
    for name in MODELS:
        (folder / "models" / name).mkdir(parents=True)
        (folder / "models" / name / "model.json").write_bytes((EXAMPLE / "model" / "model.json").read_bytes())
    shutil.copytree(EXAMPLE / "edge", folder / "models" / "cells")
    (folder / "models" / "defects.tar.gz").write_bytes(b"a model")
    (folder / "data").mkdir()
    (folder / "data" / "held-out.csv").write_text("a,defect\n1,0\n", encoding="ascii")
    (folder / "inference").mkdir()
    (folder / "inference" / "inference.py").write_bytes((EXAMPLE / "code" / "inference.py").read_bytes())
    (folder / "jobs").mkdir()
    (folder / "jobs" / "clean.py").write_text("print()\n", encoding="ascii")
    (folder / "deployments" / "dev").mkdir(parents=True)
    (folder / "deployments" / "dev" / "_environment.yaml").write_text(ENVIRONMENT, encoding="ascii")
    (folder / "deployments" / "dev" / "breast-cancer.yaml").write_text(MANIFEST, encoding="ascii")
    (folder / "container").mkdir()
    (folder / "container" / "Dockerfile").write_text("FROM scratch\n", encoding="ascii")


def run(code: str, *, place: str) -> dict[str, Any]:
    """Run one snippet; returns its names. What it deploys must synthesize."""
    tree = compile(code, place, "exec")
    with _module() as names:
        if is_program(code):
            exec(tree, names)  # noqa: S102 - our own documentation
            _make_stacks(names)
        else:
            stack = cdk.Stack(synth.fresh_app(), "Snippet")
            names.update(_around(stack))
            if "fleet" in code:
                names["fleet"] = _fleet(stack)
            exec(tree, names)  # noqa: S102
            _synthesize(stack)
    return names


@contextmanager
def _module() -> Iterator[dict[str, Any]]:
    """The names of a module of its own; the rules that it lists are forgotten after it."""
    module = ModuleType("snippet")
    module.__file__ = str(Path.cwd() / "app.py")
    sys.modules["snippet"] = module
    listed = dict(CATALOGUE)
    try:
        yield vars(module)
    finally:
        del sys.modules["snippet"]
        CATALOGUE.clear()
        CATALOGUE.update(listed)


def is_program(code: str) -> bool:
    """Whether a block imports what it uses."""
    return any(isinstance(statement, ast.Import | ast.ImportFrom) for statement in ast.parse(code).body)


def _make_stacks(names: dict[str, Any]) -> None:
    for name, value in list(names.items()):
        defined_here = inspect.isclass(value) and value.__module__ == "snippet"
        if defined_here and issubclass(value, cdk.Stack):
            stack = value(synth.fresh_app(), name)
            _synthesize(stack)


def _synthesize(stack: cdk.Stack) -> None:
    cdk.App.of(stack).synth()  # type: ignore[union-attr]


def _around(stack: cdk.Stack) -> dict[str, Any]:
    """What stands around a fragment; the pages say so."""
    scope = constructs.Construct(stack, "Around")
    model = Model(
        scope,
        "Fraud",
        container=Container(
            image=ContainerImage.framework("sklearn", version="1.2-1"),
            data=ModelData.from_asset("models/fraud", code="inference"),
        ),
    )
    candidate = Model.from_model_name(scope, "Candidate", "fraud-candidate")
    sklearn = ContainerImage.framework("sklearn", version="1.2-1")
    steps = {
        name: Container(
            image=sklearn, data=ModelData.from_asset(f"models/{name}", code="inference"), hostname=name
        )
        for name in ("scale", "classify", "label")
    }
    function = lambda_.Function(
        scope,
        "Caller",
        runtime=lambda_.Runtime.PYTHON_3_13,
        handler="index.handle",
        code=lambda_.Code.from_inline("def handle(event, context): pass"),
    )
    vpc = ec2.Vpc(scope, "Vpc", nat_gateways=0)
    state_machines = f"arn:aws:states:us-east-1:{synth.ACCOUNT}:stateMachine"
    return {
        **{name: getattr(constructs_lib, name) for name in constructs_lib.__all__},
        "cdk": cdk,
        "ec2": ec2,
        "Duration": cdk.Duration,
        "Size": cdk.Size,
        "TimeZone": cdk.TimeZone,
        "ScheduleExpression": scheduler.ScheduleExpression,
        "self": stack,
        "model": model,
        "candidate": candidate,
        **steps,
        "endpoint": RealtimeEndpoint(
            scope, "Endpoint", model=candidate, instance_type="ml.m5.large", capture=DataCapture()
        ),
        "function": function,
        "bucket": s3.Bucket(scope, "Bucket"),
        "key": kms.Key(scope, "Key"),
        "repository": ecr.Repository.from_repository_name(scope, "Repository", "fraud"),
        "state_machine": stepfunctions.StateMachine.from_state_machine_arn(
            scope, "Retraining", f"{state_machines}:retrain"
        ),
        "topic": sns.Topic(scope, "Topic"),
        "vpc": vpc,
        "table": dynamodb.Table(
            scope,
            "Customers",
            partition_key=dynamodb.Attribute(name="customer", type=dynamodb.AttributeType.STRING),
        ),
        "cluster": rds.DatabaseCluster(
            scope,
            "Cluster",
            engine=rds.DatabaseClusterEngine.aurora_postgres(
                version=rds.AuroraPostgresEngineVersion.VER_16_6
            ),
            writer=rds.ClusterInstance.serverless_v2("Writer"),
            vpc=vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC),
            enable_data_api=True,
        ),
        "alarm": cloudwatch.Alarm.from_alarm_arn(
            scope, "Alarm", f"arn:aws:cloudwatch:us-east-1:{synth.ACCOUNT}:alarm:declined-too-often"
        ),
    }


def _fleet(stack: cdk.Stack) -> EdgeFleet:
    """A fleet, for the fragments that name one: it takes a while to make."""
    return EdgeFleet(
        stack,
        "Fleet",
        model=ModelData.from_asset("models/cells"),
        devices=EdgeDevices.matching("cam-[0-9]{6}"),
    )


def docstring_examples() -> Iterator[tuple[str, str]]:
    """The ``Example::`` of every public class, by its name."""
    for name in constructs_lib.__all__:
        documented = inspect.getdoc(getattr(constructs_lib, name)) or ""
        _, marker, rest = documented.partition("Example::\n")
        if marker:
            yield name, inspect.cleandoc("\n" + _indented(rest))


def _indented(text: str) -> str:
    lines = []
    for line in text.splitlines():
        if line.strip() and not line.startswith("    "):
            break
        lines.append(line)
    return "\n".join(lines)
