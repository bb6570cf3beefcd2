"""ModelOptimisation: a model made fit for devices, and published only if it still predicts as well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import aws_cdk as cdk
import constructs
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_assets as s3_assets
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as stepfunctions

from ..core.buckets import attributes_of
from ..core.code import runtime_archive
from ..core.machine import OwnMachine
from ..core.naming import fitted_name, physical_name
from ..core.place import construct_path, environment_of, note_place
from ..core.roles import (
    Permissions,
    acknowledge_wildcard,
    allow_network,
    allow_telemetry,
    allow_volumes,
    execution_role,
)
from ..core.s3_prefix import S3Prefix, output_of
from ..model.data import ModelData
from ..model.image import ContainerImage
from ..model.network import BoundNetwork, bound_network
from .held_out_set import HeldOutSet, PlacedObject
from .optimisation_job import OptimisationPlan, definition
from .optimisation_props import ModelOptimisationProps, StartsRollout, optimisation_rules
from .quality import QualityMetric, Quantisation

TAG = "ModelOptimisation"
"""The tag of all jobs, for the bill."""
_JOB_PREFIX = 26
_REQUIREMENTS = Path(__file__).parent / "requirements"
_LOGGED = (
    "Names of jobs and figures of models, no user's data; CloudWatch Logs encrypts them with its own key."
)
_JOBS = "Jobs are named after attempts that are not there yet; they begin with the optimisation's name."


class ModelOptimisationGrants:
    """Permissions on one optimisation; each call allows exactly one kind of use."""

    def __init__(self, optimisation: ModelOptimisation) -> None:
        """Grant on `optimisation`."""
        self._of = optimisation

    def start(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` start it, and see what becomes of that."""
        return self._of.let_start(grantee)

    def read(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` read the archives and reports."""
        return self._of.output.let_read(grantee)


class ModelOptimisation(constructs.Construct):
    """Converts a model to ONNX, makes its weights 8-bit, and compares it with its source on records it has not seen.

    A state machine with one SageMaker processing job, without a network. A model that is worse by more than `max_drop`
    is refused: nothing is published, the figures stay in the report, and the topics are told. Else the archive, with a
    golden sample that devices check it by, lies at ``model`` of the execution's output, and `rollout` brings it to
    devices.

    Supported are models in ONNX (``model.onnx``) and estimators of scikit-learn (``model.joblib``, ``model.pkl``) at
    the top of a model.tar.gz; those of TensorFlow and PyTorch are exported to ONNX where they were trained.

    Costs: a run costs its instance for some minutes; while nothing runs, the key of a bucket that is made here.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/processing-job.html

    Example::

        ModelOptimisation(self, "ForDevices", model=ModelData.from_asset("models/defects.tar.gz"),
            held_out=HeldOutSet.from_asset("data/held-out.csv", label="defect"), max_drop=0.005, rollout=fleet)
    """

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        model: ModelData,
        held_out: HeldOutSet,
        metric: QualityMetric | None = None,
        max_drop: float = 0.01,
        quantisation: Quantisation | None = None,
        rollout: StartsRollout | None = None,
        image: ContainerImage | None = None,
        instance_type: str = "ml.m5.large",
        volume_gb: int = 30,
        max_runtime: cdk.Duration | None = None,
        attempts: int = 3,
        golden_records: int = 8,
        output_bucket: s3.IBucket | None = None,
        output_prefix: str | None = None,
        encryption_key: kms.IKey | None = None,
        volume_encryption_key: kms.IKey | None = None,
        vpc: ec2.IVpc | None = None,
        vpc_subnets: ec2.SubnetSelection | None = None,
        security_groups: Sequence[ec2.ISecurityGroup] | None = None,
        optimisation_name: str | None = None,
        tags: Mapping[str, str] | None = None,
        notify: Sequence[sns.ITopic] = (),
    ) -> None:
        """Make it.

        :param model: one archive. It is unpickled in your job, which has no network.
        :param held_out: records that the model was not trained on.
        :param metric: what is compared. Default: accuracy.
        :param max_drop: 0–1, how much worse the model may become by `metric`.
        :param quantisation: default: 8-bit signed weights, one scale a matrix.
        :param rollout: started with each model that is published. Default: none.
        :param image: with Python 3.11 or newer and what edge/requirements/optimise.txt names. Default: it is built from
            the library's own Dockerfile where you deploy, which needs Docker.
        :param instance_type: of the job.
        :param volume_gb: 1–16,384.
        :param max_runtime: 1 minute – 1 day a job. Default: 1 hour.
        :param attempts: 1–10, where throttling or a lack of capacity was to blame.
        :param golden_records: 1–100 held-out records that go with the model, for devices to check it by.
        :param output_bucket: default: a new one, encrypted with a key of its own, kept when the stack goes.
        :param output_prefix: below it lies a folder an attempt. Default: ``optimised/<name>``.
        :param encryption_key: encrypts the output. Default: the bucket's own.
        :param volume_encryption_key: encrypts the instance's volume. Default: AWS's own.
        :param vpc: the job's, where your organisation wants one. Default: SageMaker's own network.
        :param vpc_subnets: default: the VPC's private ones.
        :param security_groups: 1–5. Default: a new one.
        :param optimisation_name: 1–63 lower-case letters, digits and hyphens. Default: of stack and path.
        :param tags: of the jobs, beside ``ModelOptimisation=<name>``.
        :param notify: told of failures and refusals.
        :raises ConstraintError: SM-EDGE-063 – SM-EDGE-069.
        """
        props = ModelOptimisationProps(
            model=model,
            held_out=held_out,
            metric=QualityMetric.accuracy() if metric is None else metric,
            max_drop=max_drop,
            quantisation=Quantisation.int8() if quantisation is None else quantisation,
            rollout=rollout,
            image=image,
            instance_type=instance_type,
            volume_gb=volume_gb,
            max_runtime=max_runtime,
            attempts=attempts,
            golden_records=golden_records,
            output_bucket=output_bucket,
            output_prefix=output_prefix,
            encryption_key=encryption_key,
            volume_encryption_key=volume_encryption_key,
            vpc=vpc,
            vpc_subnets=vpc_subnets,
            security_groups=security_groups,
            optimisation_name=optimisation_name,
            tags={} if tags is None else tags,
            notify=notify,
        )
        optimisation_rules.enforce(props, path=lambda: construct_path(scope, id))
        super().__init__(scope, id)
        note_place(self, scope, id)
        self._props = props
        self.optimisation_name = physical_name(self) if optimisation_name is None else optimisation_name
        """Of the state machine; the names of jobs begin with it."""
        self.output = self._output()
        """Where archives lie: ``<prefix>/<attempt>/model/model.tar.gz``, and beside it ``report/``."""
        self.role = execution_role(self, does="Runs the jobs that optimise a model:")
        """What the job runs under."""
        self._permissions = Permissions(self.role)
        self._job_prefix = fitted_name(self.optimisation_name, max_length=_JOB_PREFIX)
        self._machine = OwnMachine(
            self, "Machine", name=self.optimisation_name, definition=definition(self._plan()), logged=_LOGGED
        )
        self._attach()
        self._let_machine()
        self.grants = ModelOptimisationGrants(self)
        """Who may use it for what."""

    def let_start(self, grantee: iam.IGrantable) -> iam.Grant:
        """What `grants.start` does."""
        return self._machine.let_start(grantee)

    @property
    def state_machine(self) -> stepfunctions.StateMachine:
        """One execution a model; its input is not read. Its output: ``model``, ``report``, ``figures``, ``rollout``."""
        return self._machine.machine

    # --- its parts ------------------------------------------------------------------------------------

    def _output(self) -> S3Prefix:
        props = self._props
        return output_of(
            self,
            what=f"Models for devices, by {self.optimisation_name}",
            bucket=props.output_bucket,
            prefix=props.output_prefix,
            default_prefix=f"optimised/{self.optimisation_name}",
            key=props.encryption_key,
        )

    def _plan(self) -> OptimisationPlan:
        props, permissions = self._props, self._permissions
        code = runtime_archive("edge")
        asset = s3_assets.Asset(self, "Code", path=code.path, asset_hash=code.digest)
        archived = props.model.archived(self, "Model")
        model = PlacedObject(bucket=archived.bucket, key=archived.key)
        held_out = props.held_out.placed(self, "HeldOut")
        for each in (model, held_out, PlacedObject(bucket=asset.bucket, key=asset.s3_object_key)):
            allow_fetching(permissions, each)
        self.output.allow_write(permissions)
        allow_volumes(permissions, props.volume_encryption_key)
        allow_telemetry(permissions, self)
        network = bound_network(self, props)
        if network is not None:
            allow_network(permissions)
        image = ContainerImage.from_asset(str(_REQUIREMENTS), file="optimise.Dockerfile")
        volume_key, rollout = props.volume_encryption_key, props.rollout
        return OptimisationPlan(
            name=self.optimisation_name,
            partition=environment_of(self).partition,
            job_prefix=self._job_prefix,
            role=self.role.role_arn,
            image=(props.image or image).bind(self, "Image", permissions).uri,
            arguments=self._arguments(),
            model=uri_of(model),
            held_out=uri_of(held_out),
            code=asset.s3_object_url,
            code_file=f"{asset.asset_hash}.zip",
            bucket=attributes_of(self.output.bucket).name,
            prefix=self.output.prefix,
            output_key=next((key.key_arn for key in self.output.keys), None),
            instance_type=props.instance_type,
            volume_gb=props.volume_gb,
            volume_key=None if volume_key is None else volume_key.key_arn,
            subnets=_ids(network)[0],
            security_groups=_ids(network)[1],
            longest=props.longest_seconds,
            attempts=props.attempts,
            tags={TAG: self.optimisation_name, **props.tags},
            topics=[each.topic_arn for each in props.notify],
            rollout=None if rollout is None else rollout.start_function.function_arn,
        )

    def _arguments(self) -> list[str]:
        props = self._props
        return [
            *props.held_out.arguments(),
            *props.metric.arguments(),
            f"--max-drop={props.max_drop}",
            *props.quantisation.arguments(),
            f"--golden={props.golden_records}",
        ]

    def _attach(self) -> None:
        policy = self._permissions.attach(self)
        self.state_machine.node.add_dependency(policy, self.role)

    def _let_machine(self) -> None:
        machine, props = self._machine, self._props
        let_run_jobs(machine, "processing-job", self._job_prefix, "ProcessingJob", self.role)
        machine.let_wait_for("ProcessingJobs")
        let_tell(machine, props.notify)
        if props.rollout is not None:
            machine.allow("lambda:InvokeFunction", on=[props.rollout.start_function.function_arn])
            props.rollout.read_models_from(self.output)


def uri_of(placed: PlacedObject) -> str:
    """``s3://bucket/key``."""
    return f"s3://{attributes_of(placed.bucket).name}/{placed.key}"


def allow_fetching(permissions: Permissions, placed: PlacedObject) -> None:
    """Let SageMaker list what begins with the object's key, which is the object alone, and fetch it."""
    bucket = attributes_of(placed.bucket)
    permissions.allow("s3:GetObject", on=placed.bucket.arn_for_objects(placed.key))
    permissions.allow(
        "s3:ListBucket", on=bucket.arn, conditions={"StringLike": {"s3:prefix": [f"{placed.key}*"]}}
    )
    permissions.allow_key(bucket.key, "kms:Decrypt")


def let_run_jobs(machine: OwnMachine, kind: str, prefix: str, noun: str, role: iam.IRole) -> None:
    """Let a machine make jobs whose names begin with `prefix`, look at them and stop them, and pass them `role`."""
    jobs = environment_of(machine).arn("sagemaker", f"{kind}/{prefix}-*")
    machine.allow(
        *(f"sagemaker:{verb}{noun}" for verb in ("Create", "Describe", "Stop")),
        "sagemaker:AddTags",
        on=[jobs],
    )
    acknowledge_wildcard(machine.machine, jobs, _JOBS)
    machine.let_pass([role])


def let_tell(machine: OwnMachine, topics: Sequence[sns.ITopic]) -> None:
    """Let a machine publish to `topics`, encrypted ones too."""
    if topics:
        machine.allow("sns:Publish", on=[each.topic_arn for each in topics])
    for topic in topics:
        if topic.master_key is not None:
            topic.master_key.grant(machine.machine, "kms:Decrypt", "kms:GenerateDataKey")


def _ids(network: BoundNetwork | None) -> tuple[Sequence[str], Sequence[str]]:
    return ((), ()) if network is None else (network.subnet_ids, network.security_group_ids)
