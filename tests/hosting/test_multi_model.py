"""MultiModelEndpoint: the resources it makes, and the models it is given."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from constructs_lib import (
    AutoScaling,
    Container,
    ContainerImage,
    DataCapture,
    ModelData,
    MultiModelEndpoint,
    Rollout,
)
from tests.support.refusals import refused
from tests.support.synth import (
    ACCOUNT,
    IMAGE_URI,
    Template,
    a_bucket,
    allowing,
    an_endpoint,
    flat,
    fresh_app,
    properties,
    resource,
    resources,
    statements,
    synthesized,
    types,
)

HOSTED = "Custom::HostedModel"
PLACEMENT = "ConstructsLibModelPlacement"
ANYTHING = "?" * 16
WRITES = ["s3:PutObject", "s3:GetObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]


def serving(stack: cdk.Stack, id: str = "Endpoint", **props: Any) -> MultiModelEndpoint:
    return MultiModelEndpoint(
        stack,
        id,
        **{
            "container": Container(image=ContainerImage.from_uri(IMAGE_URI)),
            "instance_type": "ml.m5.large",
            **props,
        },
    )


def shared(stack: cdk.Stack, prefix: str = "models/", id: str = "Shared") -> Any:
    return ModelData.from_prefix(a_bucket(stack, id), prefix)


def in_bucket(stack: cdk.Stack, key: str = "churn/1.4.2/model.tar.gz", **props: Any) -> ModelData:
    found = stack.node.try_find_child("Registry")
    return ModelData.from_bucket(found or a_bucket(stack, "Registry", "registry"), key, **props)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    model = tmp_path / "churn"
    model.mkdir()
    (model / "model.json").write_text("{}")
    return model


def container(template: Template) -> dict[str, Any]:
    return dict(properties(template, "AWS::SageMaker::Model")["PrimaryContainer"])


# --- the endpoint -----------------------------------------------------------------------------------------


def test_one_container_serves_what_lies_under_the_prefix_of_a_new_bucket(stack: cdk.Stack) -> None:
    endpoint = serving(stack)
    template = synthesized(stack)
    (bucket,) = resources(template, "AWS::S3::Bucket")
    made = container(template)
    assert flat(made.pop("ModelDataUrl")) == f"s3://<{bucket}>/models/"
    assert made == {
        "Image": IMAGE_URI,
        "Mode": "MultiModel",
        "MultiModelConfig": {"ModelCacheSetting": "Enabled"},
    }
    assert (endpoint.models.prefix, endpoint.hosted_models) == ("models/", {})
    assert HOSTED not in types(template), "and no function while no model is added"
    assert PLACEMENT not in json.dumps(template)


def test_the_bucket_is_encrypted_private_versioned_tls_only_and_kept(stack: cdk.Stack) -> None:
    serving(stack)
    template = synthesized(stack)
    bucket = resource(template, "AWS::S3::Bucket")
    assert bucket["DeletionPolicy"] == "Retain"
    assert bucket["Properties"]["VersioningConfiguration"] == {"Status": "Enabled"}
    assert set(bucket["Properties"]["PublicAccessBlockConfiguration"].values()) == {True}
    assert "aws:kms" in json.dumps(bucket["Properties"]["BucketEncryption"])
    assert properties(template, "AWS::KMS::Key")["EnableKeyRotation"] is True
    (policy,) = properties(template, "AWS::S3::BucketPolicy")["PolicyDocument"]["Statement"]
    assert (policy["Effect"], policy["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_the_role_reads_and_lists_the_prefix_and_no_more(stack: cdk.Stack) -> None:
    serving(stack, models=shared(stack, "tenants/"))
    template = synthesized(stack)
    (read,) = allowing(template, "s3:GetObject")
    assert flat(read["Resource"]) == "arn:<AWS::Partition>:s3:::artefacts/tenants/*"
    (listing,) = allowing(template, "s3:ListBucket")
    assert flat(listing["Resource"]) == "arn:<AWS::Partition>:s3:::artefacts"
    assert listing["Condition"] == {"StringLike": {"s3:prefix": ["tenants/*"]}}


def test_a_key_of_the_bucket_may_decrypt_the_models(stack: cdk.Stack) -> None:
    key = kms.Key(stack, "Key")
    bucket = s3.Bucket(stack, "Bucket", encryption=s3.BucketEncryption.KMS, encryption_key=key)
    endpoint = serving(stack, models=ModelData.from_prefix(bucket, "m/"))
    endpoint.add_model("churn", in_bucket(stack))
    template = synthesized(stack)
    for role, actions in (
        ("EndpointModel", "kms:Decrypt"),
        (PLACEMENT, ["kms:Decrypt", "kms:GenerateDataKey"]),
    ):
        (allowed,) = allowing(template, "kms:Decrypt", role)
        assert (allowed["Action"], flat(allowed["Resource"])) == (actions, "<Key961B73FD.Arn>")


@pytest.mark.parametrize(("cache", "setting"), [(True, "Enabled"), (False, "Disabled")])
def test_models_stay_loaded_unless_told_otherwise(stack: cdk.Stack, cache: bool, setting: str) -> None:
    serving(stack, cache=cache)
    assert container(synthesized(stack))["MultiModelConfig"] == {"ModelCacheSetting": setting}


def test_shared_code_is_uploaded_and_the_images_own_folder_not_named(stack: cdk.Stack, folder: Path) -> None:
    image = ContainerImage.framework("sklearn", version="1.2-1")
    serving(stack, container=Container(image=image, environment={"A": "1"}), code=str(folder))
    environment = container(synthesized(stack))["Environment"]
    assert environment["A"] == "1"
    assert environment["SAGEMAKER_PROGRAM"] == "inference.py"
    assert "cdk-hnb659fds-assets" in json.dumps(environment["SAGEMAKER_SUBMIT_DIRECTORY"])


def test_everything_else_is_as_for_other_endpoints(stack: cdk.Stack) -> None:
    key = kms.Key(stack, "Key")
    endpoint = serving(
        stack,
        scaling=AutoScaling(min_capacity=2, max_capacity=4, invocations_per_instance=600),
        rollout=Rollout.rolling(batch_percent=50, wait=cdk.Duration.minutes(5)),
        capture=DataCapture(bucket=a_bucket(stack), sampling_percent=5),
        encryption_key=key,
        vpc=ec2.Vpc(stack, "Vpc", nat_gateways=0),
        vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
        volume_size=cdk.Size.gibibytes(100),
        network_isolation=True,
        endpoint_name="tenants",
    )
    template = synthesized(stack)
    config = properties(template, "AWS::SageMaker::EndpointConfig")
    (variant,) = config["ProductionVariants"]
    assert (variant["VariantName"], variant["InitialInstanceCount"]) == ("AllTraffic", 2)
    assert variant["VolumeSizeInGB"] == 100
    assert config["DataCaptureConfig"]["InitialSamplingPercentage"] == 5
    assert flat(config["KmsKeyId"]) == "<Key961B73FD.Arn>"
    model = properties(template, "AWS::SageMaker::Model")
    assert len(model["VpcConfig"]["Subnets"]) == 2
    assert model["EnableNetworkIsolation"] is True
    made = properties(template, "AWS::SageMaker::Endpoint")
    assert "RollingUpdatePolicy" in made["DeploymentConfig"]
    assert made["EndpointName"] == endpoint.endpoint_name == "tenants"
    assert "AWS::ApplicationAutoScaling::ScalableTarget" in types(template)
    assert endpoint.role is endpoint.model.role


def test_a_role_of_yours_gets_the_grants_and_an_imported_one_none(stack: cdk.Stack) -> None:
    yours = iam.Role(stack, "Yours", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
    imported = iam.Role.from_role_arn(stack, "Imported", "arn:aws:iam::111122223333:role/x", mutable=False)
    serving(stack, "A", role=yours, models=shared(stack), check_deployments=False)
    serving(stack, "B", role=imported, models=shared(stack, id="Too"), check_deployments=False)
    template = synthesized(stack)
    (policy,) = resources(template, "AWS::IAM::Policy").values()
    assert (
        flat(policy["Properties"]["Roles"])
        == f"[{{'Ref': '{next(iter(resources(template, 'AWS::IAM::Role')))}'}}]"
    )
    assert len(allowing(template, "s3:ListBucket")) == 1


def test_an_existing_one_is_imported_with_its_one_variant(stack: cdk.Stack) -> None:
    imported = MultiModelEndpoint.from_endpoint_name(stack, "Imported", "tenants")
    assert imported.metric_invocations().dimensions == {
        "EndpointName": "tenants",
        "VariantName": "AllTraffic",
    }


@pytest.mark.parametrize(
    ("read", "name", "namespace", "statistic"),
    [
        (lambda e: e.metric_model_cache_hit(), "ModelCacheHit", "AWS/SageMaker", "Average"),
        (lambda e: e.metric_model_loading_wait_time(), "ModelLoadingWaitTime", "AWS/SageMaker", "p99"),
        (lambda e: e.metric_model_downloading_time(), "ModelDownloadingTime", "AWS/SageMaker", "p99"),
        (lambda e: e.metric_model_loading_time(), "ModelLoadingTime", "AWS/SageMaker", "p99"),
        (lambda e: e.metric_model_unloading_time(), "ModelUnloadingTime", "AWS/SageMaker", "p99"),
        (lambda e: e.metric_loaded_model_count(), "LoadedModelCount", "/aws/sagemaker/Endpoints", "Average"),
    ],
)
def test_a_metric_has_the_namespace_and_dimensions_that_report(
    stack: cdk.Stack, read: Any, name: str, namespace: str, statistic: str
) -> None:
    metric = read(serving(stack, endpoint_name="tenants"))
    assert (metric.metric_name, metric.namespace, metric.statistic) == (name, namespace, statistic)
    assert metric.dimensions == {"EndpointName": "tenants", "VariantName": "AllTraffic"}


# --- the models it is given -------------------------------------------------------------------------------


def test_a_folder_is_packed_uploaded_and_copied_to_a_place_that_names_its_content(
    stack: cdk.Stack, folder: Path
) -> None:
    endpoint = serving(stack)
    churn = endpoint.add_model("team-a/churn", ModelData.from_asset(str(folder)))
    template = synthesized(stack)
    placed = properties(template, HOSTED)
    digest = placed["Fingerprint"]
    assert churn.target_model == f"team-a/churn/{digest[:16]}.tar.gz"
    assert placed["Key"] == f"models/{churn.target_model}"
    assert placed["SourceKey"].startswith(digest)
    assert "assets" in flat(placed["SourceBucket"])
    assert flat(placed["Bucket"]) == f"<{next(iter(resources(template, 'AWS::S3::Bucket')))}>"
    assert (placed["Keep"], placed["ServiceTimeout"]) == ("false", "600")
    assert (churn.name, endpoint.hosted_models) == ("team-a/churn", {"team-a/churn": churn})


def test_an_object_of_a_bucket_is_copied_from_there(stack: cdk.Stack) -> None:
    serving(stack).add_model("churn", in_bucket(stack))
    placed = properties(synthesized(stack), HOSTED)
    assert (placed["SourceBucket"], placed["SourceKey"]) == ("registry", "churn/1.4.2/model.tar.gz")


def target_of(data: Any, **props: Any) -> str:
    stack = cdk.Stack(fresh_app(), "Test")
    return serving(stack).add_model("churn", data(stack), **props).target_model


def test_only_changed_content_has_a_new_place(folder: Path) -> None:
    def data(stack: cdk.Stack) -> ModelData:
        return ModelData.from_asset(str(folder))

    first = target_of(data)
    (folder / "model.json").touch()
    assert target_of(data) == first
    (folder / "model.json").write_text('{"trees": 2}')
    assert target_of(data) != first


def test_of_an_object_the_bucket_the_key_and_the_version_name_the_content() -> None:
    targets = [
        target_of(lambda stack: in_bucket(stack)),
        target_of(lambda stack: in_bucket(stack, version="2")),
        target_of(lambda stack: in_bucket(stack, "churn/1.4.3/model.tar.gz")),
        target_of(
            lambda stack: ModelData.from_bucket(a_bucket(stack, name="other"), "churn/1.4.2/model.tar.gz")
        ),
    ]
    assert len(set(targets)) == 4
    assert targets[0] == target_of(lambda stack: in_bucket(stack))


def test_one_that_is_not_pinned_lies_where_its_name_says(stack: cdk.Stack, folder: Path) -> None:
    hosted = serving(stack).add_model("team-a/churn", ModelData.from_asset(str(folder)), pinned=False)
    assert hosted.target_model == hosted.all_versions == "team-a/churn.tar.gz"
    assert properties(synthesized(stack), HOSTED)["Key"] == "models/team-a/churn.tar.gz"


def test_changed_content_that_is_not_pinned_changes_the_resource_all_the_same(folder: Path) -> None:
    def fingerprint() -> str:
        stack = cdk.Stack(fresh_app(), "Test")
        serving(stack).add_model("churn", ModelData.from_asset(str(folder)), pinned=False)
        return str(properties(synthesized(stack), HOSTED)["Fingerprint"])

    first = fingerprint()
    (folder / "model.json").write_text('{"trees": 2}')
    assert fingerprint() != first


def test_a_key_known_late_may_be_given_to_one_that_is_not_pinned(stack: cdk.Stack) -> None:
    key = cdk.CfnParameter(stack, "Key").value_as_string
    serving(stack).add_model("churn", in_bucket(stack, key), pinned=False)
    template = synthesized(stack)
    assert properties(template, HOSTED)["SourceKey"] == {"Ref": "Key"}
    (read,) = allowing(template, "s3:GetObject", PLACEMENT)[:1]
    assert flat(read["Resource"]) == "arn:<AWS::Partition>:s3:::registry/<Key>", "that object alone"


def test_a_prefix_known_late_leads_to_it(stack: cdk.Stack) -> None:
    prefix = cdk.CfnParameter(stack, "Prefix").value_as_string
    serving(stack, models=shared(stack, prefix)).add_model("churn", in_bucket(stack))
    assert flat(properties(synthesized(stack), HOSTED)["Key"]).startswith("<Prefix>churn/")


@pytest.mark.parametrize(
    ("policy", "keep"), [(cdk.RemovalPolicy.DESTROY, "false"), (cdk.RemovalPolicy.RETAIN, "true")]
)
def test_a_model_taken_away_is_kept_where_asked(
    stack: cdk.Stack, policy: cdk.RemovalPolicy, keep: str
) -> None:
    serving(stack).add_model("churn", in_bucket(stack), removal_policy=policy)
    assert properties(synthesized(stack), HOSTED)["Keep"] == keep


def test_callers_may_wait_until_the_model_is_there(stack: cdk.Stack) -> None:
    hosted = serving(stack).add_model("churn", in_bucket(stack))
    iam.User(stack, "Caller").node.add_dependency(hosted.resource)
    template = synthesized(stack)
    assert resource(template, "AWS::IAM::User")["DependsOn"] == list(resources(template, HOSTED))


def test_a_model_needs_no_deployment_of_the_endpoint(stack: cdk.Stack) -> None:
    endpoint = serving(stack)
    before = synthesized(stack)
    other = cdk.Stack(fresh_app(), "Test")
    serving(other).add_model("churn", in_bucket(other))
    after = synthesized(other)
    for type in ("AWS::SageMaker::Model", "AWS::SageMaker::EndpointConfig", "AWS::SageMaker::Endpoint"):
        assert resources(after, type) == resources(before, type)
    assert endpoint.hosted_models == {}


NAMES = [
    *(
        "a",
        "a/b",
        "a.b",
        "a-b",
        "a_b",
        "A",
        ".hidden",
        "...a",
        "it's(1)!",
        "0",
        "Default",
        "Resource",
        "Data",
    ),
    *("Models", "Model", "a" * 200),
]


def test_whatever_they_are_called_models_do_not_clash(stack: cdk.Stack) -> None:
    endpoint = serving(stack)
    targets = {endpoint.add_model(name, in_bucket(stack)).target_model for name in NAMES}
    assert len(targets) == len(resources(synthesized(stack), HOSTED)) == len(NAMES)


def test_a_pattern_of_all_versions_matches_no_model_of_another_name(stack: cdk.Stack) -> None:
    """IAM's asterisk takes slashes too: team/* would be all models of the team."""
    endpoint = serving(stack)
    team, churn = (endpoint.add_model(name, in_bucket(stack)) for name in ("team", "team/churn"))
    assert team.all_versions == f"team/{ANYTHING}.tar.gz"
    assert len(team.target_model) == len(team.all_versions)
    assert len(churn.target_model) != len(team.all_versions)
    assert churn.target_model.startswith("team/")


