"""NeoCompilation: a model compiled for a device by SageMaker Neo, for targets that want it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import aws_cdk as cdk
import constructs
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as stepfunctions

from ..core.buckets import attributes_of
from ..core.checks import KEY_PREFIX, duration, kind, settled, standard_topics, text, whole_number
from ..core.machine import OwnMachine
from ..core.naming import fitted_name, physical_name
from ..core.place import construct_path, environment_of, note_place
from ..core.roles import Permissions, allow_network, allow_telemetry, execution_role
from ..core.rules import API_REFERENCE, DEVELOPER_GUIDE, Advice, Broken, Rules
from ..core.s3_prefix import S3Prefix, output_of
from ..core.tokens import is_token
from ..model.data import ModelData, ModelDataPrefix
from ..model.network import bound_network, network_props_go_together
from .held_out_set import PlacedObject
from .neo_job import NeoPlan, definition
from .neo_target import NeoFramework, NeoTarget
from .optimisation import allow_fetching, let_run_jobs, let_tell, uri_of
from .optimisation_props import LIMITS_THE_MACHINE, few_tags, named

_CREATE = API_REFERENCE + "API_CreateCompilationJob.html"
_INPUT = API_REFERENCE + "API_InputConfig.html"
_FRAMEWORKS = DEVELOPER_GUIDE + "neo-supported-devices-edge-frameworks.html"
_VERSION = re.compile(r"[0-9]\.[A-Za-z0-9.]{1,8}")
_JOB_PREFIX = 26
_LONGEST_SHAPES = 16_384
_LOGGED = "Names of jobs, no user's data; CloudWatch Logs encrypts them with its own key."
TAG = "NeoCompilation"

FROZEN = Advice(
    "SM-EDGE-101",
    "Neo's compilers for devices are of 2021: newer models are run by ONNX Runtime.",
    _FRAMEWORKS,
)
NO_AGENT = Advice(
    "SM-EDGE-102",
    "SageMaker Edge Manager ended on 2024-04-26: what Neo compiles is run by DLR, which you install on the device.",
    DEVELOPER_GUIDE + "edge-eol.html",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NeoCompilationProps:
    """The props of a `NeoCompilation`, for its rules."""

    model: ModelData
    framework: NeoFramework
    framework_version: str | None
    input_shapes: Mapping[str, Sequence[int]] | None
    target: NeoTarget
    max_runtime: cdk.Duration | None
    attempts: int
    output_bucket: s3.IBucket | None
    output_prefix: str | None
    encryption_key: kms.IKey | None
    vpc: ec2.IVpc | None
    vpc_subnets: ec2.SubnetSelection | None
    security_groups: Sequence[ec2.ISecurityGroup] | None
    compilation_name: str | None
    tags: Mapping[str, str]
    notify: Sequence[sns.ITopic]

    @property
    def longest_seconds(self) -> int:
        """How long a job may take, with its default applied."""
        return 900 if self.max_runtime is None else int(self.max_runtime.to_seconds())


class NeoCompilationGrants:
    """Permissions on one compilation; each call allows exactly one kind of use."""

    def __init__(self, compilation: NeoCompilation) -> None:
        """Grant on `compilation`."""
        self._of = compilation

    def start(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` start it, and see what becomes of that."""
        return self._of.let_start(grantee)

    def read(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` read what was compiled."""
        return self._of.output.let_read(grantee)


class NeoCompilation(constructs.Construct):
    """Compiles a model for a device with SageMaker Neo: a state machine that makes a job, asks after it, gives it up.

    For targets that ONNX Runtime does not serve. Neo's compilers for devices stand still (ONNX 1.7, PyTorch 1.8,
    TensorFlow 2.4), and what they give is run by DLR, which nobody installs for you: two warnings say so. A
    `ModelOptimisation` is what devices with ONNX Runtime need.

    Costs: nothing for the compilation itself; while nothing runs, the key of a bucket that is made here.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/neo.html

    Example::

        NeoCompilation(self, "ForXavier", model=ModelData.from_bucket(bucket, "1.4.2/model.tar.gz"),
            framework=NeoFramework.PYTORCH, framework_version="1.8", input_shapes={"input0": [1, 3, 224, 224]},
            target=NeoTarget.device("jetson_xavier"))
    """

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        model: ModelData,
        framework: NeoFramework,
        target: NeoTarget,
        framework_version: str | None = None,
        input_shapes: Mapping[str, Sequence[int]] | None = None,
        max_runtime: cdk.Duration | None = None,
        attempts: int = 3,
        output_bucket: s3.IBucket | None = None,
        output_prefix: str | None = None,
        encryption_key: kms.IKey | None = None,
        vpc: ec2.IVpc | None = None,
        vpc_subnets: ec2.SubnetSelection | None = None,
        security_groups: Sequence[ec2.ISecurityGroup] | None = None,
        compilation_name: str | None = None,
        tags: Mapping[str, str] | None = None,
        notify: Sequence[sns.ITopic] = (),
    ) -> None:
        """Make it.

        :param model: one archive, as its framework has it.
        :param framework: what the model was made with.
        :param target: what it is compiled for.
        :param framework_version: of PyTorch, TensorFlow, TensorFlow Lite and MXNet. Default: SageMaker's.
        :param input_shapes: by the names of inputs, NCHW (TensorFlow: NHWC); all but XGBoost need them.
        :param max_runtime: 1 minute – 1 day a job. Default: 15 minutes.
        :param attempts: 1–10, where throttling or a lack of capacity was to blame.
        :param output_bucket: default: a new one, encrypted with a key of its own, kept when the stack goes.
        :param output_prefix: below it lies a folder an attempt. Default: ``compiled/<name>``.
        :param encryption_key: encrypts the output. Default: the bucket's own.
        :param vpc: the job's. Default: SageMaker's own network.
        :param vpc_subnets: default: the VPC's private ones.
        :param security_groups: 1–5. Default: a new one.
        :param compilation_name: 1–63 lower-case letters, digits and hyphens. Default: of stack and path.
        :param tags: of the jobs, beside ``NeoCompilation=<name>``.
        :param notify: told of failures.
        :raises ConstraintError: SM-EDGE-072 – SM-EDGE-076.
        """
        props = NeoCompilationProps(
            model=model,
            framework=framework,
            framework_version=framework_version,
            input_shapes=input_shapes,
            target=target,
            max_runtime=max_runtime,
            attempts=attempts,
            output_bucket=output_bucket,
            output_prefix=output_prefix,
            encryption_key=encryption_key,
            vpc=vpc,
            vpc_subnets=vpc_subnets,
            security_groups=security_groups,
            compilation_name=compilation_name,
            tags={} if tags is None else tags,
            notify=notify,
        )
        neo_rules.enforce(props, path=lambda: construct_path(scope, id))
        super().__init__(scope, id)
        note_place(self, scope, id)
        self._props = props
        self.compilation_name = physical_name(self) if compilation_name is None else compilation_name
        """Of the state machine; the names of jobs begin with it."""
        self.output = self._output()
        """Where archives lie: each in the folder of its attempt."""
        self.role = execution_role(self, does="Compiles a model:")
        """What the job runs under."""
        self._permissions = Permissions(self.role)
        self._job_prefix = fitted_name(self.compilation_name, max_length=_JOB_PREFIX)
        self._machine = OwnMachine(
            self, "Machine", name=self.compilation_name, definition=definition(self._plan()), logged=_LOGGED
        )
        self.state_machine.node.add_dependency(self._permissions.attach(self), self.role)
        let_run_jobs(self._machine, "compilation-job", self._job_prefix, "CompilationJob", self.role)
        let_tell(self._machine, notify)
        self.grants = NeoCompilationGrants(self)
        """Who may use it for what."""
        self._warn()

    def let_start(self, grantee: iam.IGrantable) -> iam.Grant:
        """What `grants.start` does."""
        return self._machine.let_start(grantee)

    @property
    def state_machine(self) -> stepfunctions.StateMachine:
        """One execution a compilation; its input is not read. Its output: ``compiled`` with the archive's ``uri``."""
        return self._machine.machine

    def _output(self) -> S3Prefix:
        props = self._props
        return output_of(
            self,
            what=f"Models compiled by {self.compilation_name}",
            bucket=props.output_bucket,
            prefix=props.output_prefix,
            default_prefix=f"compiled/{self.compilation_name}",
            key=props.encryption_key,
        )

    def _plan(self) -> NeoPlan:
        props, permissions = self._props, self._permissions
        archived = props.model.archived(self, "Model")
        model = PlacedObject(bucket=archived.bucket, key=archived.key)
        allow_fetching(permissions, model)
        self.output.allow_write(permissions)
        allow_telemetry(permissions, self)
        network = bound_network(self, props)
        if network is not None:
            allow_network(permissions)
        return NeoPlan(
            name=self.compilation_name,
            partition=environment_of(self).partition,
            job_prefix=self._job_prefix,
            role=self.role.role_arn,
            model=uri_of(model),
            framework=props.framework,
            framework_version=props.framework_version,
            input_shapes=props.input_shapes,
            target=props.target,
            bucket=attributes_of(self.output.bucket).name,
            prefix=self.output.prefix,
            output_key=next((key.key_arn for key in self.output.keys), None),
            subnets=() if network is None else network.subnet_ids,
            security_groups=() if network is None else network.security_group_ids,
            longest=props.longest_seconds,
            attempts=props.attempts,
            tags={TAG: self.compilation_name, **props.tags},
            topics=[each.topic_arn for each in props.notify],
        )

    def _warn(self) -> None:
        framework = self._props.framework
        newest = (
            "" if framework.newest is None else f", and of {framework.value} nothing after {framework.newest}"
        )
        FROZEN.warn(
            self, f"Neo compiles for devices what frameworks of 2021 made{newest}: consider ModelOptimisation"
        )
        NO_AGENT.warn(
            self, "Edge Manager, which ran what Neo compiles, is gone: install DLR or a runtime of your own"
        )


neo_rules = Rules[NeoCompilationProps]()


@neo_rules.rule("SM-EDGE-072", source=_FRAMEWORKS)
def framework_is_old_enough(props: NeoCompilationProps) -> Iterator[Broken]:
    """A version is told of PyTorch (1.8 at most), TensorFlow (2.4), TensorFlow Lite (1.15) and MXNet (1.8) alone."""
    given, framework = props.framework_version, props.framework
    yield from kind("framework", framework, NeoFramework, optional=False, fix="NeoFramework.ONNX")
    yield from text("framework_version", given, _VERSION, "a version such as 1.8")
    if not isinstance(framework, NeoFramework) or given is None or is_token(given):
        return
    if not framework.takes_version:
        yield Broken("framework_version", given, f"none with {framework.value}", "leave it out")
    elif isinstance(given, str) and _VERSION.fullmatch(given) and _newer(given, str(framework.newest)):
        fix = "export the model to ONNX and run it with ONNX Runtime: ModelOptimisation"
        yield Broken("framework_version", given, f"at most {framework.newest} for devices", fix)


def _newer(version: str, newest: str) -> bool:
    """By its first two numbers: 1.8.1 is 1.8."""
    return _numbers(version) > _numbers(newest)


def _numbers(version: str) -> list[int]:
    return [int(each) for each in re.findall(r"\d+", version)[:2]]


@neo_rules.rule("SM-EDGE-073", source=_INPUT)
def shapes_are_given(props: NeoCompilationProps) -> Iterator[Broken]:
    """Inputs have names and shapes of whole numbers from 1; XGBoost needs none."""
    shapes, framework = props.input_shapes, props.framework
    if not isinstance(framework, NeoFramework):
        return
    if framework.takes_shapes == (shapes is None):
        wanted = "the shape of each input" if framework.takes_shapes else "none with XGBOOST"
        yield Broken("input_shapes", shapes, wanted, '{"data": [1, 3, 224, 224]}')
    if not isinstance(shapes, Mapping):
        return
    if not shapes or len(str(dict(shapes))) > _LONGEST_SHAPES:
        yield Broken("input_shapes", f"{len(shapes)} inputs", "1 input to 16,384 characters")
    for name, shape in shapes.items():
        if isinstance(shape, list | tuple):
            for index, size in enumerate(shape):
                yield from whole_number(f"input_shapes[{name!r}][{index}]", size, 1, 2**31 - 1)
            if not shape:
                yield Broken(f"input_shapes[{name!r}]", shape, "one number or more")


@neo_rules.rule("SM-EDGE-074", source=_CREATE)
def compilation_has_limits(props: NeoCompilationProps) -> Iterator[Broken]:
    """What is compiled is one archive, in 1 minute – 1 day, tried 1–10 times."""
    if isinstance(props.model, ModelDataPrefix):
        yield Broken(
            "model", "a prefix of objects", "one archive", "ModelData.from_bucket(…) or .from_asset(…)"
        )
    yield from duration("max_runtime", props.max_runtime, 60, 86_400)
    yield from whole_number("attempts", props.attempts, 1, 10)
    yield from settled("max_runtime", props.max_runtime, LIMITS_THE_MACHINE)
    yield from settled("attempts", props.attempts, LIMITS_THE_MACHINE)


@neo_rules.rule("SM-EDGE-075", source=_CREATE)
def compilation_has_a_place(props: NeoCompilationProps) -> Iterator[Broken]:
    """Archives lie below a prefix without slashes at its ends; names, tags and topics are as those of other jobs."""
    yield from text(
        "output_prefix", props.output_prefix, KEY_PREFIX, "a key prefix without slashes at its ends"
    )
    given = props.output_prefix
    if isinstance(given, str) and "'" in given:
        yield Broken("output_prefix", given, "no apostrophe: Step Functions quotes with it")
    yield from named("compilation_name", props.compilation_name)
    yield from few_tags(props.tags)
    yield from standard_topics("notify", props.notify)


@neo_rules.rule("SM-EDGE-076", source=API_REFERENCE + "API_NeoVpcConfig.html")
def compilation_network_fits(props: NeoCompilationProps) -> Iterator[Broken]:
    """Subnets and security groups go with a VPC."""
    yield from network_props_go_together(props)
