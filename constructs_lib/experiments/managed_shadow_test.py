"""ManagedShadowTest: a shadow test that SageMaker runs for some days on an endpoint that is there."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import constructs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sagemaker as sagemaker

from ..core.checks import kind, known, text, whole_number
from ..core.limits import EXPERIMENT_HOURS
from ..core.naming import physical_name
from ..core.place import construct_path, environment_of, note_place, path_of
from ..core.roles import Permissions, execution_role
from ..core.rules import API_REFERENCE, CATALOGUE, DEVELOPER_GUIDE, Broken, Rules
from ..hosting.capture import DataCapture
from ..hosting.hosting_rules import HostedVariant
from ..hosting.realtime import RealtimeEndpoint
from ..hosting.support import MULTI_MODEL, PIPELINES, REFUSED, Kind, check_of
from ..hosting.variant import Variant
from ..model.reference import model_name
from .shadow_test import names_differ, not_on_inf1, weights_are_left_alone

_Experiment = sagemaker.CfnInferenceExperiment
_DESCRIPTION = re.compile(r".{1,1024}")
_SHORTEST, _LONGEST = (timedelta(hours=each) for each in EXPERIMENT_HOURS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedShadowProps:
    """The props of a `ManagedShadowTest`, for its rules."""

    endpoint: RealtimeEndpoint
    challenger: Variant
    sampling_percent: int
    start: datetime | None
    end: datetime | None
    description: str | None
    capture: DataCapture | None
    encryption_key: kms.IKey | None
    role: iam.IRole | None

    @property
    def located_variants(self) -> Mapping[str, HostedVariant]:
        """Both variants, where they are ones."""
        found = {"challenger": self.challenger} if isinstance(self.challenger, Variant) else {}
        if isinstance(self.endpoint, RealtimeEndpoint) and len(self.endpoint.variants) == 1:
            found["endpoint.variants[0]"] = self.endpoint.variants[0]
        return found


class ManagedShadowTest(constructs.Construct):
    """SageMaker adds a challenger to an endpoint in the shadow, for 1 hour to 30 days, and takes it away again.

    It shows up under *Shadow tests* in SageMaker's console, with a dashboard of load, latency and errors, and
    can be promoted there. Answers are captured where that is asked for, and not compared: `ShadowTest` does that.
    While it runs, SageMaker changes the endpoint behind CloudFormation's back: do not deploy the endpoint then.

    What the role must be allowed to do is inferred: AWS names its managed policy for everything. Not emulated by
    `constructs_lib.local`.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/shadow-tests.html

    Example::

        endpoint = RealtimeEndpoint(self, "Endpoint", model=model, instance_type="ml.m5.large")
        ManagedShadowTest(self, "Test", endpoint=endpoint,
            challenger=Variant(name="Challenger", model=candidate, instance_type="ml.m5.large"))
    """

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        endpoint: RealtimeEndpoint,
        challenger: Variant,
        sampling_percent: int = 100,
        start: datetime | None = None,
        end: datetime | None = None,
        description: str | None = None,
        capture: DataCapture | None = None,
        encryption_key: kms.IKey | None = None,
        role: iam.IRole | None = None,
    ) -> None:
        """Make the experiment.

        :param endpoint: with one variant, which goes on answering.
        :param challenger: name, model, instance type and count; SageMaker takes nothing else for it.
        :param sampling_percent: of the requests, in whole percent, 0–100.
        :param start: with a time zone. Default: when it is deployed. Changed later, it has no effect once begun.
        :param end: with a time zone, 1 hour to 30 days after the start. Default: SageMaker's, 7 days.
        :param description: at most 1,024 characters, in the console.
        :param capture: of all requests and answers of both. Default: nothing is captured.
        :param encryption_key: of the instances' volumes. Default: AWS's own key. Changing it replaces the test.
        :param role: that SageMaker changes the endpoint with. Default: a new one that may do just that.
        :raises ConstraintError: SM-SHADOW-002, -004, -005, -006, -021 … -024.
        """
        props = ManagedShadowProps(
            endpoint=endpoint,
            challenger=challenger,
            sampling_percent=sampling_percent,
            start=start,
            end=end,
            description=description,
            capture=capture,
            encryption_key=encryption_key,
            role=role,
        )
        managed_rules.enforce(props, path=lambda: construct_path(scope, id))
        super().__init__(scope, id)
        note_place(self, scope, id)
        self.experiment_name = physical_name(self)
        """The name, under which the console lists it."""
        self.role = role if role is not None else execution_role(self, does="Runs the shadow test")
        """What SageMaker changes the endpoint with."""
        (production,) = endpoint.variants
        permissions = self._permissions(endpoint, (production, challenger), encryption_key)
        stored = self._stored(capture, permissions)
        self.cfn_inference_experiment = _Experiment(
            self,
            "Resource",
            name=self.experiment_name,
            type="ShadowMode",
            role_arn=self.role.role_arn,
            endpoint_name=endpoint.endpoint_name,
            model_variants=[_model_variant(each) for each in (production, challenger)],
            shadow_mode_config=_Experiment.ShadowModeConfigProperty(
                source_model_variant_name=production.name,
                shadow_model_variants=[
                    _Experiment.ShadowModelVariantConfigProperty(
                        shadow_model_variant_name=challenger.name, sampling_percentage=sampling_percent
                    )
                ],
            ),
            schedule=_schedule(start, end),
            description=description,
            data_storage_config=stored,
            kms_key=encryption_key.key_arn if encryption_key is not None else None,
        )
        self.cfn_inference_experiment.node.add_dependency(permissions.attach(self), endpoint.cfn_endpoint)

    def _permissions(
        self, endpoint: RealtimeEndpoint, variants: tuple[Variant, ...], key: kms.IKey | None
    ) -> Permissions:
        """What SageMaker needs to put another configuration on the endpoint, and back."""
        permissions = Permissions(self.role)
        permissions.allow(
            "sagemaker:DescribeEndpoint",
            "sagemaker:UpdateEndpoint",
            "sagemaker:UpdateEndpointWeightsAndCapacities",
            on=endpoint.endpoint_arn,
        )
        permissions.allow(
            "sagemaker:CreateEndpointConfig",
            "sagemaker:DescribeEndpointConfig",
            "sagemaker:DeleteEndpointConfig",
            on=environment_of(self).arn("sagemaker", "endpoint-config/*"),
            wildcard="SageMaker names the configurations of a shadow test itself.",
        )
        for variant in variants:
            model = environment_of(self).arn("sagemaker", f"model/{model_name(variant.model)}")
            permissions.allow("sagemaker:DescribeModel", on=model)
        permissions.allow_key(key, "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext")
        if key is not None:
            permissions.allow(
                "kms:CreateGrant", on=key.key_arn, conditions={"Bool": {"kms:GrantIsForAWSResource": True}}
            )
        return permissions

    def _stored(
        self, capture: DataCapture | None, permissions: Permissions
    ) -> _Experiment.DataStorageConfigProperty | None:
        if capture is None:
            return None
        _bucket, bound = capture.bind(self, [permissions])
        types = [list(each) or None for each in (capture.csv_content_types, capture.json_content_types)]
        csv_types, json_types = types
        content_type = _Experiment.CaptureContentTypeHeaderProperty(
            csv_content_types=csv_types, json_content_types=json_types
        )
        return _Experiment.DataStorageConfigProperty(
            destination=bound.destination_s3_uri,
            content_type=content_type if any(types) else None,
            kms_key=bound.kms_key_id,
        )


def _model_variant(variant: Variant) -> _Experiment.ModelVariantConfigProperty:
    return _Experiment.ModelVariantConfigProperty(
        model_name=model_name(variant.model),
        variant_name=variant.name,
        infrastructure_config=_Experiment.ModelInfrastructureConfigProperty(
            infrastructure_type="RealTimeInference",
            real_time_inference_config=_Experiment.RealTimeInferenceConfigProperty(
                instance_type=variant.instance_type, instance_count=variant.initial_instance_count
            ),
        ),
    )


def _schedule(
    start: datetime | None, end: datetime | None
) -> _Experiment.InferenceExperimentScheduleProperty | None:
    if start is None and end is None:
        return None
    return _Experiment.InferenceExperimentScheduleProperty(start_time=_iso(start), end_time=_iso(end))


def _iso(at: datetime | None) -> str | None:
    return None if at is None else f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


managed_rules = Rules[ManagedShadowProps]()
for _id, _check in (
    ("SM-SHADOW-002", names_differ),
    ("SM-SHADOW-004", weights_are_left_alone),
    ("SM-SHADOW-005", not_on_inf1),
):
    managed_rules.add(CATALOGUE[_id], _check)
for _feature in (PIPELINES, MULTI_MODEL):
    _refusal = REFUSED[Kind.SHADOW][_feature]
    managed_rules.add(_refusal.rule, check_of(_feature, _refusal))

_CREATE = API_REFERENCE + "API_CreateInferenceExperiment.html"


@managed_rules.rule("SM-SHADOW-021", source=DEVELOPER_GUIDE + "shadow-tests-create.html")
def on_one_variant(props: ManagedShadowProps) -> Iterator[Broken]:
    """A managed shadow test is on a real-time endpoint with one variant."""
    fix = "RealtimeEndpoint(self, …, model=…)"
    yield from kind("endpoint", props.endpoint, RealtimeEndpoint, optional=False, fix=fix)
    if isinstance(props.endpoint, RealtimeEndpoint) and len(props.endpoint.variants) != 1:
        names = [each.name for each in props.endpoint.variants]
        yield Broken("endpoint", f"{path_of(props.endpoint)} with {', '.join(names)}", "one variant")


@managed_rules.rule("SM-SHADOW-022", source=API_REFERENCE + "API_ModelVariantConfig.html")
def challenger_is_plain(props: ManagedShadowProps) -> Iterator[Broken]:
    """The challenger of a managed shadow test has a model, an instance type and a count, and nothing else."""
    yield from kind("challenger", props.challenger, Variant, optional=False)
    if not isinstance(props.challenger, Variant):
        return
    for field in dataclasses.fields(Variant):
        given = getattr(props.challenger, field.name)
        if field.name not in _TAKEN and given != field.default:
            yield Broken(f"challenger.{field.name}", given, "nothing: SageMaker takes none", "ShadowTest(…)")


_TAKEN = ("name", "model", "instance_type", "instance_count", "weight")


@managed_rules.rule("SM-SHADOW-023", source=_CREATE)
def time_and_share_fit(props: ManagedShadowProps) -> Iterator[Broken]:
    """A managed shadow test samples whole percents, and lasts 1 hour to 30 days between times with a zone."""
    if props.sampling_percent is None:
        yield Broken("sampling_percent", None, "a whole number from 0 to 100")
    yield from whole_number("sampling_percent", props.sampling_percent, 0, 100)
    yield from text("description", props.description, _DESCRIPTION, "1–1,024 characters on one line")
    given = {"start": props.start, "end": props.end}
    times = {name: at for name, at in given.items() if isinstance(at, datetime)}
    for name, at in times.items():
        if at.tzinfo is None:
            yield Broken(name, at, "a time with a time zone", "datetime(…, tzinfo=UTC)")
            return
    if len(times) == 2 and not _SHORTEST <= times["end"] - times["start"] <= _LONGEST:
        yield Broken("end", times["end"], "1 hour to 30 days after the start")


@managed_rules.rule("SM-SHADOW-024", source=API_REFERENCE + "API_InferenceExperimentDataStorageConfig.html")
def everything_is_captured(props: ManagedShadowProps) -> Iterator[Broken]:
    """A managed shadow test captures all requests and answers, or nothing."""
    capture = props.capture
    yield from kind("capture", capture, DataCapture)
    if not isinstance(capture, DataCapture):
        return
    for name, wanted in (("sampling_percent", 100), ("capture_input", True), ("capture_output", True)):
        value = getattr(capture, name)
        if known(value) and value != wanted:
            yield Broken(f"capture.{name}", value, f"{wanted}: SageMaker takes no other for a managed test")