# --- an error leaves nothing behind -----------------------------------------------------------------------


def test_a_model_that_cannot_be_packed_is_refused_with_its_path(stack: cdk.Stack, tmp_path: Path) -> None:
    endpoint = serving(stack)
    error = refused(lambda: endpoint.add_model("team-a/churn", ModelData.from_asset(str(tmp_path))))
    assert error.rules == ("SM-DATA-002",)
    assert error.path == "Test/Endpoint/Models/team-a--churn/Data"
    assert error.violations[0].fix == f"{tmp_path} holds no file to pack"


def test_after_an_error_there_is_no_trace_and_the_name_is_free(
    stack: cdk.Stack, tmp_path: Path, folder: Path
) -> None:
    endpoint = serving(stack)
    late = cdk.CfnParameter(stack, "Key").value_as_string
    paths = {each.node.path for each in stack.node.find_all()}
    refused(lambda: endpoint.add_model("team-a/churn", in_bucket(stack, late)))
    (tmp_path / "nothing").mkdir()
    refused(lambda: endpoint.add_model("team-a/churn", ModelData.from_asset(str(tmp_path / "nothing"))))
    left = {each.node.path for each in stack.node.find_all()} - paths - {"Test/Registry"}
    assert left == set()
    assert endpoint.hosted_models == {}
    assert endpoint.add_model("team-a/churn", ModelData.from_asset(str(folder))).name == "team-a/churn"


