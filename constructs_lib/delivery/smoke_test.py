"""SmokeTest: a deployment that fails when the endpoint does not answer as it should."""

from __future__ import annotations

from functools import cache

import aws_cdk as cdk
import constructs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sagemaker as sagemaker

from ..core.buckets import attributes_of
from ..core.code import runtime_archive
from ..core.functions import own_function
from ..core.place import construct_path, stack_of
from ..hosting.asynchronous import AsyncEndpoint
from ..hosting.endpoint import EndpointBase
from ..hosting.hosted import HostedEndpoint
from ..hosting.inference_component import InferenceComponent
from ..hosting.multi_model import MultiModelEndpoint
from .smoke_props import LONGEST_PATIENCE_SECONDS, SmokeExpectation, SmokeRequest, SmokeTestProps, smoke_rules

_ID = "ConstructsLibSmokeTests"
_DEFAULT_PATIENCE = cdk.Duration.minutes(5)
_TO_ANSWER_SECONDS = 120


class SmokeTest(constructs.Construct):
    """Asks an endpoint once it is deployed, and fails the deployment unless it answers as expected.

    A custom resource after the endpoint. It runs when the endpoint's configuration, the request or the
    expectation has changed: with any new model. When it fails, CloudFormation rolls the stack back, and the
    endpoint serves the model before again; until then callers get the new one, so let a `Rollout` with alarms find
    out what shows in traffic, and the smoke test what shows in one known answer. While a stack is rolled back it
    asks nothing. Adds one Lambda function a stack, which may call the tested endpoints and look at its own stack.

    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-custom-resources.html

    Example::

        SmokeTest(self, "SmokeTest", endpoint=endpoint,
            request=SmokeRequest(body="5.1,3.5,1.4,0.2", content_type="text/csv"),
            expect=SmokeExpectation(json={"$.labels[0]": "setosa"}, max_latency=Duration.millis(500)))
    """

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        endpoint: EndpointBase,
        request: SmokeRequest,
        expect: SmokeExpectation | None = None,
        patience: cdk.Duration | None = None,
    ) -> None:
        """Test `endpoint` whenever it is deployed.

        :param endpoint: of any kind; of an A/B test ``test.endpoint``. An imported one is tested when the
            request or the expectation changes.
        :param request: what to ask it.
        :param expect: what it must answer. Default: anything that is no error.
        :param patience: 10 seconds – 13 minutes for what passes by itself: a container that starts,
            throttling. A wrong answer fails at once. Default: 5 minutes; 13 for an asynchronous endpoint,
            which may be asleep.
        :raises ConstraintError: SM-DELIVERY-066, SM-DELIVERY-067, SM-DELIVERY-068.
        """
        asynchronous = isinstance(endpoint, AsyncEndpoint)
        default = cdk.Duration.seconds(LONGEST_PATIENCE_SECONDS) if asynchronous else _DEFAULT_PATIENCE
        props = SmokeTestProps(
            endpoint=endpoint,
            request=request,
            expect=SmokeExpectation() if expect is None else expect,
            patience=default if patience is None else patience,
        )
        smoke_rules.enforce(props, path=lambda: construct_path(scope, id))
        super().__init__(scope, id)
        testing = _testing_in(stack_of(self))
        testing.let_ask(endpoint, request)
        self.resource = cdk.CustomResource(
            self,
            "Resource",
            service_token=testing.function.function_arn,
            service_timeout=cdk.Duration.seconds(props.patience.to_seconds() + _TO_ANSWER_SECONDS),
            resource_type="Custom::SmokeTest",
            properties=_told(props),
        )
        """The custom resource; what depends on it waits for the right answer."""
        self.resource.node.add_dependency(testing, *_tested(endpoint, request))


class _Testing(constructs.Construct):
    """The one function behind all smoke tests of a stack."""

    def __init__(self, scope: constructs.Construct, id: str) -> None:
        super().__init__(scope, id)
        self.function: lambda_.Function = own_function(
            self,
            handler="constructs_lib.delivery.runtime.smoke.handle",
            code=runtime_archive("delivery").code,
            description="Smoke tests of SageMaker endpoints",
            role_description="Asks endpoints that were just deployed, and looks at the state of its own stack",
            timeout=cdk.Duration.minutes(15),
            memory_mb=256,
            alone="Runs while a stack deploys and calls AWS's public endpoints only; a deploy that it fails is red in "
            "CloudFormation, and is tried again by deploying again.",
            logged="Names of endpoints and the beginning of answers to known requests; CloudWatch Logs encrypts them "
            "with its own key.",
        )
        self.function.add_to_role_policy(
            iam.PolicyStatement(
                actions=["cloudformation:DescribeStacks"], resources=[stack_of(self).stack_id]
            )
        )

    def let_ask(self, endpoint: EndpointBase, request: SmokeRequest) -> None:
        """Let it send the request, and no other than its kind."""
        if isinstance(endpoint, AsyncEndpoint):
            endpoint.grants.invoke_async(self.function)
            endpoint.grants.write_input(self.function)
            endpoint.grants.read_results(self.function)
        elif isinstance(endpoint, MultiModelEndpoint):
            endpoint.grants.invoke(self.function, target_model=request.target_model)
        else:
            endpoint.grants.invoke(self.function)


@cache
def _testing_in(stack: cdk.Stack) -> _Testing:
    return _Testing(stack, _ID)


def _told(props: SmokeTestProps) -> dict[str, object]:
    """The properties: a change of any of them runs the test again."""
    endpoint, component = props.endpoint, props.request.component
    told: dict[str, object] = {
        "EndpointName": endpoint.endpoint_name,
        "Request": props.request.told(),
        "Expected": props.expect.told(),
        "PatienceSeconds": str(props.patience.to_seconds()),
    }
    if isinstance(endpoint, HostedEndpoint):
        told["ConfigName"] = endpoint.cfn_endpoint_config.attr_endpoint_config_name
    if component is not None:
        told["ComponentModel"] = _model_of(component)
    if isinstance(endpoint, AsyncEndpoint):
        requests = endpoint.locations.input
        told["Async"] = {"Bucket": attributes_of(requests.bucket).name, "Prefix": requests.prefix}
    return told


def _model_of(component: InferenceComponent) -> str | None:
    """The name of its model, which another version of it changes."""
    specification = component.cfn_inference_component.specification
    if isinstance(specification, sagemaker.CfnInferenceComponent.InferenceComponentSpecificationProperty):
        return specification.model_name
    return None


def _tested(endpoint: EndpointBase, request: SmokeRequest) -> list[constructs.IDependable]:
    """What must be there before the first request: not the whole endpoint, in which the test may stand."""
    if not isinstance(endpoint, HostedEndpoint):
        return []
    settled = endpoint.node.try_find_child("Settle")
    tested: list[constructs.IDependable] = [endpoint.cfn_endpoint, *([] if settled is None else [settled])]
    if request.component is not None:
        tested.append(request.component.cfn_inference_component)
    if isinstance(endpoint, MultiModelEndpoint):
        tested += [
            each.resource
            for each in endpoint.hosted_models.values()
            if each.target_model == request.target_model
        ]
    return tested
