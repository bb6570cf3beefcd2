"""Apps, stacks and templates for tests: made quickly, read easily."""

from __future__ import annotations

import inspect
import re
from typing import Any

import aws_cdk as cdk
import constructs
from aws_cdk import assertions
from aws_cdk import aws_s3 as s3

from constructs_lib import Container, ContainerImage, Model, ModelData, RealtimeEndpoint, Variant

Template = dict[str, Any]
Resource = dict[str, Any]

ACCOUNT = "111122223333"
IMAGE_URI = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/fraud:1"


# Newer than the oldest aws-cdk-lib that the library supports.
_SWITCH = "builtin_cloud_formation_validation"
_QUICK = {_SWITCH: False} if _SWITCH in inspect.signature(cdk.App.__init__).parameters else {}


def fresh_app(**context: object) -> cdk.App:
    """An app without CloudFormation Validate, which costs seconds."""
    return cdk.App(**_QUICK, context=context or None)


def synthesized(stack: cdk.Stack) -> Template:
    """The stack's template; fails on a dependency cycle, as CloudFormation would."""
    return dict(assertions.Template.from_stack(stack).to_json())


def resources(template: Template, type: str) -> dict[str, Resource]:
    """All resources of `type` by logical id."""
    return {id: each for id, each in template["Resources"].items() if each["Type"] == type}


def resource(template: Template, type: str) -> Resource:
    """The one resource of `type`."""
    found = list(resources(template, type).values())
    assert len(found) == 1, f"{len(found)} resources of type {type}"
    return found[0]


def properties(template: Template, type: str) -> dict[str, Any]:
    """The properties of the one resource of `type`."""
    return dict(resource(template, type).get("Properties", {}))


def types(template: Template) -> list[str]:
    """The type of each resource, sorted."""
    return sorted(each["Type"] for each in template["Resources"].values())


def statements(template: Template, role: str | None = None) -> list[dict[str, Any]]:
    """The statements of all inline policies, or of those whose logical id begins with `role`."""
    return [
        statement
        for id, policy in resources(template, "AWS::IAM::Policy").items()
        if role is None or id.startswith(role)
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
    ]


def allowing(template: Template, action: str, role: str | None = None) -> list[dict[str, Any]]:
    """The statements that allow `action` by its exact name."""
    return [
        each
        for each in statements(template, role)
        if action in (each["Action"] if isinstance(each["Action"], list) else [each["Action"]])
    ]


def flat(value: object) -> str:
    """A resolved value as one line: references in angle brackets, joins joined."""
    if isinstance(value, dict) and len(value) == 1:
        ((function, argument),) = value.items()
        if function == "Ref":
            return f"<{argument}>"
        if function == "Fn::GetAtt":
            return f"<{'.'.join(argument)}>"
        if function == "Fn::Join":
            return str(argument[0]).join(flat(part) for part in argument[1])
        if function == "Fn::Sub" and isinstance(argument, str):
            return re.sub(r"\$\{([^}]+)\}", r"<\1>", argument)
        if function == "Fn::FindInMap":
            return f"<{argument[0]}[{flat(argument[1])}].{argument[2]}>"
    return str(value)


def a_model(scope: constructs.Construct, id: str = "Model", **props: Any) -> Model:
    """A model that needs nothing from disk."""
    if "containers" not in props:
        props.setdefault("container", Container(image=ContainerImage.from_uri(IMAGE_URI)))
    return Model(scope, id, **props)


def an_endpoint(scope: constructs.Construct, id: str = "Endpoint", **props: Any) -> RealtimeEndpoint:
    """An endpoint with the least of everything, unless told otherwise."""
    if "variants" not in props:
        model = props.pop("model", None) or a_model(scope, f"{id}Model")
        props = {"model": model, "instance_type": "ml.m5.large", **props}
    return RealtimeEndpoint(scope, id, **props)


def a_variant(scope: constructs.Construct, name: str, **props: Any) -> Variant:
    """A variant with a model of its own."""
    model = a_model(scope, f"Model{name}")
    return Variant(**{"name": name, "model": model, "instance_type": "ml.m5.large", **props})


def a_bucket(scope: constructs.Construct, id: str = "Bucket", name: str = "artefacts") -> s3.IBucket:
    """An imported bucket."""
    return s3.Bucket.from_bucket_name(scope, id, name)


def some_data(scope: constructs.Construct, key: str = "fraud/1.4.2/model.tar.gz") -> ModelData:
    """Model data in an imported bucket."""
    return ModelData.from_bucket(a_bucket(scope, f"BucketOf{key.replace('/', '-')}"), key)
