"""SageMaker's CloudFormation types, through the CloudFormation API."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tools.embedded_aws import until

from .hosting import BROKEN_CODE, IMAGE, PUPPET_CODE, ROLE, Hosting, archive, as_template

FINAL = (
    "CREATE_COMPLETE",
    "ROLLBACK_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "DELETE_COMPLETE",
)


class Stack:
    """One stack of a model, its configuration and its endpoint."""

    def __init__(self, hosting: Hosting) -> None:
        self.hosting = hosting
        self.name = hosting.name("stack")
        self.cloudformation = hosting.aws.client("cloudformation")

    def resources(self, name: str = "one", code: str = PUPPET_CODE) -> dict[str, Any]:
        """The template's resources, for a model that answers its name."""
        url = self.hosting.upload(archive({"code/inference.py": code.encode()}))
        container = {"Image": IMAGE, "ModelDataUrl": url, "Environment": {"NAME": name}}
        variant = {
            "VariantName": "main",
            "ModelName": {"Fn::GetAtt": ["Model", "ModelName"]},
            "InstanceType": "ml.m5.large",
            # A string, as a parameter would give it.
            "InitialInstanceCount": "1",
        }
        config_name = {"Fn::GetAtt": ["Config", "EndpointConfigName"]}
        return {
            "Model": _resource("Model", PrimaryContainer=container, ExecutionRoleArn=ROLE),
            "Config": _resource("EndpointConfig", ProductionVariants=[variant]),
            "Endpoint": _resource("Endpoint", EndpointName=f"{self.name}-e", EndpointConfigName=config_name),
        }

    def deploy(self, resources: dict[str, Any], *, update: bool = False) -> str:
        """Create or update the stack; its final status."""
        outputs = {key: {"Value": {"Ref": key}} for key in resources}
        act = self.cloudformation.update_stack if update else self.cloudformation.create_stack
        act(StackName=self.name, TemplateBody=as_template(resources, Outputs=outputs))
        return self.settled()

    def settled(self) -> str:
        return until(
            lambda: (found := self.describe()["StackStatus"]) in FINAL and found, what=f"stack {self.name}"
        )

    def describe(self) -> dict[str, Any]:
        return dict(self.cloudformation.describe_stacks(StackName=self.name)["Stacks"][0])

    def outputs(self) -> dict[str, str]:
        return {each["OutputKey"]: each["OutputValue"] for each in self.describe()["Outputs"]}

    def failure(self) -> str:
        """Why the last resource failed."""
        events = self.cloudformation.describe_stack_events(StackName=self.name)["StackEvents"]
        failed = [each for each in events if each["ResourceStatus"] in ("CREATE_FAILED", "UPDATE_FAILED")]
        return str(failed[0]["ResourceStatusReason"])

    def delete(self) -> None:
        self.cloudformation.delete_stack(StackName=self.name)
        until(lambda: not self.exists(), what="the stack is deleted")

    def exists(self) -> bool:
        listed = self.cloudformation.list_stacks()["StackSummaries"]
        return any(
            each["StackName"] == self.name and each["StackStatus"] != "DELETE_COMPLETE" for each in listed
        )


def _resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::SageMaker::{kind}", "Properties": properties}


@pytest.fixture
def stack(hosting: Hosting) -> Stack:
    return Stack(hosting)


def test_a_stack_is_created_updated_and_deleted(stack: Stack) -> None:
    resources = stack.resources("one")
    assert stack.deploy(resources) == "CREATE_COMPLETE"
    before, endpoint = stack.outputs(), f"{stack.name}-e"
    assert before["Endpoint"].endswith(f":endpoint/{endpoint}")
    assert before["Model"].split("/")[1].startswith(f"{stack.name}-Model-")
    assert stack.hosting.invoke(endpoint)[0] == "one"

    assert stack.deploy(stack.resources("two"), update=True) == "UPDATE_COMPLETE"
    after = stack.outputs()
    assert stack.hosting.invoke(endpoint)[0] == "two"
    assert after["Endpoint"] == before["Endpoint"]
    assert after["Model"] != before["Model"], "a container is create-only: the model is replaced"
    names = [each["ModelArn"] for each in stack.hosting.sagemaker.list_models(MaxResults=100)["Models"]]
    assert after["Model"] in names
    assert before["Model"] not in names

    stack.delete()
    assert endpoint not in stack.hosting.names()