# --- two of everything ------------------------------------------------------------------------------------


def test_endpoints_of_a_stack_share_one_function_beside_the_guards(stack: cdk.Stack) -> None:
    for id in ("One", "Two"):
        serving(stack, id).add_model("churn", in_bucket(stack))
    template = synthesized(stack)
    functions = [id for id in resources(template, "AWS::Lambda::Function") if id.startswith(PLACEMENT)]
    assert len(functions) == 1
    tokens = {flat(each["Properties"]["ServiceToken"]) for each in resources(template, HOSTED).values()}
    assert tokens == {f"<{functions[0]}.Arn>"}
    assert len(resources(template, "AWS::Lambda::Function")) == 2


def test_each_stack_has_a_function_of_its_own(app: cdk.App) -> None:
    for name in ("One", "Two"):
        stack = cdk.Stack(app, name)
        serving(stack, check_deployments=False).add_model("churn", in_bucket(stack))
    for stack in app.node.children:
        assert len(resources(synthesized(stack), "AWS::Lambda::Function")) == 1


def test_a_nested_stack_has_one_too() -> None:
    nested = cdk.NestedStack(cdk.Stack(fresh_app(), "Parent"), "Nested")
    serving(nested, check_deployments=False).add_model("churn", in_bucket(nested))
    assert len(resources(synthesized(nested), "AWS::Lambda::Function")) == 1


