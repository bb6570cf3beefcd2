"""EdgeFleet: a model on devices, which IoT Greengrass V2 brings there and ONNX Runtime runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import constructs
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_iot as iot
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_assets as s3_assets
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as stepfunctions

from ..core.buckets import data_bucket
from ..core.naming import physical_name
from ..core.place import construct_path, note_place, stack_of
from ..core.s3_prefix import S3Prefix
from ..model.data import ModelData
from .artefact_size import require_size
from .components import MODEL_FILE, inference_recipe, model_recipe, runtime_recipe
from .dashboard import fleet_dashboard
from .device_package import NAME as PROGRAM
from .device_package import device_package
from .devices import EdgeDevices
from .edge_program import EdgeProgram
from .edge_rollout import EdgeRollout
from .fleet_telemetry import FleetTelemetry
from .grants import EdgeFleetGrants
from .identity import DeviceIdentity
from .metrics import metric
from .names import LONGEST_FLEET_NAME, FleetNames
from .props import EdgeFleetProps
from .provisioning import Provisioning
from .published import PublishedArtefact, PublishedComponent, Publisher
from .recipe import Recipe
from .retired import RetiredServices
from .rollout_machine import EdgeRollouts
from .rules import fleet_rules
from .telemetry import EdgeTelemetry


class EdgeFleet(constructs.Construct):
    """Devices that run a model, and all that brings it to them, changes it, and tells how they fare.

    A merge that changes the model publishes it as a component, tries it on the canary devices, and then rolls it out
    to the others; a model that does not load, answers wrongly or sets off an alarm is stopped there, and the canary
    goes back. A device serves without a network, and keeps what it has to tell until there is one.

    Costs: per device and day what IoT Core, Firehose and CloudWatch ask for messages and metrics; nothing runs all
    the time. docs/edge.md has the sum.

    Source: https://docs.aws.amazon.com/greengrass/v2/developerguide/what-is-iot-greengrass.html

    Example::

        EdgeFleet(self, "Cameras",
            model=ModelData.from_asset("models/cells"),   # model.onnx, metadata.json, golden.npz
            devices=EdgeDevices.matching("cam-[0-9]{6}"),
            rollout=EdgeRollout(canary_percent=5, soak=Duration.hours(4)),
            telemetry=EdgeTelemetry(sample_percent=10),
            notify=[topic])
    """

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        model: ModelData,
        devices: EdgeDevices,
        rollout: EdgeRollout | None = None,
        telemetry: EdgeTelemetry | None = None,
        program: EdgeProgram | None = None,
        components: Mapping[str, str] | None = None,
        fleet_name: str | None = None,
        artefact_bucket: s3.IBucket | None = None,
        encryption_key: kms.IKey | None = None,
        notify: Sequence[sns.ITopic] = (),
        dashboard: bool = True,
    ) -> None:
        """Make the fleet.

        :param model: an archive with ``model.onnx``; with ``golden.npz`` beside it, devices check its answers too.
        :param devices: which may join.
        :param rollout: how a version reaches them. Default: `EdgeRollout()`.
        :param telemetry: what they tell. Default: `EdgeTelemetry()`.
        :param program: how the program on them runs. Default: `EdgeProgram()`.
        :param components: other components that devices get with the fleet's own, by name: an exact version.
            Together at most 1,000 characters. A change of one starts a rollout.
        :param fleet_name: 1-36 lower-case letters, digits and hyphens. Default: of stack and path.
        :param artefact_bucket: where components lie. Default: a new one, kept when the stack goes.
        :param encryption_key: of the new bucket. Default: a new key.
        :param notify: told of rollouts that failed, and of alarms.
        :param dashboard: whether to make a CloudWatch dashboard. An account has three for free.
        :raises ConstraintError: SM-EDGE-…
        """
        props = EdgeFleetProps(
            model=model,
            devices=devices,
            rollout=EdgeRollout() if rollout is None else rollout,
            telemetry=EdgeTelemetry() if telemetry is None else telemetry,
            program=EdgeProgram() if program is None else program,
            components={} if components is None else components,
            fleet_name=fleet_name,
            artefact_bucket=artefact_bucket,
            encryption_key=encryption_key,
            notify=notify,
            dashboard=dashboard,
        )
        fleet_rules.enforce(props, path=lambda: construct_path(scope, id))
        super().__init__(scope, id)
        note_place(self, scope, id)
        self._props = props
        self.fleet_name = (
            physical_name(self, max_length=LONGEST_FLEET_NAME) if fleet_name is None else fleet_name
        )
        """Of its provisioning template; groups, components, topics and metrics begin with it."""
        self._names = FleetNames(fleet=self.fleet_name)
        self._bucket = self._artefact_bucket()
        self.artefacts = S3Prefix(bucket=self._bucket, prefix="components")
        """Where what devices fetch lies."""
        self.models = S3Prefix(bucket=self._bucket, prefix="models")
        """Where a pipeline puts a model that it wants rolled out: ``{"model": {"bucket": …, "key": "models/…"}}``."""
        self.cfn_canary_group = self._group("CanaryGroup", self._names.canary_group, "get a version first")
        """The thing group that gets a version first."""
        self.cfn_fleet_group = self._group("FleetGroup", self._names.fleet_group, "are not in the canary")
        """The thing group of all others."""
        self._identity = DeviceIdentity(self, "Identity", names=self._names, artefacts=self.artefacts)
        self.provisioning = self._provisioning()
        """How a device joins: the template, the policy of claim certificates, and who decides."""
        self.telemetry = self._telemetry()
        """From the devices to S3 and CloudWatch."""
        recipes = self._recipes()
        self._rollouts = self._make_rollouts(recipes[1])
        self.components = self._publish(*recipes)
        """The fleet's own components, in the order in which they stand on each other."""
        self._rollouts.start_with({each.component_name: each.version for each in self.components})
        self.grants = EdgeFleetGrants(self)
        """Who may use it for what."""
        self.dashboard = self._dashboard() if dashboard else None
        """Devices by version, inferences, latency, errors, silent devices, rollouts."""
        RetiredServices.refuse_in(stack_of(self))

    # --- what it is made of ---------------------------------------------------------------------------

    @property
    def device_role(self) -> iam.Role:
        """The token-exchange role of devices. Grant it what components of yours need."""
        return self._identity.role

    @property
    def role(self) -> iam.Role:
        """The same, as every construct calls it."""
        return self._identity.role

    @property
    def role_alias(self) -> str:
        """For the configuration of the nucleus: ``iotRoleAlias``."""
        return self._identity.alias

    @property
    def cfn_device_policy(self) -> iot.CfnPolicy:
        """The policy of every device's certificate."""
        return self._identity.cfn_policy

    @property
    def state_machine(self) -> stepfunctions.StateMachine:
        """One execution a rollout; start one through `start_function`, which stops the one before."""
        return self._rollouts.machine.machine

    @property
    def start_function(self) -> lambda_.Function:
        """Starts a rollout: ``{"model": {"bucket": …, "key": …}}``, or ``{"components": {…}}`` of known versions."""
        return self._rollouts.start.function

    def read_models_from(self, models: S3Prefix) -> None:
        """Let rollouts take models from below a prefix, beside `models`."""
        models.let_read(self._rollouts.steps.function)

    @property
    def model_version(self) -> str:
        """Of the model that this stack publishes; known when it is deployed."""
        return self.components[1].version

    @property
    def inference_topic(self) -> str:
        """Filter of the topics that results arrive at."""
        return self._names.topic("inference", "+")

    def metric(self, name: str, *, statistic: str = "Sum", group: str | None = None) -> cloudwatch.Metric:
        """A metric of the fleet, or of one of its groups; docs/edge.md lists them."""
        return metric(self.fleet_name, name, statistic=statistic, group=group)

    def metric_inferences(self) -> cloudwatch.Metric:
        """Answers that devices gave."""
        return self.metric("Inferences")

    def metric_errors(self) -> cloudwatch.Metric:
        """Requests that failed on devices."""
        return self.metric("Errors")

    def metric_latency(self) -> cloudwatch.Metric:
        """Milliseconds that an answer took on a device."""
        return self.metric("Latency", statistic="p99")

    def metric_silent_devices(self) -> cloudwatch.Metric:
        """Devices that have told nothing for `EdgeTelemetry.silent_after`."""
        return self.metric("SilentDevices", statistic="Maximum")

    # --- its parts ------------------------------------------------------------------------------------

    def _artefact_bucket(self) -> s3.IBucket:
        props = self._props
        if props.artefact_bucket is not None:
            return props.artefact_bucket
        what = f"Components and models of fleet {self.fleet_name}"
        return data_bucket(self, "Artefact", what=what, key=props.encryption_key)

    def _group(self, id: str, name: str, which: str) -> iot.CfnThingGroup:
        return iot.CfnThingGroup(
            self,
            id,
            thing_group_name=name,
            thing_group_properties=iot.CfnThingGroup.ThingGroupPropertiesProperty(
                thing_group_description=f"Devices of fleet {self.fleet_name} that {which}"
            ),
        )

    def _provisioning(self) -> Provisioning:
        made = Provisioning(
            self,
            "Provisioning",
            names=self._names,
            devices=self._props.devices,
            canary_percent=self._props.rollout.canary_percent,
            device_policy=self._identity.cfn_policy,
        )
        made.cfn_template.node.add_dependency(self.cfn_canary_group, self.cfn_fleet_group)
        return made

    def _telemetry(self) -> FleetTelemetry:
        return FleetTelemetry(
            self,
            "Telemetry",
            names=self._names,
            telemetry=self._props.telemetry,
            notify=self._props.notify,
        )

    def _make_rollouts(self, model: Recipe) -> EdgeRollouts:
        made = EdgeRollouts(
            self,
            "Rollouts",
            names=self._names,
            rollout=self._props.rollout,
            artefacts=self.artefacts,
            models=self.models,
            recipe=model,
            others=self._props.components,
            alarms=[*self.telemetry.alarms.canary, *self._props.rollout.alarms],
            notify=self._props.notify,
        )
        made.node.add_dependency(self.cfn_canary_group, self.cfn_fleet_group)
        return made

    def _recipes(self) -> tuple[Recipe, Recipe, Recipe]:
        names, program = self._names, self._props.program
        return (
            runtime_recipe(names, program),
            model_recipe(names, program),
            inference_recipe(names, self._configuration()),
        )

    def _configuration(self) -> dict[str, Any]:
        """What the program is told; a deployment tells it its group."""
        return {
            "fleet": self.fleet_name,
            "transport": {"kind": "greengrass"},
            **self._props.program.told(),
            **self._props.telemetry.told(),
        }

    def _publish(
        self, runtime: Recipe, model: Recipe, inference: Recipe
    ) -> tuple[PublishedComponent, PublishedComponent, PublishedComponent]:
        program = device_package(self._props.program.wheels)
        require_size(self, "program.wheels", program.path)
        packed = s3_assets.Asset(self, "Program", path=program.path, asset_hash=program.digest)
        data = self._props.model.archived(self, "ModelData")
        require_size(self, "model", data.path)
        publisher = Publisher(self, "Publisher", names=self._names, artefacts=self.artefacts)
        publisher.let_take(packed.bucket, packed.s3_object_key)
        publisher.let_take(data.bucket, data.key)
        publisher.attach()
        return (
            publisher.publish(
                "Runtime",
                runtime,
                PublishedArtefact(
                    bucket=packed.bucket,
                    key=packed.s3_object_key,
                    file=f"{PROGRAM}.zip",
                    fingerprint=program.digest,
                ),
            ),
            publisher.publish(
                "Model",
                model,
                PublishedArtefact(
                    bucket=data.bucket, key=data.key, file=MODEL_FILE, fingerprint=data.fingerprint
                ),
            ),
            publisher.publish("Inference", inference, None),
        )

    def _dashboard(self) -> cloudwatch.Dashboard:
        return fleet_dashboard(self, fleet_name=self.fleet_name, telemetry=self.telemetry)