def test_a_model_that_cannot_load_rolls_the_stack_back_to_the_old_one(stack: Stack) -> None:
    assert stack.deploy(stack.resources("good")) == "CREATE_COMPLETE"
    assert stack.deploy(stack.resources(code=BROKEN_CODE), update=True) == "UPDATE_ROLLBACK_COMPLETE"
    assert "the weights are torn" in stack.failure()
    assert "NotStabilized" in stack.failure()
    assert stack.hosting.invoke(f"{stack.name}-e")[0] == "good"


def test_a_stack_whose_endpoint_fails_is_removed_again(stack: Stack) -> None:
    assert stack.deploy(stack.resources(code=BROKEN_CODE)) == "ROLLBACK_COMPLETE"
    assert "did not pass the ping health check" in stack.failure()
    assert f"{stack.name}-e" not in stack.hosting.names()


def test_a_later_failure_sends_a_good_endpoint_back(stack: Stack) -> None:
    resources = stack.resources("good")
    assert stack.deploy(resources) == "CREATE_COMPLETE"
    changed = stack.resources("better")
    lost = {"Image": IMAGE, "ModelDataUrl": "s3://models/lost.tar.gz"}
    changed["Late"] = _resource("Model", PrimaryContainer=lost, ExecutionRoleArn=ROLE) | {
        "DependsOn": "Endpoint"
    }
    assert stack.deploy(changed, update=True) == "UPDATE_ROLLBACK_COMPLETE"
    assert "Could not find model data at s3://models/lost.tar.gz" in stack.failure()
    assert stack.hosting.invoke(f"{stack.name}-e")[0] == "good"


def test_tags_are_set_and_changed_in_place(stack: Stack) -> None:
    resources = stack.resources()
    resources["Endpoint"]["Properties"]["Tags"] = [
        {"Key": "team", "Value": "a"},
        {"Key": "old", "Value": "x"},
    ]
    assert stack.deploy(resources) == "CREATE_COMPLETE"
    changed = copy.deepcopy(resources)
    changed["Endpoint"]["Properties"]["Tags"] = [{"Key": "team", "Value": "b"}]
    assert stack.deploy(changed, update=True) == "UPDATE_COMPLETE"
    listed = stack.hosting.sagemaker.list_tags(ResourceArn=stack.outputs()["Endpoint"])["Tags"]
    tags = {each["Key"]: each["Value"] for each in listed}
    assert tags["team"] == "b"
    assert "old" not in tags
    assert tags["aws:cloudformation:stack-name"] == stack.name


@pytest.mark.parametrize(
    ("logical_id", "path", "value", "said"),
    [
        ("Model", "Imagine", 1, "#: extraneous key [Imagine] is not permitted"),
        (
            "Model",
            "PrimaryContainer.Imagine",
            1,
            "#/PrimaryContainer: extraneous key [Imagine] is not permitted",
        ),
        ("Model", "ModelArn", "arn", "read-only key [ModelArn]"),
        ("Model", "ModelName", "a b", "#/ModelName: string [a b] does not match pattern"),
        ("Config", "ProductionVariants", None, "#: required key [ProductionVariants] not found"),
        (
            "Config",
            "ProductionVariants.0.VariantName",
            None,
            "#/ProductionVariants/0: required key [VariantName]",
        ),
        (
            "Config",
            "ProductionVariants.0.InitialInstanceCount",
            "two",
            "#/ProductionVariants/0/InitialInstanceCount",
        ),
        ("Endpoint", "RetainAllVariantProperties", "perhaps", "#/RetainAllVariantProperties"),
    ],
)
def test_a_bad_property_fails_the_stack_and_is_named(
    stack: Stack, logical_id: str, path: str, value: Any, said: str
) -> None:
    resources = stack.resources()
    _set(resources[logical_id]["Properties"], path.split("."), value)
    assert stack.deploy(resources) == "ROLLBACK_COMPLETE"
    assert said in stack.failure()


def _set(properties: Any, path: list[str], value: Any) -> None:
    *way, last = path
    for step in way:
        properties = properties[int(step) if step.isdigit() else step]
    if value is None:
        del properties[last]
    else:
        properties[last] = value


def test_a_named_model_cannot_be_replaced(stack: Stack) -> None:
    resources = stack.resources()
    resources["Model"]["Properties"]["ModelName"] = f"{stack.name}-m"
    assert stack.deploy(resources) == "CREATE_COMPLETE"
    changed = copy.deepcopy(resources)
    changed["Model"]["Properties"]["EnableNetworkIsolation"] = True
    assert stack.deploy(changed, update=True) == "UPDATE_ROLLBACK_COMPLETE"
    assert "custom-named resource requires replacing" in stack.failure()