def test_two_endpoints_may_share_a_bucket_under_prefixes_of_their_own(stack: cdk.Stack) -> None:
    bucket = a_bucket(stack)
    for id, prefix in (("One", "one/"), ("Two", "two/")):
        serving(stack, id, models=ModelData.from_prefix(bucket, prefix)).add_model("churn", in_bucket(stack))
    template = synthesized(stack)
    keys = {each["Properties"]["Key"].split("/")[0] for each in resources(template, HOSTED).values()}
    assert keys == {"one", "two"}
    writes = [flat(each["Resource"]) for each in allowing(template, "s3:PutObject", PLACEMENT)]
    assert writes == [f"arn:<AWS::Partition>:s3:::artefacts/{prefix}/*" for prefix in ("one", "two")]


def test_two_endpoints_may_serve_the_same_prefix_each_adding_its_own(stack: cdk.Stack) -> None:
    """What one adds the other serves too; the same model placed by both would go with the first."""
    one = serving(stack, "One", models=shared(stack))
    two = serving(stack, "Two", models=shared(stack, id="ImportedAgain"))
    target = one.add_model("churn", in_bucket(stack)).target_model
    two.add_model("fraud", in_bucket(stack))
    error = refused(lambda: two.add_model("churn", in_bucket(stack)))
    (violation,) = error.violations
    assert (violation.rule, violation.property, violation.given) == ("SM-MULTIMODEL-006", "name", "churn")
    assert violation.allowed == f"a place other than {target}"
    assert error.path == "Test/Two"
    assert two.node.find_child("Models").node.try_find_child("churn") is None
    two.add_model("churn", in_bucket(stack, version="2"))
    assert len(resources(synthesized(stack), HOSTED)) == 3


