"""Endpoints without a model, and the inference components on them, for the tests of the embedded AWS."""

from __future__ import annotations

from typing import Any

from tools.embedded_aws import until

from .hosting import ROLE, Hosting

# ml.m5.large has 8 GiB and 2 cores: at most two copies of this size stand on one.
HALF_AN_INSTANCE = 3500


class Components(Hosting):
    """SageMaker with inference components."""

    def host_config(self, *, scaled: tuple[int, int] | None = None, initial: int = 1, **members: Any) -> str:
        """The configuration of an endpoint for components, with managed instance scaling or without."""
        variant: dict[str, Any] = {"VariantName": "main", "InitialInstanceCount": initial}
        if scaled is not None:
            variant["ManagedInstanceScaling"] = {
                "Status": "ENABLED",
                "MinInstanceCount": scaled[0],
                "MaxInstanceCount": scaled[1],
            }
        return self.config(variant, **{"ExecutionRoleArn": ROLE, **members})

    def host(self, **members: Any) -> str:
        """An endpoint for components; its name."""
        return self.endpoint(self.host_config(**members))

    def specification(self, name: str = "puppet", *, memory: int = 256, **resources: Any) -> dict[str, Any]:
        """What runs a model that answers its name."""
        return self.model_specification(self.model(NAME=name), memory=memory, **resources)

    def model_specification(self, model: str, *, memory: int = 256, **resources: Any) -> dict[str, Any]:
        """What runs a model of this name."""
        needs = {"MinMemoryRequiredInMb": memory, **resources}
        return {"ModelName": model, "ComputeResourceRequirements": needs}

    def begin(self, endpoint: str, specification: dict[str, Any], *, copies: int = 1, **members: Any) -> str:
        """Create a component; its name."""
        name = self.name("component")
        self.sagemaker.create_inference_component(
            InferenceComponentName=name,
            EndpointName=endpoint,
            VariantName="main",
            Specification=specification,
            RuntimeConfig={"CopyCount": copies},
            **members,
        )
        return name

    def component(self, endpoint: str, specification: dict[str, Any] | None = None, **members: Any) -> str:
        """Create a component and wait until it is in service; its name."""
        name = self.begin(endpoint, specification or self.specification(), **members)
        described = self.component_settled(name)
        assert described["InferenceComponentStatus"] == "InService", described
        return name

    def describe_component(self, name: str) -> dict[str, Any]:
        """DescribeInferenceComponent."""
        return dict(self.sagemaker.describe_inference_component(InferenceComponentName=name))

    def component_settled(self, name: str) -> dict[str, Any]:
        """DescribeInferenceComponent, once nothing is in progress."""
        return until(
            lambda: (
                (found := self.describe_component(name))["InferenceComponentStatus"]
                in ("InService", "Failed")
                and found
            ),
            what=f"inference component {name} settles",
        )

    def resize(self, name: str, copies: int) -> dict[str, Any]:
        """UpdateInferenceComponentRuntimeConfig; what comes of it."""
        self.sagemaker.update_inference_component_runtime_config(
            InferenceComponentName=name, DesiredRuntimeConfig={"CopyCount": copies}
        )
        assert self.describe_component(name)["InferenceComponentStatus"] == "Updating"
        return self.component_settled(name)

    def replace(self, name: str, specification: dict[str, Any], **members: Any) -> dict[str, Any]:
        """UpdateInferenceComponent; what comes of it."""
        self.sagemaker.update_inference_component(
            InferenceComponentName=name, Specification=specification, **members
        )
        assert self.describe_component(name)["InferenceComponentStatus"] == "Updating"
        return self.component_settled(name)

    def copies(self, name: str) -> int:
        """How many copies there are."""
        return int(self.describe_component(name)["RuntimeConfig"]["CurrentCopyCount"])

    def instances(self, endpoint: str) -> int:
        """How many instances the endpoint has."""
        (variant,) = self.describe(endpoint)["ProductionVariants"]
        return int(variant["CurrentInstanceCount"])

    def ask(self, endpoint: str, component: str, body: str = "") -> str:
        """InvokeEndpoint; the text of the answer."""
        return self.invoke(endpoint, body, InferenceComponentName=component)[0]

    def delete_component(self, name: str) -> None:
        """Delete a component and wait until it is gone."""
        self.component_settled(name)
        self.sagemaker.delete_inference_component(InferenceComponentName=name)
        until(lambda: name not in self.component_names(), what=f"inference component {name} is gone")

    def component_names(self) -> list[str]:
        """The components there are."""
        listed = self.sagemaker.list_inference_components(MaxResults=100)["InferenceComponents"]
        return [each["InferenceComponentName"] for each in listed]
