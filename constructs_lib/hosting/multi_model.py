"""MultiModelEndpoint: many models behind one endpoint, each loaded when a request first names it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import aws_cdk as cdk
import constructs
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from ..core import instance_types
from ..core.buckets import data_bucket
from ..core.checks import known
from ..core.errors import ConstraintError
from ..core.place import construct_path, path_of
from ..core.rules import DEVELOPER_GUIDE, Broken, enforce_together, violations_of
from ..core.tokens import is_token
from ..model.container import Container, MultiModel
from ..model.data import ModelData, ModelDataPrefix
from ..model.model import Model, ModelProps, model_rules
from .auto_scaling import AutoScaling
from .capture import DataCapture
from .endpoint import AnyMetric
from .fleet import FleetProps
from .grants import MultiModelGrants
from .hosted import HostedEndpoint, Particulars
from .hosted_model import APART, CREATE, PINNED, STALE, AddedModel, HostedModel, added_model_rules
from .hosting_rules import hosting_rules
from .metrics import EndpointMetric, MetricsPublishing
from .model_placement import ModelPlacement
from .rollout import Rollout
from .support import Kind, support_rules

DEFAULT_PREFIX = "models/"

_SPECIAL_IDS = {"Default": "Default@", "Resource": "Resource@"}
"""Ids by which the CDK finds the main child of a construct; older ones fail where both are there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiModelProps(FleetProps):
    """The props of a `MultiModelEndpoint`, for its rules."""

    container: Container
    models: ModelDataPrefix | None


