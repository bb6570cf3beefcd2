"""Alarms of an endpoint: what each reads, when it breaches, whom it tells, and what is refused."""

from __future__ import annotations

import dataclasses
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_applicationautoscaling as appscaling
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns

from constructs_lib import (
    AutoScaling,
    EndpointAlarms,
    EndpointBase,
    EndpointMonitoring,
    ErrorThreshold,
    InstancesThreshold,
    LatencyThreshold,
    RealtimeEndpoint,
    ScheduledScaling,
    ServerlessEndpoint,
    TrafficThreshold,
    UtilizationThreshold,
)
from constructs_lib.monitoring.signals import SIGNALS
from tests.support.alarms import Alarm, alarms_below, breaches, comes_to, read_by
from tests.support.components import a_fleet
from tests.support.endpoints import a_multi_model_endpoint, a_serverless_endpoint, an_async_endpoint
from tests.support.refusals import refused, sole_violation
from tests.support.synth import a_variant, an_endpoint, flat, resources, synthesized

ERRORS = {"Critical": ErrorThreshold(percent=5)}
HERE = {"EndpointName": "fraud", "VariantName": "AllTraffic"}


def fraud(stack: cdk.Stack, id: str = "Fraud") -> EndpointBase:
    """An endpoint that exists already, with one variant."""
    return RealtimeEndpoint.from_endpoint_name(stack, id, "fraud", variant_names=["AllTraffic"])


def made(stack: cdk.Stack, alarms: EndpointAlarms | None, **props: Any) -> dict[str, Alarm]:
    """The alarms by variant, signal and disambiguator."""
    endpoint = props.pop("endpoint", None) or fraud(stack)
    EndpointMonitoring(stack, "Monitoring", endpoint=endpoint, alarms=alarms, **props)
    return alarms_below(synthesized(stack), "MonitoringVariant")


def sole(stack: cdk.Stack, alarms: EndpointAlarms, **props: Any) -> Alarm:
    (alarm,) = made(stack, alarms, **props).values()
    return alarm


# --- what each signal reads -------------------------------------------------------------------------------

_INVOCATIONS, _INSTANCES = "AWS/SageMaker", "/aws/sagemaker/Endpoints"
MINUTE = LatencyThreshold(at_most=cdk.Duration.minutes(1))
LATENCIES = {
    "latency_p50": (_INVOCATIONS, "ModelLatency", "p50"),
    "latency_p99": (_INVOCATIONS, "ModelLatency", "p99"),
    "overhead_p99": (_INVOCATIONS, "OverheadLatency", "p99"),
    "loading_wait_p99": (_INVOCATIONS, "ModelLoadingWaitTime", "p99"),
}
UTILIZATIONS = {
    "cpu": (_INSTANCES, "CPUUtilization", "Average"),
    "memory": (_INSTANCES, "MemoryUtilization", "Maximum"),
    "disk": (_INSTANCES, "DiskUtilization", "Maximum"),
    "gpu": (_INSTANCES, "GPUUtilization", "Average"),
    "gpu_memory": (_INSTANCES, "GPUMemoryUtilization", "Maximum"),
}


@pytest.mark.parametrize("name", LATENCIES)
def test_a_latency_is_a_percentile_in_microseconds(stack: cdk.Stack, name: str) -> None:
    threshold = LatencyThreshold(at_most=cdk.Duration.millis(800))
    alarm = sole(stack, EndpointAlarms(**{name: {"Critical": threshold}}))

    assert read_by(alarm) == {"": (*LATENCIES[name], HERE)}
    assert alarm["Threshold"] == 800_000
    assert alarm["ComparisonOperator"] == "GreaterThanThreshold"
    assert (alarm["EvaluationPeriods"], alarm["Period"]) == (3, 60)
    assert alarm["TreatMissingData"] == "notBreaching"
    assert "above 800 millis" in alarm["AlarmDescription"]


@pytest.mark.parametrize("name", UTILIZATIONS)
def test_a_utilization_is_in_percent(stack: cdk.Stack, name: str) -> None:
    alarm = sole(stack, EndpointAlarms(**{name: {"Warning": UtilizationThreshold(percent=87.5)}}))

    assert read_by(alarm) == {"": (*UTILIZATIONS[name], HERE)}
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (87.5, "GreaterThanThreshold")