def test_another_endpoint_in_the_stack_is_undisturbed(stack: cdk.Stack) -> None:
    an_endpoint(stack, "Plain")
    serving(stack, "Many").add_model("churn", in_bucket(stack))
    names = [
        each["Properties"]["EndpointName"]
        for each in resources(synthesized(stack), "AWS::SageMaker::Endpoint").values()
    ]
    assert names == ["test-plain", "test-many"]


# --- what the function may do -----------------------------------------------------------------------------


def test_the_function_reads_the_folder_and_writes_below_the_prefix(stack: cdk.Stack) -> None:
    serving(stack, models=shared(stack)).add_model("churn", in_bucket(stack))
    allowed = [
        (each["Action"], flat(each["Resource"]))
        for each in statements(synthesized(stack), PLACEMENT)
        if "s3:" in json.dumps(each["Action"])
    ]
    assert allowed == [
        ("s3:GetObject", "arn:<AWS::Partition>:s3:::registry/churn/1.4.2/*.gz"),
        (WRITES, "arn:<AWS::Partition>:s3:::artefacts/models/*"),
    ]


def test_an_encrypted_registry_may_be_decrypted(stack: cdk.Stack) -> None:
    key = kms.Key(stack, "Key")
    bucket = s3.Bucket(stack, "Bucket", encryption=s3.BucketEncryption.KMS, encryption_key=key)
    serving(stack, models=shared(stack)).add_model(
        "churn", ModelData.from_bucket(bucket, "churn/1.4.2/model.tar.gz")
    )
    (decrypts,) = allowing(synthesized(stack), "kms:Decrypt", PLACEMENT)
    assert (decrypts["Action"], flat(decrypts["Resource"])) == ("kms:Decrypt", "<Key961B73FD.Arn>")