class MultiModelEndpoint(HostedEndpoint):
    """A multi-model endpoint: one container on one fleet serves the archives under a prefix of a bucket.

    A request names its model (``TargetModel``). The first one waits while the model is fetched and
    loaded; when memory gets short, SageMaker unloads the models that were asked least recently. So it
    suits many models of one kind, of which few are asked at once. Costs by the instance-hour, however
    many models there are.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/multi-model-endpoints.html

    Example::

        endpoint = MultiModelEndpoint(self, "Endpoint", instance_type="ml.m5.xlarge", code="inference",
            container=Container(image=ContainerImage.framework("sklearn", version="1.2-1")))
        churn = endpoint.add_model("team-a/churn", ModelData.from_asset("models/churn"))
        endpoint.grants.invoke(function, target_model="team-a/*")
        function.add_environment("MODEL", churn.target_model)
    """

    grants: MultiModelGrants

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        container: Container,
        instance_type: str,
        models: ModelDataPrefix | None = None,
        cache: bool = True,
        code: str | None = None,
        instance_count: int | None = None,
        scaling: AutoScaling | None = None,
        role: iam.IRole | None = None,
        vpc: ec2.IVpc | None = None,
        vpc_subnets: ec2.SubnetSelection | None = None,
        security_groups: Sequence[ec2.ISecurityGroup] | None = None,
        network_isolation: bool = False,
        volume_size: cdk.Size | None = None,
        download_timeout: cdk.Duration | None = None,
        startup_timeout: cdk.Duration | None = None,
        endpoint_name: str | None = None,
        rollout: Rollout | None = None,
        capture: DataCapture | None = None,
        encryption_key: kms.IKey | None = None,
        metrics: MetricsPublishing | None = None,
        check_deployments: bool = True,
        parameter_name: str | None = None,
    ) -> None:
        """Make the endpoint.

        :param container: an image that can serve many models, without data.
        :param instance_type: for example ``ml.m5.xlarge``; its memory bounds what is loaded at once, and
            its volume what is kept on disk. GPUs only with images made for it (Triton).
        :param models: where the archives lie (``ModelData.from_prefix``).
            Default: ``models/`` in a new, encrypted bucket.
        :param cache: keep models loaded while there is memory. ``False``: load each for its request only.
        :param code: folder whose ``inference.py`` serves all models.
            Default: the image's own code, or what each archive brings.
        :param instance_count: instances at first. Default: the scaling's minimum, else 2.
        :param scaling: default none, the count stays.
        :param role: default: a new role with just the grants it needs.
        :param vpc: default: none; SageMaker's own network.
        :param vpc_subnets: default: CDK's choice.
        :param security_groups: default: one new group, all outbound traffic allowed.
        :param network_isolation: no outbound calls at all from the container.
        :param volume_size: 1–512 GiB, for models on disk. Default: what the instance type brings.
        :param download_timeout: 1–60 minutes to fetch data at start. Default: 10 minutes.
        :param startup_timeout: 1–60 minutes until the container is healthy. Default: 10 minutes.
        :param endpoint_name: default: derived from stack name and path, the same on every synthesis.
            Changing it replaces the endpoint.
        :param rollout: default: all at once, rolling back on the built-in alarms.
        :param capture: default: nothing is captured.
        :param encryption_key: encrypts the instances' storage volumes (not local NVMe). Default: AWS's own key.
        :param metrics: default: every minute, per variant only.
        :param check_deployments: fail the stack when SageMaker silently rolled back, and let go of auto
            scaling while an instance type changes (see docs/realtime.md).
        :param parameter_name: SSM parameter that holds the endpoint's name.
            Default: ``/sagemaker/endpoints/<endpoint name>``.
        :raises ConstraintError: SM-MULTIMODEL-…, SM-MODEL-…, SM-ENDPOINT-…, SM-VARIANT-…
        """
        props = MultiModelProps(
            container=container,
            models=models,
            instance_type=instance_type,
            instance_count=instance_count,
            scaling=scaling,
            volume_size=volume_size,
            download_timeout=download_timeout,
            startup_timeout=startup_timeout,
            endpoint_name=endpoint_name,
            rollout=Rollout.all_at_once() if rollout is None else rollout,
            capture=capture,
            encryption_key=encryption_key,
            metrics=metrics,
            check_deployments=check_deployments,
            parameter_name=parameter_name,
        )
        made_of = ModelProps(
            container=container,
            containers=None,
            role=role,
            vpc=vpc,
            vpc_subnets=vpc_subnets,
            security_groups=security_groups,
            network_isolation=network_isolation,
            direct_invocation=False,
        )
        enforce_together(
            multi_model_rules.violations(props),
            model_rules.violations(made_of),
            violations_of(props.variant),
            violations_of(lambda: MultiModel(cache=cache, code=code)),
            path=lambda: construct_path(scope, id),
        )
        super().__init__(scope, id, props=props)
        self.models = models if models is not None else self._own_models()
        """Where the archives lie: ``models.bucket``, ``models.prefix``."""
        served = dataclasses.replace(
            container, data=self.models, multi_model=MultiModel(cache=cache, code=code)
        )
        self.model = Model.of_props(self, "Model", dataclasses.replace(made_of, container=served))
        """The SageMaker model that stands for all of them."""
        self._host(props, [props.variant(self.model)], Particulars())
        self.grants = MultiModelGrants(self)
        self._placed = constructs.Construct(self, "Models")
        self.hosted_models: dict[str, HostedModel] = {}
        """The models given with `add_model`, by name."""

    def add_model(
        self,
        name: str,
        data: ModelData,
        *,
        pinned: bool = True,
        removal_policy: cdk.RemovalPolicy = cdk.RemovalPolicy.DESTROY,
    ) -> HostedModel:
        """Put a model among those that the endpoint serves; the endpoint itself is not changed.

        That the model can be loaded shows when a request first names it, not when it is deployed.

        A changed model gets a new place, since SageMaker may go on serving what it has loaded from an old
        one: pass on `HostedModel.target_model`, do not spell it. The old place is emptied when the stack
        has been updated, and kept when the update is rolled back.

        :param name: unique, may hold slashes: ``team-a/churn``. 1–200 letters, digits and ``!_.'()-``.
        :param data: ``ModelData.from_asset(…)`` or ``.from_bucket(…)``.
        :param pinned: ``False``: lie at ``<name>.tar.gz`` whatever the content. Instances that have loaded
            the old content may serve it for long.
        :param removal_policy: what happens to the archive when the model is taken out of the stack, or
            replaced by a new version. ``RETAIN`` keeps it, for callers that still use the old place.
        :raises ConstraintError: SM-MULTIMODEL-001, -002, -003, -006, -007; SM-DATA-002.
        """
        props = AddedModel(
            name=name,
            data=data,
            pinned=pinned,
            removal_policy=removal_policy,
            prefix=self.models.prefix,
            others=tuple(self.hosted_models),
        )
        added_model_rules.enforce(props, path=lambda: path_of(self))
        place = constructs.Construct(self._placed, _SPECIAL_IDS.get(name, name))
        try:
            hosted = self._place(place, props)
        except ConstraintError:
            # Nothing half-made stays: who catches the error may give another model this name.
            self._placed.node.try_remove_child(place.node.id)
            raise
        if not pinned:
            STALE.warn(self, f"model {name!r}: instances may go on serving the content they have loaded")
        self.hosted_models[name] = hosted
        return hosted

    def metric_model_cache_hit(self) -> AnyMetric:
        """Share of the requests that found their model loaded, 0–1."""
        return self.metric(EndpointMetric.MODEL_CACHE_HIT)

    def metric_model_loading_wait_time(self) -> AnyMetric:
        """Microseconds that requests waited for their model, p99."""
        return self.metric(EndpointMetric.MODEL_LOADING_WAIT_TIME)

    def metric_model_downloading_time(self) -> AnyMetric:
        """Microseconds to fetch a model from S3, p99."""
        return self.metric(EndpointMetric.MODEL_DOWNLOADING_TIME)

    def metric_model_loading_time(self) -> AnyMetric:
        """Microseconds to load a fetched model, p99."""
        return self.metric(EndpointMetric.MODEL_LOADING_TIME)

    def metric_model_unloading_time(self) -> AnyMetric:
        """Microseconds to unload a model, p99."""
        return self.metric(EndpointMetric.MODEL_UNLOADING_TIME)

    def metric_loaded_model_count(self) -> AnyMetric:
        """Models in memory, per instance."""
        return self.metric(EndpointMetric.LOADED_MODEL_COUNT)

    def _own_models(self) -> ModelDataPrefix:
        bucket = data_bucket(self, "Models", what=f"Models of {path_of(self)}")
        return ModelDataPrefix(bucket=bucket, prefix=DEFAULT_PREFIX, version=None)

    def _place(self, place: constructs.Construct, model: AddedModel) -> HostedModel:
        archived = model.data.archived(place, "Data")
        if model.pinned and is_token(archived.fingerprint):
            raise PINNED.error(
                path_of(self), Broken("data", archived.key, "a key known at synthesis", "pinned=False")
            )
        target = model.target(archived)
        placement = ModelPlacement.of(self)
        if placement.is_taken(self.models, target):
            fix = "what lies under the prefix is served by each endpoint that has it: add it to one"
            raise APART.error(path_of(self), Broken("name", model.name, f"a place other than {target}", fix))
        return HostedModel(
            name=model.name,
            target_model=target,
            all_versions=model.all_targets,
            resource=placement.place(
                place,
                archived,
                into=self.models,
                key=target,
                keep=model.removal_policy == cdk.RemovalPolicy.RETAIN,
            ),
        )


