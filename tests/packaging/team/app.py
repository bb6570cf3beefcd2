"""A team's own app: everything it knows of the library comes from the installed wheel."""

import json
import sys
import zipfile
from pathlib import Path

import aws_cdk as cdk

import constructs_lib
from constructs_lib import (
    AutoScaling,
    Container,
    ContainerImage,
    DataCapture,
    Model,
    ModelData,
    MultiModelEndpoint,
    RealtimeEndpoint,
    Rollout,
)

app = cdk.App(context={"@aws-cdk/core:validateAgainstDefaultRules": True})
stack = cdk.Stack(app, "Team")
model = Model(
    stack,
    "Fraud",
    container=Container(
        image=ContainerImage.framework("sklearn", version="1.2-1"),
        data=ModelData.from_asset("model", code="code"),
    ),
)
RealtimeEndpoint(
    stack,
    "Endpoint",
    model=model,
    instance_type="ml.m5.large",
    scaling=AutoScaling(min_capacity=2, max_capacity=4, invocations_per_instance=600),
    rollout=Rollout.canary(size_percent=10, wait=cdk.Duration.minutes(5)),
    capture=DataCapture(sampling_percent=50),
)
shared = MultiModelEndpoint(
    stack,
    "Shared",
    container=Container(image=ContainerImage.framework("sklearn", version="1.2-1")),
    code="code",
    instance_type="ml.m5.large",
)
shared.add_model("team-a/fraud", ModelData.from_asset("model"))
assembly = app.synth()
template = assembly.get_stack_by_name("Team").template
functions = [each for each in template["Resources"].values() if each["Type"] == "AWS::Lambda::Function"]
print(
    json.dumps(
        {
            "library": constructs_lib.__file__,
            "handlers": sorted({each["Properties"]["Handler"] for each in functions}),
            "code": sorted(
                name
                for each in Path(assembly.directory).glob("asset.*.zip")
                for name in zipfile.ZipFile(each).namelist()
            ),
            "types": sorted({resource["Type"] for resource in template["Resources"].values()}),
            "modules": sorted({name.split(".")[0] for name in sys.modules}),
        }
    )
)
