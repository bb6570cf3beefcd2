"""The metrics of an asynchronous endpoint have the dimensions they are reported under."""

from __future__ import annotations

import pytest

from constructs_lib import EndpointMetric

QUEUE = (
    EndpointMetric.BACKLOG_SIZE,
    EndpointMetric.BACKLOG_SIZE_PER_INSTANCE,
    EndpointMetric.AGE_OF_OLDEST_REQUEST,
    EndpointMetric.BACKLOG_WITHOUT_CAPACITY,
)
REQUESTS = (
    EndpointMetric.TIME_IN_BACKLOG,
    EndpointMetric.TOTAL_PROCESSING_TIME,
    EndpointMetric.INVOCATIONS_PROCESSED,
    EndpointMetric.INVOCATION_FAILURES,
    EndpointMetric.EXPIRED_REQUESTS,
)


@pytest.mark.parametrize("metric", QUEUE)
def test_the_queue_is_the_endpoint_s(metric: EndpointMetric) -> None:
    assert metric.sources("fraud", ["AllTraffic"]) == [{"EndpointName": "fraud"}]


@pytest.mark.parametrize("metric", REQUESTS)
def test_what_becomes_of_requests_is_the_variant_s(metric: EndpointMetric) -> None:
    # Under the endpoint alone nothing is reported, and an alarm on it never goes off.
    assert metric.sources("fraud", ["AllTraffic"]) == [{"EndpointName": "fraud", "VariantName": "AllTraffic"}]
