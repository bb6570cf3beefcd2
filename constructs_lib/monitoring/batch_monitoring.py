"""BatchMonitoring: the monitors of an endpoint, for a batch transform that writes down what it was asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import constructs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns

from ..core.errors import ConstraintError
from ..core.place import construct_path, note_place
from ..core.rules import DEVELOPER_GUIDE, TYPES, Broken, listed
from ..core.s3_prefix import S3Prefix
from .batch_monitoring_rules import BatchMonitoringProps, batch_monitoring_rules
from .captured_data import CapturedData
from .engine import MonitorCompute, MonitorEngine
from .monitor_set import DEFAULT_PREFIX, MonitorSet
from .monitors import Monitor
from .watch import Watched

RECORDS_ARE_CAPTURED = listed(
    id="SM-MONITOR-057",
    summary="A batch transform that is monitored captures its records: one of its sinks is a BatchCapture.",
    source=DEVELOPER_GUIDE + "model-monitor-data-capture.html",
)


@runtime_checkable
class CapturesRecords(Protocol):
    """What scores data sets and may write its records down as data capture does; `BatchTransform` is one.

    Below ``captured.prefix`` they lie in ``<transform_name>/batch/yyyy/mm/dd/hh/``: one row of CSV a record.
    """

    @property
    def transform_name(self) -> str:
        """Its name, which is a folder's too."""

    @property
    def captured(self) -> S3Prefix | None:
        """Where the records lie; None where none are captured."""


class BatchMonitoring(MonitorSet):
    """Watches what a batch transform was asked and has answered, run by run.

    A run's records all count to the time at which its predictions were published, so they lie in one window; two runs
    in one window are judged together. Windows without a run are looked at, and say nothing: the alarm on violations
    stays as it is until the next run, and the one on silence tells of looks that fail, not of runs that are not
    there (the transform's own alarms do). So the default, windows of an hour, is right for a run a night too, and
    tells of it soonest. ``every=Duration.days(1)`` is for `windows_to_alarm` of more than 1 (of hourly windows, a
    nightly run never has two in a row), and for ``MonitorCompute.processing()``, which starts a job a window.

    Metrics, events and files call the transform an endpoint: the dimensions are ``Endpoint=<transform_name>`` and
    ``Monitor``. Do not give a transform and an endpoint in one account and region the same name.

    The baseline's features come in the order of the feature columns. A prediction is named by its number among the
    prediction columns, from 0; labels name records by their keys, joined by ``|``. Of a key with several runs within
    the time that labels may take, each run is compared with the label.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor.html

    Example::

        nightly = BatchTransform(self, "Nightly", model=model, instance_type="ml.m5.large",
            input=BatchInput.from_prefix(bucket, "customers/{yyyy}-{mm}-{dd}/"),
            processing=DataProcessing(join=True), sink=[BatchCapture()],
            columns=[Column.key("customer"), Column.feature("age"), Column.prediction("churn")])
        Monitoring.of_batch(nightly, notify=[topic], monitors=[
            DataQuality(baseline=Baseline.from_bucket(bucket, "training/churn.csv")),
            ModelQuality(problem=ProblemType.BINARY, prediction=Prediction(probability="0"), thresholds={"auc": 0.8},
                ground_truth=GroundTruth(bucket=bucket, prefix="labels", within=Duration.days(7)))])
    """

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        batch: CapturesRecords,
        monitors: Sequence[Monitor] = (),
        results: s3.IBucket | None = None,
        prefix: str = DEFAULT_PREFIX,
        compute: MonitorCompute | None = None,
        notify: Sequence[sns.ITopic] = (),
        dashboard: bool = True,
    ) -> None:
        """Watch `batch`.

        :param batch: one of its sinks is a `BatchCapture`.
        :param monitors: each with a name of its own; all but `AttributionDrift`, which has to ask an endpoint.
        :param results: the bucket of baselines and results. Default: that of the captured records.
        :param prefix: below it lie ``<transform>/<monitor>/``.
        :param compute: what looks run on. Default: ``MonitorCompute.function()``.
        :param notify: told of every alarm, and when it is over.
        :param dashboard: whether to make a CloudWatch dashboard. An account has three for free.
        :raises ConstraintError: SM-MONITOR-…
        """
        captured = _captured(batch, path=construct_path(scope, id))
        props = BatchMonitoringProps(
            monitors=monitors,
            captured=captured,
            variant_names=(),
            shadow_variant_names=(),
            alarms=None,
            results=results,
            prefix=prefix,
            engine=MonitorEngine.OWNED,
            compute=compute if compute is not None else MonitorCompute.function(),
            notify=notify,
            dashboard=dashboard,
        )
        batch_monitoring_rules.enforce(props, path=lambda: construct_path(scope, id))
        super().__init__(
            scope,
            id,
            watched=Watched(name=batch.transform_name, kind="batch transform"),
            results=captured.bucket if results is None else results,
        )
        note_place(self, scope, id)
        self.batch = batch
        """What is watched."""
        for monitor in monitors:
            self._add(monitor, props, captured)
        self.composite_alarm = self._composite()
        """In alarm while any other is; it has no action of its own. None where there is no monitor."""
        self.dashboard = self._dashboard() if dashboard else None
        """Alarms, and a row for each monitor."""


def no_batch(batch: object, *, path: str) -> ConstraintError:
    """The error where something else is given for a batch transform."""
    fix = "Monitoring.of(endpoint) watches an endpoint"
    return TYPES.error(path, Broken("batch", batch, "a BatchTransform", fix))


def _captured(batch: object, *, path: str) -> CapturedData:
    if not isinstance(batch, CapturesRecords):
        raise no_batch(batch, path=path)
    there = batch.captured
    if there is None:
        allowed = "a batch transform that captures its records"
        broken = Broken("batch", batch.transform_name, allowed, "sink=[BatchCapture(), …] of the transform")
        raise RECORDS_ARE_CAPTURED.error(path, broken)
    return CapturedData(bucket=there.bucket, prefix=there.prefix, encryption_key=there.key)
