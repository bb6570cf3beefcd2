"""AWS::SageMaker::InferenceComponent, through the CloudFormation API."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tools.embedded_aws import ACCOUNT, REGION

from .components import Components
from .hosting import BROKEN_CODE, IMAGE, PUPPET_CODE, ROLE, archive, as_template
from .test_cloudformation import Stack

NEEDS = {"MinMemoryRequiredInMb": 256}


class ComponentStack(Stack):
    """An endpoint with two components: one has a model, the other a container of its own."""

    def __init__(self, components: Components) -> None:
        super().__init__(components)
        self.components = components

    def template(self, *, copies: int = 1, code: str = PUPPET_CODE, name: str = "second") -> dict[str, Any]:
        """The resources; the arguments are the second component's."""
        first = {"Image": IMAGE, "ModelDataUrl": self._upload(PUPPET_CODE), "Environment": {"NAME": "first"}}
        second = {"Image": IMAGE, "ArtifactUrl": self._upload(code), "Environment": {"NAME": name}}
        scaling = {"Status": "ENABLED", "MinInstanceCount": 1, "MaxInstanceCount": 2}
        variant = {
            "VariantName": "main",
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": "1",
            "ManagedInstanceScaling": scaling,
        }
        return {
            "Model": _resource("Model", PrimaryContainer=first, ExecutionRoleArn=ROLE),
            "Config": _resource("EndpointConfig", ExecutionRoleArn=ROLE, ProductionVariants=[variant]),
            "Endpoint": _resource(
                "Endpoint", EndpointConfigName={"Fn::GetAtt": ["Config", "EndpointConfigName"]}
            ),
            "First": self._component(
                {"ModelName": {"Fn::GetAtt": ["Model", "ModelName"]}, "ComputeResourceRequirements": NEEDS}
            ),
            "Second": self._component(
                {"Container": second, "ComputeResourceRequirements": NEEDS},
                InferenceComponentName=f"{self.name}-second",
                RuntimeConfig={"CopyCount": str(copies)},
                Tags=[{"Key": "team", "Value": name}],
            ),
        }

    def _upload(self, code: str) -> str:
        return self.hosting.upload(archive({"code/inference.py": code.encode()}))

    @staticmethod
    def _component(specification: dict[str, Any], **properties: Any) -> dict[str, Any]:
        endpoint = {"Fn::GetAtt": ["Endpoint", "EndpointName"]}
        return _resource(
            "InferenceComponent",
            **{
                "EndpointName": endpoint,
                "VariantName": "main",
                "RuntimeConfig": {"CopyCount": 1},
                "Specification": specification,
                **properties,
            },
        )

    def roll(self, resources: dict[str, Any], *, update: bool = False) -> str:
        """Create or update the stack; its final status."""
        outputs = {
            "Endpoint": {"Value": {"Fn::GetAtt": ["Endpoint", "EndpointName"]}},
            "First": {"Value": {"Ref": "First"}},
            "Second": {"Value": {"Fn::GetAtt": ["Second", "InferenceComponentArn"]}},
            "Status": {"Value": {"Fn::GetAtt": ["Second", "InferenceComponentStatus"]}},
            "Copies": {"Value": {"Fn::GetAtt": ["Second", "RuntimeConfig.CurrentCopyCount"]}},
        }
        act = self.cloudformation.update_stack if update else self.cloudformation.create_stack
        act(StackName=self.name, TemplateBody=as_template(resources, Outputs=outputs))
        return self.settled()

    def answer(self, output: str) -> str:
        """What the component behind an output answers."""
        found = self.outputs()
        return self.components.ask(found["Endpoint"], found[output].rsplit("/", 1)[-1])


def _resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::SageMaker::{kind}", "Properties": properties}


@pytest.fixture
def stack(components: Components) -> ComponentStack:
    return ComponentStack(components)