@pytest.mark.parametrize("name", ["cpu", "gpu", "gpu_memory"])
def test_each_vcpu_and_gpu_counts_100_percent(stack: cdk.Stack, name: str) -> None:
    alarm = sole(stack, EndpointAlarms(**{name: {"Warning": UtilizationThreshold(percent=90, units=4)}}))

    assert alarm["Threshold"] == 360
    assert "above 360 % (90 % of each of 4)" in alarm["AlarmDescription"]


@pytest.mark.parametrize("name", ["memory", "disk"])
def test_memory_and_disk_are_of_the_whole(name: str) -> None:
    threshold = UtilizationThreshold(percent=90, units=2)
    violation = sole_violation(lambda: EndpointAlarms(**{name: {"Warning": threshold}}))
    assert (violation.rule, violation.property) == ("SM-ALARM-012", f"{name}['Warning'].units")


def test_one_request_that_waits_too_long_is_enough() -> None:
    waits = {"at_most": cdk.Duration.minutes(5)}
    few = LatencyThreshold(**waits, min_requests=2)
    violation = sole_violation(lambda: EndpointAlarms(oldest_request={"Warning": few}))
    assert (violation.rule, violation.property) == ("SM-ALARM-013", "oldest_request['Warning'].min_requests")
    EndpointAlarms(oldest_request={"Warning": LatencyThreshold(**waits, min_requests=1)})


@pytest.mark.parametrize(
    ("name", "errors"), [("error_rate", "Invocation5XXErrors"), ("client_error_rate", "Invocation4XXErrors")]
)
def test_errors_are_a_share_of_enough_requests(stack: cdk.Stack, name: str, errors: str) -> None:
    threshold = ErrorThreshold(percent=5, min_requests=20)
    alarm = sole(stack, EndpointAlarms(**{name: {"Critical": threshold}}))

    assert sorted(read_by(alarm).values()) == [
        (_INVOCATIONS, errors, "Sum", HERE),
        (_INVOCATIONS, "Invocations", "Sum", HERE),
    ]
    assert comes_to(alarm, {"Invocations": 40, errors: 2}) == 5
    assert breaches(alarm, {"Invocations": 40, errors: 2}) is False
    assert breaches(alarm, {"Invocations": 40, errors: 3}) is True
    assert breaches(alarm, {"Invocations": 20, errors: 20}) is True
    assert breaches(alarm, {"Invocations": 19, errors: 19}) is None, "too few to tell"
    assert breaches(alarm, {"Invocations": 100}) is False, "no error is reported as none"
    assert breaches(alarm, {}) is None, "nobody asked"


def test_errors_may_be_counted(stack: cdk.Stack) -> None:
    plain = EndpointAlarms(error_rate={"Any": ErrorThreshold(count=0)})
    alarm = sole(stack, plain)
    assert read_by(alarm) == {"": (_INVOCATIONS, "Invocation5XXErrors", "Sum", HERE)}
    assert breaches(alarm, {"Invocation5XXErrors": 0}) is False
    assert breaches(alarm, {"Invocation5XXErrors": 1}) is True
    assert "5xx answers above 0 requests" in alarm["AlarmDescription"]


def test_counted_errors_may_wait_for_enough_requests(stack: cdk.Stack) -> None:
    alarm = sole(stack, EndpointAlarms(error_rate={"Many": ErrorThreshold(count=9, min_requests=50)}))
    assert breaches(alarm, {"Invocation5XXErrors": 10, "Invocations": 50}) is True
    assert breaches(alarm, {"Invocation5XXErrors": 9, "Invocations": 50}) is False
    assert breaches(alarm, {"Invocation5XXErrors": 49, "Invocations": 49}) is None


def test_a_percentile_may_wait_for_enough_requests(stack: cdk.Stack) -> None:
    threshold = LatencyThreshold(at_most=cdk.Duration.seconds(1), min_requests=100)
    alarm = sole(stack, EndpointAlarms(latency_p99={"Critical": threshold}))
    assert {name for _, name, _, _ in read_by(alarm).values()} == {"ModelLatency", "Invocations"}
    assert breaches(alarm, {"ModelLatency": 1_000_001, "Invocations": 100}) is True
    assert breaches(alarm, {"ModelLatency": 1_000_000, "Invocations": 100}) is False
    assert breaches(alarm, {"ModelLatency": 9_000_000, "Invocations": 99}) is None


