"""Write which properties CloudFormation can only set when it makes a resource, for plans to call out replacements.

python -m tools.create_only > constructs_lib/delivery/create_only.json

From the registry's schemas, as cfn-lint ships them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import cfnlint

SERVICES = (
    "ApiGateway",
    "ApiGatewayV2",
    "ApplicationAutoScaling",
    "CloudWatch",
    "DynamoDB",
    "EC2",
    "Events",
    "Glue",
    "GreengrassV2",
    "IAM",
    "IoT",
    "KMS",
    "Kinesis",
    "KinesisFirehose",
    "Lambda",
    "Logs",
    "RDS",
    "S3",
    "SNS",
    "SQS",
    "SSM",
    "SageMaker",
    "Scheduler",
    "SecretsManager",
    "StepFunctions",
    "WAFv2",
)
"""The services that constructs of this library make resources of."""


def create_only() -> dict[str, list[str]]:
    """Paths of create-only properties by type; a type without any has an empty list."""
    return dict(sorted(_found()))


def _found() -> Iterator[tuple[str, list[str]]]:
    schemas = Path(cfnlint.__file__).parent / "data" / "schemas"
    names = json.loads((schemas / "providers" / "us-east-1.json").read_text(encoding="utf-8"))
    for name, file in names.items():
        if not _is_ours(name):
            continue
        schema = json.loads((schemas / "resources" / f"{Path(file).stem}.json").read_text(encoding="utf-8"))
        pointers = schema.get("createOnlyProperties", [])
        yield name, sorted(each.removeprefix("/properties/").replace("/", ".") for each in pointers)


def _is_ours(name: str) -> bool:
    parts = name.split("::")
    return len(parts) == 3 and parts[1] in SERVICES


if __name__ == "__main__":
    print(json.dumps(create_only(), indent=1))
