"""Monitored endpoints and their monitors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ...monitoring.baseline import Baseline
from ...monitoring.drift_test import DriftTest
from ...monitoring.engine import MonitorCompute, MonitorEngine
from ...monitoring.ground_truth import GroundTruth
from ...monitoring.monitored_endpoint import MonitoredEndpoint
from ...monitoring.monitors import (
    AttributionDrift,
    BiasDrift,
    DataQuality,
    Facet,
    FeatureType,
    ModelQuality,
    Monitor,
    Prediction,
    ProblemType,
    RequestFormat,
)
from ..schema.monitors import (
    AttributionDriftSpec,
    BaselineSpec,
    BiasDriftSpec,
    ComputeSpec,
    DataQualitySpec,
    DriftTestSpec,
    GroundTruthSpec,
    ModelQualitySpec,
    MonitorCommon,
    MonitoredSpec,
    MonitorSpec,
    PredictionSpec,
)
from . import hosting
from .endpoints import ID, name_of
from .models import model
from .site import Where, duration


def monitored(where: Where, spec: MonitoredSpec) -> MonitoredEndpoint | None:
    """A `MonitoredEndpoint`."""
    served = None if spec.model is None else model(where / "model", spec.model)
    several = None if spec.variants is None else hosting.variants(where / "variants", spec.variants)
    fleet = hosting.fleet(where, spec)
    watches = [_monitor(where / "monitors" / index, each) for index, each in enumerate(spec.monitors)]
    alarms = hosting.alarms(where / "alarms", spec.alarms, None)
    computes = _compute(where / "compute", spec.compute)
    where.site.stop_if_refused()
    return where.make(
        lambda: MonitoredEndpoint(
            where.scope,
            ID,
            model=served,
            variants=several,
            instance_type=spec.instance_type,
            instance_count=spec.instance_count,
            scaling=fleet.scaling,
            endpoint_name=name_of(where, spec.endpoint_name),
            rollout=fleet.rollout,
            capture=fleet.capture,
            encryption_key=fleet.key,
            metrics=fleet.metrics,
            parameter_name=spec.parameter_name,
            monitors=[each for each in watches if each is not None],
            alarms=alarms,
            results=where.bucket(spec.results),
            results_prefix=spec.results_prefix,
            engine=MonitorEngine(spec.engine),
            compute=computes,
            notify=hosting.topics(where, spec),
            dashboard=spec.dashboard,
        )
    )


def _compute(where: Where, spec: ComputeSpec | None) -> MonitorCompute | None:
    if spec is None:
        return None
    if spec.function is not None:
        memory = spec.function.memory_mb
        return (where / "function").make(lambda: MonitorCompute.function(memory_mb=memory))
    job = spec.processing
    if job is None:
        return None
    return (where / "processing").make(
        lambda: MonitorCompute.processing(
            instance_type=job.instance_type, volume_gb=job.volume_gb, longest=where.duration(job.longest)
        )
    )


def _monitor(where: Where, spec: MonitorSpec) -> Monitor | None:
    if spec.data_quality is not None:
        return _data_quality(where / "dataQuality", spec.data_quality)
    if spec.model_quality is not None:
        return _model_quality(where / "modelQuality", spec.model_quality)
    if spec.bias_drift is not None:
        return _bias_drift(where / "biasDrift", spec.bias_drift)
    if spec.attribution_drift is not None:
        return _attribution_drift(where / "attributionDrift", spec.attribution_drift)
    return None


def _baseline(where: Where, spec: BaselineSpec) -> Baseline | None:
    if spec.asset is not None:
        path = (where / "asset").file(spec.asset)
        return where.make(
            lambda: Baseline.from_asset(
                path, columns=spec.columns, not_features=spec.not_features, at_deploy=spec.at_deploy
            ),
            {"path": "asset"},
        )
    bucket, key = where.s3_object(spec.uri or spec.existing or "")
    if spec.existing is not None:
        return where.make(lambda: Baseline.existing(bucket, key), {"key": "existing", "prefix": "existing"})
    return where.make(
        lambda: Baseline.from_bucket(
            bucket,
            key,
            version=spec.version_id,
            columns=spec.columns,
            not_features=spec.not_features,
            at_deploy=spec.at_deploy,
        ),
        {"key": "uri", "version": "version_id"},
    )


def _prediction(where: Where, spec: PredictionSpec) -> Prediction | None:
    return where.make(
        lambda: Prediction(
            label=spec.label,
            probability=spec.probability,
            threshold=spec.threshold,
            baseline_label=spec.baseline_label,
            baseline_probability=spec.baseline_probability,
        )
    )


def _truth(where: Where, spec: GroundTruthSpec) -> GroundTruth | None:
    bucket = where.bucket(spec.bucket)
    if bucket is None:
        return None
    return where.make(lambda: GroundTruth(bucket=bucket, prefix=spec.prefix, within=duration(spec.within)))


def _test(where: Where, spec: DriftTestSpec) -> DriftTest | None:
    made = where.make(lambda: _TESTS[spec.method]())
    threshold = spec.threshold
    if made is None or threshold is None:
        return made
    return where.make(lambda: replace(made, threshold=threshold))


_TESTS = {
    "ks": DriftTest.ks,
    "psi": DriftTest.psi,
    "jensen_shannon": DriftTest.jensen_shannon,
    "wasserstein": DriftTest.wasserstein,
    "l_infinity": DriftTest.l_infinity,
    "chi_square": DriftTest.chi_square,
}


def _commonly(where: Where, spec: MonitorCommon, monitor: Monitor) -> Monitor | None:
    """What all monitors have, laid upon one."""
    return where.make(
        lambda: replace(
            monitor,
            name=spec.name,
            every=where.duration(spec.every),
            settle=where.duration(spec.settle),
            least_records=spec.least_records,
            variant=spec.variant,
            features_path=spec.features_path,
            windows_to_alarm=spec.windows_to_alarm,
            runbook=spec.runbook,
        )
    )


def _data_quality(where: Where, spec: DataQualitySpec) -> Monitor | None:
    baseline = _baseline(where / "baseline", spec.baseline)
    given = {"numeric": spec.numeric, "categorical": spec.categorical}
    general = {name: _test(where / name, each) for name, each in given.items() if each is not None}
    single = {name: _test(where / "tests" / name, each) for name, each in spec.tests.items()}
    if baseline is None or None in general.values() or None in single.values():
        return None
    made = where.make(
        lambda: replace(
            DataQuality(
                baseline=baseline,
                tests=_whole(single),
                alpha=spec.alpha,
                types={name: FeatureType(each) for name, each in spec.types.items()},
                ignore=spec.ignore,
            ),
            **_whole(general),  # type: ignore[arg-type]
        )
    )
    return None if made is None else _commonly(where, spec, made)


def _whole(given: Mapping[str, DriftTest | None]) -> dict[str, DriftTest]:
    return {name: each for name, each in given.items() if each is not None}


def _model_quality(where: Where, spec: ModelQualitySpec) -> Monitor | None:
    baseline = None if spec.baseline is None else _baseline(where / "baseline", spec.baseline)
    prediction = _prediction(where / "prediction", spec.prediction)
    truth = _truth(where / "groundTruth", spec.ground_truth)
    if prediction is None or truth is None or (spec.baseline is not None and baseline is None):
        return None
    made = where.make(
        lambda: ModelQuality(
            problem=ProblemType(spec.problem),
            ground_truth=truth,
            prediction=prediction,
            baseline=baseline,
            baseline_truth=spec.baseline_truth,
            positive=spec.positive,
            thresholds=spec.thresholds,
            confidence=spec.confidence,
        )
    )
    return None if made is None else _commonly(where, spec, made)


def _bias_drift(where: Where, spec: BiasDriftSpec) -> Monitor | None:
    baseline = _baseline(where / "baseline", spec.baseline)
    prediction = _prediction(where / "prediction", spec.prediction)
    truth = None if spec.ground_truth is None else _truth(where / "groundTruth", spec.ground_truth)
    facets = [
        (where / "facets" / index).make(
            lambda each=each: Facet(column=each.column, values=each.values, above=each.above)  # type: ignore[misc]
        )
        for index, each in enumerate(spec.facets)
    ]
    if baseline is None or prediction is None or None in facets:
        return None
    made = where.make(
        lambda: BiasDrift(
            baseline=baseline,
            facets=[each for each in facets if each is not None],
            prediction=prediction,
            positive=spec.positive,
            baseline_truth=spec.baseline_truth,
            group=spec.group,
            ground_truth=truth,
            metrics=spec.metrics,
            allowed_change=spec.allowed_change,
        )
    )
    return None if made is None else _commonly(where, spec, made)


def _attribution_drift(where: Where, spec: AttributionDriftSpec) -> Monitor | None:
    baseline = _baseline(where / "baseline", spec.baseline)
    prediction = _prediction(where / "prediction", spec.prediction)
    if baseline is None or prediction is None:
        return None
    made = where.make(
        lambda: AttributionDrift(
            baseline=baseline,
            prediction=prediction,
            background_rows=spec.background_rows,
            requests=None if spec.requests is None else RequestFormat(spec.requests),
            threshold=spec.threshold,
            sample=spec.sample,
            background=spec.background,
            permutations=spec.permutations,
            rows_a_call=spec.rows_a_call,
        )
    )
    return None if made is None else _commonly(where, spec, made)