def test_a_model_is_placed_once_the_function_may_do_it(stack: cdk.Stack) -> None:
    """Through the function, whose ARN it names, and which waits for the policy of its role."""
    serving(stack).add_model("churn", in_bucket(stack))
    template = synthesized(stack)
    ((_, function),) = [
        each for each in resources(template, "AWS::Lambda::Function").items() if each[0].startswith(PLACEMENT)
    ]
    policies = [id for id in resources(template, "AWS::IAM::Policy") if id.startswith(PLACEMENT)]
    assert set(policies) <= set(function["DependsOn"])


def policy_with(models: int) -> list[Any]:
    """The function's policy, with as many models, each from a folder of its own and one bucket."""
    stack = cdk.Stack(fresh_app(), "Test")
    endpoint = serving(stack)
    for number in range(models):
        key = f"jobs/churn-training-2026-01-31-12-30-59-{number:03}/output/model.tar.gz"
        endpoint.add_model(f"model-{number}", in_bucket(stack, key))
    template = synthesized(stack)
    assert len(resources(template, HOSTED)) == models
    assert "AWS::IAM::ManagedPolicy" not in types(template), "CDK moves what is too long into one"
    return statements(template, PLACEMENT)


def test_two_hundred_models_need_no_larger_policy_than_twenty() -> None:
    """A role's inline policies have room for 10,240 characters."""
    policy = policy_with(200)
    assert policy == policy_with(20)
    assert len(json.dumps(policy)) < 10_240 / 2
    reads = [flat(each["Resource"]) for each in policy if each["Action"] == "s3:GetObject"]
    assert len(reads) == 11
    assert reads[-1] == "arn:<AWS::Partition>:s3:::registry/*.gz"