def test_a_stack_with_two_components(stack: ComponentStack) -> None:
    assert stack.roll(stack.template()) == "CREATE_COMPLETE"
    before = stack.outputs()
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:inference-component/"
    assert before["First"].startswith(f"{arn}{stack.name}-First-")
    assert before["Second"] == f"{arn}{stack.name}-second"
    assert (before["Status"], before["Copies"]) == ("InService", "1")
    assert (stack.answer("First"), stack.answer("Second")) == ("first", "second")
    tags = stack.hosting.sagemaker.list_tags(ResourceArn=before["Second"])["Tags"]
    assert tags == [{"Key": "team", "Value": "second"}], "no system tags, as the type's schema says"

    assert stack.roll(stack.template(copies=2, name="changed"), update=True) == "UPDATE_COMPLETE"
    after = stack.outputs()
    assert after["Second"] == before["Second"], "updated in place"
    assert stack.answer("Second") == "changed"
    assert stack.components.copies(f"{stack.name}-second") == 2
    tags = stack.hosting.sagemaker.list_tags(ResourceArn=after["Second"])["Tags"]
    assert tags == [{"Key": "team", "Value": "changed"}]

    stack.delete()
    assert stack.components.component_names() == []
    assert stack.components.names() == []


def test_only_the_copies_change(stack: ComponentStack) -> None:
    resources = stack.template()
    assert stack.roll(resources) == "CREATE_COMPLETE"
    pid = stack.components.ask(stack.outputs()["Endpoint"], f"{stack.name}-second", "pid")
    more = copy.deepcopy(resources)
    more["Second"]["Properties"]["RuntimeConfig"]["CopyCount"] = 2
    assert stack.roll(more, update=True) == "UPDATE_COMPLETE"
    answers = {
        stack.components.ask(stack.outputs()["Endpoint"], f"{stack.name}-second", "pid") for _ in range(20)
    }
    assert pid in answers, "the copy that was there stays"
    assert stack.components.copies(f"{stack.name}-second") == 2


def test_a_broken_version_rolls_the_stack_back(stack: ComponentStack) -> None:
    assert stack.roll(stack.template()) == "CREATE_COMPLETE"
    assert stack.roll(stack.template(code=BROKEN_CODE), update=True) == "UPDATE_ROLLBACK_COMPLETE"
    assert "the weights are torn" in stack.failure()
    assert "NotStabilized" in stack.failure()
    assert stack.answer("Second") == "second"


def test_a_stack_whose_component_fails_is_removed_again(stack: ComponentStack) -> None:
    assert stack.deploy(stack.template(code=BROKEN_CODE)) == "ROLLBACK_COMPLETE"
    assert "did not pass the ping health check" in stack.failure()
    assert stack.components.component_names() == []
    assert stack.components.names() == []


def test_its_identity_cannot_be_changed(stack: ComponentStack) -> None:
    resources = stack.template()
    assert stack.roll(resources) == "CREATE_COMPLETE"
    renamed = copy.deepcopy(resources)
    renamed["Second"]["Properties"]["InferenceComponentName"] = f"{stack.name}-other"
    assert stack.roll(renamed, update=True) == "UPDATE_ROLLBACK_COMPLETE"
    assert "InferenceComponentName of an inference component cannot be changed" in stack.failure()


@pytest.mark.parametrize(
    ("member", "value", "said"),
    [
        (
            "InferenceComponentStatus",
            "InService",
            "#: read-only key [InferenceComponentStatus] is not permitted",
        ),
        (
            "RuntimeConfig",
            {"CopyCount": 1, "CurrentCopyCount": 1},
            "#/RuntimeConfig: read-only key [CurrentCopyCount] is not permitted",
        ),
        ("RuntimeConfig", {"CopyCount": -1}, "#/RuntimeConfig/CopyCount"),
        ("Imagine", 1, "#: extraneous key [Imagine] is not permitted"),
    ],
)
def test_a_bad_property_is_named(stack: ComponentStack, member: str, value: Any, said: str) -> None:
    resources = stack.template()
    resources["Second"]["Properties"][member] = value
    del resources["First"], resources["Model"]
    assert stack.deploy(resources) == "ROLLBACK_COMPLETE"
    assert said in stack.failure()