def test_no_requests_at_all_are_too_few(stack: cdk.Stack) -> None:
    alarm = sole(stack, EndpointAlarms(invocations_low={"Quiet": TrafficThreshold(fewer_than=1)}))
    assert read_by(alarm) == {"": (_INVOCATIONS, "Invocations", "Sum", HERE)}
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (1, "LessThanThreshold")
    assert alarm["TreatMissingData"] == "breaching", "SageMaker reports nothing where nobody asks"


@pytest.mark.parametrize("instances", [1, 2, 3, 7, 49])
def test_instances_are_counted_from_requests(stack: cdk.Stack, instances: int) -> None:
    """SageMaker reports 1 / (number of instances) with each request."""
    alarm = sole(stack, EndpointAlarms(at_max_capacity={"Full": InstancesThreshold(count=instances)}))
    requests = 1_001
    reported = sum(1 / instances for _ in range(requests))
    seen = {"Invocations": requests, "InvocationsPerInstance": reported}
    assert comes_to(alarm, seen) == instances, "whole, although thirds do not add up to one"
    assert breaches(alarm, seen) is True
    assert breaches(alarm, {"Invocations": requests}) is None
    assert alarm["TreatMissingData"] == "notBreaching"


def test_fewer_instances_than_there_should_be(stack: cdk.Stack) -> None:
    alarm = sole(stack, EndpointAlarms(instances_below_target={"Few": InstancesThreshold(count=3)}))
    assert breaches(alarm, {"Invocations": 300, "InvocationsPerInstance": 150}) is True
    assert breaches(alarm, {"Invocations": 300, "InvocationsPerInstance": 100}) is False
    # For most of the period there were three.
    assert breaches(alarm, {"Invocations": 300, "InvocationsPerInstance": 110}) is False
    assert breaches(alarm, {}) is None
    assert alarm["TreatMissingData"] == "ignore", "what no request tells has not changed"


def test_every_signal_is_tested_here_or_with_its_kind() -> None:
    here = {*LATENCIES, *UTILIZATIONS, "error_rate", "client_error_rate", "invocations_low"}
    counted = {"instances_below_target", "at_max_capacity"}
    assert {signal.name for signal in SIGNALS} == here | counted | {"concurrency", "oldest_request"}
    assert [field.name for field in dataclasses.fields(EndpointAlarms)] == [signal.name for signal in SIGNALS]


# --- for how long, and what else ---------------------------------------------------------------------------


