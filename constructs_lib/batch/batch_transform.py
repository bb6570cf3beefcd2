"""BatchTransform: a model that scores whole data sets, on machines that are there only while it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
import constructs
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as stepfunctions
from aws_cdk.interfaces import aws_sagemaker as references

from ..core.instance_types import PATTERN, transform_types
from ..core.naming import fitted_name, physical_name
from ..core.place import construct_path, note_place
from ..core.roles import Permissions, allow_volumes
from ..core.s3_prefix import S3Prefix, output_of
from ..core.tokens import is_token
from ..model.model import ModelBase
from .alarms import BatchAlarms
from .arrival import BatchArrival
from .capture import BatchCapture
from .columns import Column
from .dashboard import batch_dashboard
from .data_processing import DataProcessing
from .grants import BatchTransformGrants
from .input import BatchInput
from .metrics import metric
from .processing_step import ProcessingStep
from .props import TAG, BatchStrategy, BatchTransformProps
from .rules import NO_ROLE, NO_TRIGGER, UNKNOWN_TYPE, batch_rules
from .run import BatchRuns
from .sink import PredictionSink
from .triggers import RunRequests

_JOB_PREFIX = 26
_RUNS = "Runs are not there yet; the prefix is this transform's own."


class BatchTransform(constructs.Construct):
    """Scores all records below a prefix, or those that a manifest lists, and puts the predictions where they belong.

    A run is one execution of a state machine: SageMaker's transform job, the count of what went in and came out, then
    the sinks. The same input under the same model runs once. What fails is told, and kept to be run again.

    Costs: a run costs its instances. While nothing runs there are two alarms, the dashboard, the key of a bucket that
    is made here, and the polling of the queue. docs/batch.md has the sum.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform.html

    Example::

        BatchTransform(self, "Nightly", model=model, instance_type="ml.m5.large",
            input=BatchInput.from_prefix(bucket, "customers/{yyyy}-{mm}-{dd}/"),
            processing=DataProcessing(input_filter="$[1:]", join=True, output_filter="$[0,-1]"),
            columns=[Column.key("customer"), Column.prediction("churn")],
            schedule=ScheduleExpression.cron(hour="2", minute="0", time_zone=TimeZone.EUROPE_BERLIN),
            sink=PredictionSink.dynamodb(table))
    """

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        model: references.IModelRef,
        input: BatchInput,
        instance_type: str,
        instance_count: int = 1,
        strategy: BatchStrategy | None = None,
        max_payload_mb: int | None = None,
        max_concurrent_transforms: int | None = None,
        invocation_timeout: cdk.Duration | None = None,
        invocation_retries: int | None = None,
        environment: Mapping[str, str] | None = None,
        accept: str | None = None,
        processing: DataProcessing | None = None,
        columns: Sequence[Column] = (),
        sink: PredictionSink | Sequence[PredictionSink] | None = None,
        schedule: scheduler.ScheduleExpression | None = None,
        arrival: BatchArrival | None = None,
        preprocess: ProcessingStep | None = None,
        postprocess: ProcessingStep | None = None,
        attempts: int = 3,
        max_runtime: cdk.Duration | None = None,
        output_bucket: s3.IBucket | None = None,
        output_prefix: str | None = None,
        encryption_key: kms.IKey | None = None,
        volume_encryption_key: kms.IKey | None = None,
        tags: Mapping[str, str] | None = None,
        transform_name: str | None = None,
        notify: Sequence[sns.ITopic] = (),
        dashboard: bool = True,
    ) -> None:
        """Make the transform.

        :param model: its role gets the right to read the input and write the output.
        :param input: what is scored.
        :param instance_type: of the transform job.
        :param instance_count: 1–100; objects are shared among them, so more than there are objects do nothing.
        :param strategy: how many records a request has. Default: as many as fit, where objects are split.
        :param max_payload_mb: 0–100, of a request; 0: no limit, for containers that take chunked requests. Default: 6.
        :param max_concurrent_transforms: requests in flight an instance; with the payload at most 100 MB. Default: what
            the container says, else 1.
        :param invocation_timeout: 1 second – 1 hour a request. Default: 10 minutes.
        :param invocation_retries: 0–3 of a request. Default: 3.
        :param environment: at most 16 variables beside the model's.
        :param accept: MIME type of the answers. Default: what the model answers by itself.
        :param processing: filters and join. Default: records and answers as they are.
        :param columns: what the fields of the output are; sinks need them.
        :param sink: where predictions go, one or several. Default: they stay in the output.
        :param schedule: when runs are due, with its time zone.
        :param arrival: whose arrival starts a run.
        :param preprocess: a job that makes the model's input of the objects.
        :param postprocess: a job that makes the sinks' input of the answers.
        :param attempts: 1–10 at each job, for what another attempt may mend: throttling, capacity, SageMaker's own
            errors. Default: 3.
        :param max_runtime: 1 minute – 5 days a transform job. Default: 1 day.
        :param output_bucket: default: a new one, encrypted with a key of its own, kept when the stack goes.
        :param output_prefix: below it lies a folder a run. Default: ``batch/<name>``.
        :param encryption_key: encrypts the output. Default: the bucket's own.
        :param volume_encryption_key: encrypts the instances' volumes. Default: AWS's own.
        :param tags: of the jobs, beside ``BatchTransform=<name>``; activate them as cost allocation tags.
        :param transform_name: 1–63 lower-case letters, digits and hyphens. Default: of stack and path.
        :param notify: told of failed runs and of alarms.
        :param dashboard: whether to make a CloudWatch dashboard. An account has three for free.
        :raises ConstraintError: SM-BATCH-…
        """
        props = BatchTransformProps(
            model=model,
            input=input,
            instance_type=instance_type,
            instance_count=instance_count,
            strategy=strategy,
            max_payload_mb=max_payload_mb,
            max_concurrent_transforms=max_concurrent_transforms,
            invocation_timeout=invocation_timeout,
            invocation_retries=invocation_retries,
            environment={} if environment is None else environment,
            accept=accept,
            processing=processing,
            columns=columns,
            sink=sink,
            schedule=schedule,
            arrival=arrival,
            preprocess=preprocess,
            postprocess=postprocess,
            attempts=attempts,
            max_runtime=max_runtime,
            output_bucket=output_bucket,
            output_prefix=output_prefix,
            encryption_key=encryption_key,
            volume_encryption_key=volume_encryption_key,
            tags={} if tags is None else tags,
            transform_name=transform_name,
            notify=notify,
            dashboard=dashboard,
        )
        batch_rules.enforce(props, path=lambda: construct_path(scope, id))
        super().__init__(scope, id)
        note_place(self, scope, id)
        self._props = props
        self.transform_name = physical_name(self) if transform_name is None else transform_name
        """Of the state machine and of the metrics; the names of jobs begin with it."""
        self.output = self._output(props)
        """Where runs lie, each in a folder of its own: ``<prefix>/<run>/output/<attempt>/`` has the answers."""
        self.cost_tags = {TAG: self.transform_name, **props.tags}
        """Of all jobs: what Cost Explorer tells them by."""
        self.requests = RunRequests(self, "Requests")
        """The queue of requests, and that of dead letters."""
        self._runs = BatchRuns(
            self,
            "Runs",
            props=props,
            name=self.transform_name,
            job_prefix=fitted_name(self.transform_name, max_length=_JOB_PREFIX),
            output=self.output,
            requests=self.requests,
            tags=self.cost_tags,
        )
        self.grants = BatchTransformGrants(self)
        """Who may use it for what."""
        self._let_model_transform()
        self._trigger()
        self.alarms = BatchAlarms(
            self,
            "Alarms",
            transform=self.transform_name,
            dead_letters=self.requests.dead_letters,
            failures=self._runs.fail.function,
            topics=props.notify,
        )
        """On dead letters, and on failures that could not be told."""
        self.dashboard = batch_dashboard(self) if dashboard else None
        """Runs, durations, records, failures, and what the bill calls them."""
        self._warn()

    # --- what it is made of ---------------------------------------------------------------------------

    @property
    def state_machine(self) -> stepfunctions.StateMachine:
        """One execution a run; start runs through `start_function`, which knows what has run already."""
        return self._runs.machine.machine

    @property
    def start_function(self) -> lambda_.Function:
        """Starts a run and says which. It takes a request: ``{}`` for the input as it is, or ``{"force": "why"}``."""
        return self._runs.start.function

    @property
    def sink_names(self) -> Sequence[str]:
        """The sinks, as metrics and reports call them."""
        return self._runs.sink_names

    @property
    def captured(self) -> S3Prefix | None:
        """Where records lie for monitors, below the transform's name; None where no sink is a `BatchCapture`."""
        capture = next((each for each in self._props.sinks if isinstance(each, BatchCapture)), None)
        return None if capture is None else capture.records_in(self.output)

    def allow_transforming(self, permissions: Permissions) -> None:
        """What the role that a transform job runs under has to be allowed."""
        self._runs.input.allow_read(permissions)
        # The manifest, and what a step before has made of the input.
        self.output.allow_read(permissions)
        answers = self.output.arn_of("*/output/*")
        permissions.allow("s3:PutObject", "s3:AbortMultipartUpload", on=answers, wildcard=_RUNS)
        for key in self.output.keys:
            permissions.allow_key(key, "kms:Decrypt", "kms:GenerateDataKey")
        allow_volumes(permissions, self._props.volume_encryption_key)

    def metric(self, name: str, *, statistic: str = "Sum") -> cloudwatch.Metric:
        """A metric of the transform; docs/batch.md lists them."""
        return metric(self.transform_name, name, statistic=statistic)

    def metric_runs_failed(self) -> cloudwatch.Metric:
        """Runs that came to nothing."""
        return self.metric("RunsFailed")

    def metric_runs_succeeded(self) -> cloudwatch.Metric:
        """Runs whose predictions are where they belong."""
        return self.metric("RunsSucceeded")

    def metric_records(self) -> cloudwatch.Metric:
        """Records that were scored, in runs that succeeded."""
        return self.metric("RecordsOut")

    def metric_duration(self) -> cloudwatch.Metric:
        """Seconds from a run's start to its end."""
        return self.metric("DurationSeconds", statistic="Maximum")

    # --- its parts ------------------------------------------------------------------------------------

    def _output(self, props: BatchTransformProps) -> S3Prefix:
        return output_of(
            self,
            what=f"Predictions of batch transform {self.transform_name}",
            bucket=props.output_bucket,
            prefix=props.output_prefix,
            default_prefix=f"batch/{self.transform_name}",
            key=props.encryption_key,
        )

    def _let_model_transform(self) -> None:
        model = self._props.model
        role = model.role if isinstance(model, ModelBase) else None
        if role is not None:
            self.grants.transform(role)

    def _trigger(self) -> None:
        props = self._props
        self.requests.feed(self.start_function)
        if props.schedule is not None:
            self.requests.on_schedule(props.schedule, self.transform_name)
        if props.arrival is not None:
            self.requests.on_arrival(props.arrival, props.input, self.transform_name)

    def _warn(self) -> None:
        props = self._props
        type = props.instance_type
        if not is_token(type) and PATTERN.fullmatch(type) and type not in transform_types():
            UNKNOWN_TYPE.warn(self, f"this release knows no transform job on {type}")
        if not isinstance(props.model, ModelBase) or props.model.role is None:
            NO_ROLE.warn(
                self, "the model's role is not known here: grants.transform(role) lets it at the data"
            )
        if props.schedule is None and props.arrival is None:
            NO_TRIGGER.warn(self, "neither schedule nor arrival: runs start only on demand")