multi_model_rules = support_rules(Kind.MULTI_MODEL, including=hosting_rules)


@multi_model_rules.rule("SM-MULTIMODEL-004", source=CREATE)
def container_brings_no_data(props: MultiModelProps) -> Iterator[Broken]:
    """The container of a multi-model endpoint has an image, and leaves the data to the endpoint."""
    if not isinstance(props.container, Container):
        return
    # What is uncompressed is refused for that already.
    if props.container.data is not None and not props.container.loads_uncompressed:
        yield Broken("container.data", props.container.data, "nothing", "models=ModelData.from_prefix(…)")
    if props.container.multi_model is not None:
        yield Broken("container.multi_model", props.container.multi_model, "nothing", "cache=…, code=…")
    if props.container.image is None:
        yield Broken("container.image", None, "an image: a model package is one model")


@multi_model_rules.rule("SM-MULTIMODEL-005", source=DEVELOPER_GUIDE + "multi-model-support.html")
def gpus_want_triton(props: MultiModelProps) -> Iterator[Broken]:
    """On GPU instances a multi-model container of AWS's is NVIDIA Triton, no other framework or algorithm."""
    type = props.instance_type
    if not known(type) or not isinstance(type, str) or not instance_types.PATTERN.fullmatch(type):
        return
    image = props.container.image if isinstance(props.container, Container) else None
    if image is None or not image.is_published or image.is_triton:
        return
    if instance_types.has_gpu(type):
        yield Broken(
            "instance_type",
            type,
            "an instance type without GPUs",
            'or ContainerImage.framework("sagemaker-tritonserver", version=…, processor="gpu")',
        )