def test_a_threshold_says_for_how_long(stack: cdk.Stack) -> None:
    threshold = UtilizationThreshold(
        percent=90,
        evaluation_periods=5,
        datapoints=3,
        period=cdk.Duration.minutes(5),
        missing=cloudwatch.TreatMissingData.BREACHING,
        actions_enabled=False,
    )
    alarm = sole(stack, EndpointAlarms(memory={"Warning": threshold}))
    assert (alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"], alarm["Period"]) == (5, 3, 300)
    assert (alarm["TreatMissingData"], alarm["ActionsEnabled"]) == ("breaching", False)


def test_metric_math_takes_the_threshold_s_period(stack: cdk.Stack) -> None:
    threshold = ErrorThreshold(percent=5, period=cdk.Duration.minutes(10))
    alarm = sole(stack, EndpointAlarms(error_rate={"Critical": threshold}))
    assert {query["MetricStat"]["Period"] for query in alarm["Metrics"] if "MetricStat" in query} == {600}


def test_the_description_ends_with_what_to_read(stack: cdk.Stack) -> None:
    threshold = ErrorThreshold(
        percent=5,
        runbook="https://runbooks.example.com/5xx",
        documentation="https://wiki.example.com/Prüfung",
    )
    alarm = sole(stack, EndpointAlarms(error_rate={"Critical": threshold}))
    assert alarm["AlarmDescription"] == (
        "Critical: endpoint fraud, variant AllTraffic: 5xx answers above 5 % of the requests\n"
        "Runbook: https://runbooks.example.com/5xx\n"
        "Documentation: https://wiki.example.com/Prüfung"
    )


def test_the_longest_description_fits(stack: cdk.Stack) -> None:
    link = "https://" + "x" * 292
    threshold = UtilizationThreshold(percent=90.123, units=1024, runbook=link, documentation=link)
    endpoint = RealtimeEndpoint.from_endpoint_name(stack, "E", "e" * 63, variant_names=["v" * 63])
    alarms = EndpointAlarms(gpu_memory={"d" * 50: threshold})
    assert len(sole(stack, alarms, endpoint=endpoint)["AlarmDescription"]) <= 1024


def test_the_same_disambiguator_in_several_maps(stack: cdk.Stack) -> None:
    alarms = EndpointAlarms(
        error_rate={"Critical": ErrorThreshold(percent=5), "Warning": ErrorThreshold(percent=1)},
        client_error_rate=ERRORS,
        latency_p50={"Critical": MINUTE},
        latency_p99={"Critical": MINUTE},
    )
    assert set(made(stack, alarms)) == {
        f"AllTraffic{each}"
        for each in (
            "ErrorRateCritical",
            "ErrorRateWarning",
            "ClientErrorRateCritical",
            "LatencyP50Critical",
            "LatencyP99Critical",
        )
    }


def test_disambiguators_of_any_language(stack: cdk.Stack) -> None:
    names = ("Kritisch über 5", "重大", "Warnung", "Sev-2.1_a")
    alarms = EndpointAlarms(error_rate={name: ErrorThreshold(percent=5) for name in names})
    EndpointMonitoring(stack, "Monitoring", endpoint=fraud(stack), alarms=alarms, composite=True)
    template = synthesized(stack)
    told = [
        each["Properties"]["AlarmDescription"]
        for each in resources(template, "AWS::CloudWatch::Alarm").values()
    ]
    assert {text.split(":")[0] for text in told} == set(names)
    assert len(resources(template, "AWS::CloudWatch::CompositeAlarm")) == len(names)


@pytest.mark.parametrize("name", ["", " ", "a/b", "a:b", "-a", "a ", "x" * 51, "a\nb", "😀", 5, None])
def test_a_disambiguator_that_is_no_name_is_refused(name: Any) -> None:
    error = refused(lambda: EndpointAlarms(error_rate={name: ErrorThreshold(percent=5)}))
    assert "SM-ALARM-011" in error.rules


def test_a_token_is_no_disambiguator() -> None:
    token = cdk.Token.as_string({"Ref": "Severity"})
    error = refused(lambda: EndpointAlarms(error_rate={token: ErrorThreshold(percent=5)}))
    assert error.rules == ("SM-ALARM-011",)


@pytest.mark.parametrize(
    "given",
    [{"Critical": MINUTE}, {"Critical": 5}, ErrorThreshold(percent=5), [("Critical", 5)], "Critical", None],
)
def test_a_map_takes_thresholds_of_its_own_kind(given: Any) -> None:
    error = refused(lambda: EndpointAlarms(error_rate=given))
    assert all(violation.property.startswith("error_rate") for violation in error.violations)


# --- variants and endpoints --------------------------------------------------------------------------------


def test_each_variant_has_alarms_of_its_own(stack: cdk.Stack) -> None:
    endpoint = an_endpoint(stack, variants=[a_variant(stack, "A"), a_variant(stack, "B-2")])
    alarms = made(stack, EndpointAlarms(error_rate=ERRORS), endpoint=endpoint)
    assert set(alarms) == {"AErrorRateCritical", "B2ErrorRateCritical"}
    read = {
        dimensions["VariantName"] for alarm in alarms.values() for *_, dimensions in read_by(alarm).values()
    }
    assert read == {"A", "B-2"}
    assert all(len(alarm["Metrics"]) <= 10 for alarm in alarms.values()), "PutMetricAlarm takes 10"


def test_the_alarms_of_ten_variants_stay_within_the_limits(stack: cdk.Stack) -> None:
    endpoint = an_endpoint(stack, variants=[a_variant(stack, f"V{index}") for index in range(10)])
    severities = {f"S{index}": ErrorThreshold(percent=index) for index in range(1, 3)}
    alarms = EndpointAlarms(
        error_rate=severities,
        client_error_rate={"S1": ErrorThreshold(percent=50)},
        latency_p50={"S1": MINUTE},
        latency_p99={"S1": MINUTE},
        overhead_p99={"S1": MINUTE},
        memory={"S1": UtilizationThreshold(percent=90)},
    )
    monitoring = EndpointMonitoring(stack, "Monitoring", endpoint=endpoint, alarms=alarms, composite=True)
    template = synthesized(stack)
    assert len(alarms_below(template, "MonitoringVariant")) == 70
    assert len(monitoring.alarms_of("S1")) == 60
    rules = [
        flat(each["Properties"]["AlarmRule"])
        for each in resources(template, "AWS::CloudWatch::CompositeAlarm").values()
    ]
    assert sorted(rule.count("ALARM(") for rule in rules) == [10, 10, 50]


def test_two_endpoints_in_a_stack(stack: cdk.Stack) -> None:
    for name in ("One", "Two"):
        EndpointMonitoring(stack, f"{name}Monitoring", endpoint=an_endpoint(stack, name), notify=[])
    template = synthesized(stack)
    one, two = (alarms_below(template, f"{name}MonitoringVariant") for name in ("One", "Two"))
    assert set(one) == set(two) != set()


def test_only_the_variants_that_are_named(stack: cdk.Stack) -> None:
    endpoint = an_endpoint(stack, variants=[a_variant(stack, "A"), a_variant(stack, "B")])
    alarms = made(stack, EndpointAlarms(error_rate=ERRORS), endpoint=endpoint, variants=["B", "B"])
    assert set(alarms) == {"BErrorRateCritical"}


def test_the_defaults_of_one_variant_only(stack: cdk.Stack) -> None:
    endpoint = an_endpoint(stack, variants=[a_variant(stack, "A", scaling=SCALED), a_variant(stack, "B")])
    alarms = made(stack, None, endpoint=endpoint, variants=["B"])
    assert "BInstancesBelowTargetWarning" in alarms
    assert not [id for id in alarms if "AtMaxCapacity" in id], "it does not scale"


@pytest.mark.parametrize("names", [["C"], [], ["A", "C"], "A", [5], 5])
def test_variants_the_endpoint_has_not_are_refused(stack: cdk.Stack, names: Any) -> None:
    endpoint = an_endpoint(stack, variants=[a_variant(stack, "A"), a_variant(stack, "B")])
    error = refused(lambda: EndpointMonitoring(stack, "M", endpoint=endpoint, variants=names))
    assert error.rules == ("SM-ALARM-014",)
    assert error.path == "Test/M"


def test_an_imported_endpoint_without_variants_is_refused(stack: cdk.Stack) -> None:
    endpoint = RealtimeEndpoint.from_endpoint_name(stack, "Fraud", "fraud")
    violation = sole_violation(lambda: EndpointMonitoring(stack, "M", endpoint=endpoint))
    assert (violation.rule, violation.property) == ("SM-ALARM-014", "variants")
    EndpointMonitoring(stack, "Named", endpoint=endpoint, variants=["A"])
    assert "AMemoryCritical" in alarms_below(synthesized(stack), "NamedVariant")


def test_names_may_be_tokens(stack: cdk.Stack) -> None:
    names = [cdk.CfnParameter(stack, id).value_as_string for id in ("Endpoint", "VariantA", "VariantB")]
    endpoint = RealtimeEndpoint.from_endpoint_name(stack, "Fraud", names[0], variant_names=names[1:])
    alarms = made(stack, EndpointAlarms(error_rate=ERRORS), endpoint=endpoint)
    assert set(alarms) == {"1ErrorRateCritical", "2ErrorRateCritical"}
    here = {"EndpointName": "<Endpoint>", "VariantName": "<VariantA>"}
    assert all(dimensions == here for *_, dimensions in read_by(alarms["1ErrorRateCritical"]).values())
    assert "endpoint <Endpoint>, variant <VariantB>" in flat(alarms["2ErrorRateCritical"]["AlarmDescription"])


def test_limits_may_be_tokens(stack: cdk.Stack) -> None:
    number: Any = cdk.CfnParameter(stack, "Number", type="Number").value_as_number
    alarms = made(
        stack,
        EndpointAlarms(
            error_rate={"Critical": ErrorThreshold(percent=number)},
            memory={"Critical": UtilizationThreshold(percent=number)},
            invocations_low={"Critical": TrafficThreshold(fewer_than=number, evaluation_periods=number)},
            at_max_capacity={"Critical": InstancesThreshold(count=number)},
        ),
    )
    assert {flat(alarm["Threshold"]) for alarm in alarms.values()} == {"<Number>"}
    assert "below <Number>" in flat(alarms["AllTrafficInvocationsLowCritical"]["AlarmDescription"])


# --- numbers of instances ----------------------------------------------------------------------------------

COUNTED = EndpointAlarms(
    instances_below_target={"Few": InstancesThreshold()}, at_max_capacity={"Full": InstancesThreshold()}
)
SCALED = AutoScaling(min_capacity=3, max_capacity=8, invocations_per_instance=100)


def test_the_numbers_are_those_of_the_scaling(stack: cdk.Stack) -> None:
    alarms = made(stack, COUNTED, endpoint=an_endpoint(stack, scaling=SCALED))
    assert alarms["AllTrafficInstancesBelowTargetFew"]["Threshold"] == 3
    assert alarms["AllTrafficAtMaxCapacityFull"]["Threshold"] == 8


def test_schedules_widen_the_bounds(stack: cdk.Stack) -> None:
    nightly = ScheduledScaling(
        name="night", schedule=appscaling.Schedule.cron(hour="22"), min_capacity=2, max_capacity=12
    )
    scaling = dataclasses.replace(SCALED, schedules=[nightly])
    alarms = made(stack, COUNTED, endpoint=an_endpoint(stack, scaling=scaling))
    assert alarms["AllTrafficInstancesBelowTargetFew"]["Threshold"] == 2
    assert alarms["AllTrafficAtMaxCapacityFull"]["Threshold"] == 12


def test_bounds_may_be_tokens(stack: cdk.Stack) -> None:
    low, high = (cdk.CfnParameter(stack, id, type="Number").value_as_number for id in ("Low", "High"))
    scaling = AutoScaling(min_capacity=low, max_capacity=high, invocations_per_instance=100)  # type: ignore[arg-type]
    alarms = made(stack, COUNTED, endpoint=an_endpoint(stack, scaling=scaling, instance_count=2))
    assert {flat(alarm["Threshold"]) for alarm in alarms.values()} == {"<Low>", "<High>"}


def test_a_variant_without_a_limit_has_no_alarm_on_it(stack: cdk.Stack) -> None:
    variants = [a_variant(stack, "A", scaling=SCALED), a_variant(stack, "B", instance_count=2)]
    alarms = made(stack, COUNTED, endpoint=an_endpoint(stack, variants=variants))
    assert set(alarms) == {"AInstancesBelowTargetFew", "AAtMaxCapacityFull", "BInstancesBelowTargetFew"}


def test_numbers_that_nobody_knows_are_refused(stack: cdk.Stack) -> None:
    error = refused(lambda: EndpointMonitoring(stack, "M", endpoint=fraud(stack), alarms=COUNTED))
    assert error.rules == ("SM-ALARM-016", "SM-ALARM-016")
    assert [violation.property for violation in error.violations] == [
        "alarms.instances_below_target['Few'].count",
        "alarms.at_max_capacity['Full'].count",
    ]


def test_one_instance_cannot_be_missed(stack: cdk.Stack) -> None:
    """Where there is none, there is no request that tells."""
    endpoint = an_endpoint(stack, instance_count=1)
    alarms = EndpointAlarms(instances_below_target={"Few": InstancesThreshold()})
    assert refused(lambda: EndpointMonitoring(stack, "M", endpoint=endpoint, alarms=alarms)).rules == (
        "SM-ALARM-016",
    )
    assert EndpointAlarms.default(endpoint).instances_below_target == {}


# --- kinds of endpoints ------------------------------------------------------------------------------------


def test_serverless_endpoints_alarm_on_concurrency(stack: cdk.Stack) -> None:
    alarms = EndpointAlarms(concurrency={"Warning": UtilizationThreshold(percent=80)})
    alarm = sole(stack, alarms, endpoint=a_serverless_endpoint(stack))
    ((namespace, name, statistic, _),) = read_by(alarm).values()
    assert (namespace, name, statistic) == (
        _INVOCATIONS,
        "ServerlessConcurrentExecutionsUtilization",
        "Maximum",
    )
    assert comes_to(alarm, {name: 0.5}) == 50
    assert breaches(alarm, {name: 0.79}) is False
    assert breaches(alarm, {name: 0.81}) is True


def test_asynchronous_endpoints_alarm_on_the_backlog(stack: cdk.Stack) -> None:
    alarms = EndpointAlarms(oldest_request={"Warning": LatencyThreshold(at_most=cdk.Duration.hours(2))})
    alarm = sole(stack, alarms, endpoint=an_async_endpoint(stack))
    ((namespace, name, statistic, dimensions),) = read_by(alarm).values()
    assert (namespace, name, statistic) == (_INVOCATIONS, "ApproximateAgeOfOldestRequest", "Maximum")
    assert set(dimensions) == {"EndpointName"}, "the queue is the endpoint's"
    assert alarm["Threshold"] == 7_200


def test_asynchronous_errors_are_a_share_of_what_was_processed(stack: cdk.Stack) -> None:
    alarm = sole(stack, EndpointAlarms(error_rate=ERRORS), endpoint=an_async_endpoint(stack))
    assert breaches(alarm, {"InvocationsProcessed": 10, "Invocation5XXErrors": 1}) is True


COUNTS = {"instances_below_target", "at_max_capacity"}
REFUSED = {
    "serverless": {"cpu", "disk", "gpu", "gpu_memory", "oldest_request", "loading_wait_p99", *COUNTS},
    "async": {"overhead_p99", "concurrency", "loading_wait_p99", *COUNTS},
    "component": {
        "error_rate", "client_error_rate", "latency_p50", "latency_p99", "overhead_p99", "invocations_low",
        "concurrency", "oldest_request", "loading_wait_p99", *COUNTS,
    },
    "multi-model": {"concurrency", "oldest_request"},
    "realtime": {"concurrency", "oldest_request"},
}  # fmt: skip
MAKERS = {
    "serverless": a_serverless_endpoint,
    "async": an_async_endpoint,
    "component": a_fleet,
    "multi-model": a_multi_model_endpoint,
    "realtime": an_endpoint,
}


def of_every_signal() -> EndpointAlarms:
    utilization, count = UtilizationThreshold(percent=90), InstancesThreshold(count=5)
    return EndpointAlarms(
        error_rate=ERRORS, client_error_rate=ERRORS, invocations_low={"Quiet": TrafficThreshold(fewer_than=1)},
        instances_below_target={"Few": count}, at_max_capacity={"Full": count}, oldest_request={"Old": MINUTE},
        **{name: {"Slow": MINUTE} for name in LATENCIES},
        **{name: {"Full": utilization} for name in (*UTILIZATIONS, "concurrency")},
    )  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_what_a_kind_never_reports_is_refused(stack: cdk.Stack, kind: str) -> None:
    endpoint = MAKERS[kind](stack)
    error = refused(lambda: EndpointMonitoring(stack, "M", endpoint=endpoint, alarms=of_every_signal()))
    assert set(error.rules) == {"SM-ALARM-015"}
    assert {violation.property.removeprefix("alarms.") for violation in error.violations} == REFUSED[kind]


# --- whom it tells -----------------------------------------------------------------------------------------


def test_topics_hear_of_each_alarm(stack: cdk.Stack) -> None:
    topics = [sns.Topic(stack, id) for id in ("Team", "Desk")]
    alarms = EndpointAlarms(error_rate=ERRORS, latency_p99={"Critical": MINUTE})
    for alarm in made(stack, alarms, notify=topics).values():
        assert [flat(each)[:5] for each in alarm["AlarmActions"]] == ["<Team", "<Desk"]


def test_a_severity_tells_more(stack: cdk.Stack) -> None:
    team, pager = sns.Topic(stack, "Team"), sns.Topic(stack, "Pager")
    critical = ErrorThreshold(percent=5, notify=[actions.SnsAction(pager)])
    alarms = EndpointAlarms(error_rate={"Critical": critical, "Warning": ErrorThreshold(percent=1)})
    found = made(stack, alarms, notify=[team])
    assert len(found["AllTrafficErrorRateCritical"]["AlarmActions"]) == 2
    assert len(found["AllTrafficErrorRateWarning"]["AlarmActions"]) == 1


def test_a_composite_alarm_tells_for_all_of_a_severity(stack: cdk.Stack) -> None:
    topic = sns.Topic(stack, "Team")
    alarms = EndpointAlarms(
        error_rate={"Critical": ErrorThreshold(percent=5), "Warning": ErrorThreshold(percent=1)},
        latency_p99={"Critical": MINUTE, "Alone": dataclasses.replace(MINUTE, composite=False)},
        memory={"Shown": UtilizationThreshold(percent=90, actions_enabled=False)},
    )
    monitoring = EndpointMonitoring(
        stack, "Monitoring", endpoint=fraud(stack), alarms=alarms, notify=[topic], composite=True
    )
    template = synthesized(stack)
    composites = resources(template, "AWS::CloudWatch::CompositeAlarm")
    rules = {id[:-8]: flat(each["Properties"]["AlarmRule"]) for id, each in composites.items()}
    assert rules["MonitoringCompositeCritical"].count("ALARM(") == 2
    assert rules["MonitoringCompositeWarning"].count("ALARM(") == 1
    assert len(rules) == len(monitoring.composite_alarms) == 2
    assert all(len(each["Properties"]["AlarmActions"]) == 1 for each in composites.values())
    single = alarms_below(template, "MonitoringVariantAllTraffic")
    acting = {id for id, alarm in single.items() if "AlarmActions" in alarm}
    assert acting == {"LatencyP99Alone", "MemoryShown"}, "what no composite alarm reads tells by itself"


def test_an_alarm_has_five_actions_at_most(stack: cdk.Stack) -> None:
    topics = [sns.Topic(stack, f"Topic{index}") for index in range(6)]
    own = ErrorThreshold(percent=5, notify=[actions.SnsAction(topics[5])])
    alarms = EndpointAlarms(error_rate={"Critical": own})
    violation = sole_violation(
        lambda: EndpointMonitoring(stack, "M", endpoint=fraud(stack), alarms=alarms, notify=topics[:5])
    )
    assert (violation.rule, violation.given) == ("SM-ALARM-017", 6)
    EndpointMonitoring(stack, "Enough", endpoint=fraud(stack, "Other"), alarms=alarms, notify=topics[:4])


@pytest.mark.parametrize(
    ("property", "value"),
    [
        ("endpoint", "fraud"),
        ("endpoint", None),
        ("alarms", {"error_rate": ERRORS}),
        ("notify", "topic"),
        ("notify", ["topic"]),
        ("composite", "yes"),
    ],
)
def test_a_wrong_type_is_refused(stack: cdk.Stack, property: str, value: object) -> None:
    props = {"endpoint": fraud(stack), property: value}
    error = refused(lambda: EndpointMonitoring(stack, "M", **props))
    assert any(violation.property.startswith(property) for violation in error.violations)


# --- defaults ----------------------------------------------------------------------------------------------


def names_of(alarms: EndpointAlarms) -> set[str]:
    return {f"{signal.name} {name}" for signal, name, _ in alarms.all()}


ALWAYS = {"error_rate Warning", "error_rate Critical", "memory Warning", "memory Critical"}


def test_the_defaults_fit_the_kind(stack: cdk.Stack) -> None:
    on_instances = {*ALWAYS, "latency_p99 Critical", "disk Warning"}
    below, full = "instances_below_target Warning", "at_max_capacity Warning"
    assert names_of(EndpointAlarms.default()) == on_instances
    assert names_of(EndpointAlarms.default(fraud(stack))) == on_instances
    assert names_of(EndpointAlarms.default(an_endpoint(stack, "Plain"))) == {*on_instances, below}
    scaled = an_endpoint(stack, "Scaled", scaling=SCALED)
    assert names_of(EndpointAlarms.default(scaled)) == {*on_instances, below, full}
    serverless = {*ALWAYS, "latency_p99 Critical", "concurrency Warning"}
    assert names_of(EndpointAlarms.default(a_serverless_endpoint(stack, "S"))) == serverless
    asynchronous = {*ALWAYS, "disk Warning", "oldest_request Warning"}
    assert names_of(EndpointAlarms.default(an_async_endpoint(stack, "Q"))) == asynchronous


@pytest.mark.parametrize("kind", MAKERS)
def test_the_defaults_of_each_kind_are_taken(stack: cdk.Stack, kind: str) -> None:
    assert made(stack, None, endpoint=MAKERS[kind](stack))


def test_the_kind_of_an_imported_endpoint_is_not_known(stack: cdk.Stack) -> None:
    endpoint = ServerlessEndpoint.from_endpoint_name(stack, "Imported", "fraud")
    alarms = EndpointAlarms(concurrency={"Warning": UtilizationThreshold(percent=80)})
    assert (
        "SM-ALARM-015"
        in refused(lambda: EndpointMonitoring(stack, "M", endpoint=endpoint, alarms=alarms)).rules
    )