# --- grants -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "patterns"),
    [
        ("team-a/*", ["team-a/*"]),
        (["team-a/*", "shared/*"], ["team-a/*", "shared/*"]),
        (("team-a/*",), ["team-a/*"]),
    ],
)
def test_a_grant_may_be_for_some_models(stack: cdk.Stack, target: Any, patterns: list[str]) -> None:
    assert serving(stack).grants.invoke(iam.User(stack, "User"), target_model=target).success
    (statement,) = allowing(synthesized(stack), "sagemaker:InvokeEndpoint")
    like = statement["Condition"]["StringLike"]["sagemaker:TargetModel"]
    assert ([like] if isinstance(like, str) else like) == patterns
    assert statement["Condition"].keys() == {"StringLike"}
    assert flat(statement["Resource"]).endswith(":endpoint/test-endpoint")


def test_a_grant_is_for_all_models_unless_told_otherwise(stack: cdk.Stack) -> None:
    endpoint, user = serving(stack), iam.User(stack, "User")
    endpoint.grants.invoke(user)
    (statement,) = allowing(synthesized(stack), "sagemaker:InvokeEndpoint")
    assert "Condition" not in statement
    assert endpoint.grant_invoke(user).success


def test_a_grant_may_be_for_one_model_in_all_its_versions(stack: cdk.Stack) -> None:
    endpoint = serving(stack)
    churn = endpoint.add_model("churn", in_bucket(stack))
    endpoint.grants.invoke(iam.User(stack, "User"), target_model=churn.all_versions)
    (statement,) = allowing(synthesized(stack), "sagemaker:InvokeEndpoint")
    assert statement["Condition"] == {"StringLike": {"sagemaker:TargetModel": [f"churn/{ANYTHING}.tar.gz"]}}


def test_a_pattern_known_late_passes(stack: cdk.Stack) -> None:
    target = cdk.CfnParameter(stack, "Team").value_as_string
    several = cdk.CfnParameter(stack, "Teams", type="CommaDelimitedList").value_as_list
    endpoint = serving(stack)
    endpoint.grants.invoke(iam.User(stack, "One"), target_model=target)
    endpoint.grants.invoke(iam.User(stack, "Many"), target_model=several)
    conditions = [
        each["Condition"]["StringLike"]["sagemaker:TargetModel"]
        for each in allowing(synthesized(stack), "sagemaker:InvokeEndpoint")
    ]
    assert conditions == [[{"Ref": "Team"}], {"Ref": "Teams"}]


@pytest.mark.parametrize("mutable", [True, False])
def test_an_imported_grantee_gets_a_policy_of_this_stack_or_keeps_what_it_has(
    stack: cdk.Stack, mutable: bool
) -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:role/caller"
    role = iam.Role.from_role_arn(stack, "Role", arn, mutable=mutable)
    serving(stack).grants.invoke(role, target_model="a/*")
    allowed = allowing(synthesized(stack), "sagemaker:InvokeEndpoint")
    assert [each["Condition"]["StringLike"]["sagemaker:TargetModel"] for each in allowed] == (
        [["a/*"]] if mutable else []
    )
