"""Any CloudWatch metric, as GetMetricData wants it asked for."""

from __future__ import annotations

from collections.abc import Iterator

from aws_cdk import aws_cloudwatch as cloudwatch

from .metric_specification import unit_name

Query = dict[str, object]


def metric_queries(id: str, metric: cloudwatch.IMetric, *, period: int) -> list[Query]:
    """The query `id` for `metric` in periods of so many seconds, after those it is computed from."""
    return list({str(query["Id"]): query for query in _queries(id, metric, period, returned=True)}.values())


def samples_query(id: str, metric: cloudwatch.Metric, *, period: int) -> list[Query]:
    """The query `id` for how many samples a plain metric has."""
    return metric_queries(id, metric.with_(statistic="SampleCount"), period=period)


def _queries(id: str, metric: cloudwatch.IMetric, period: int, *, returned: bool) -> Iterator[Query]:
    config = metric.to_metric_config()
    hidden: Query = {} if returned else {"ReturnData": False}
    if config.metric_stat is not None:
        yield {"Id": id, "MetricStat": _metric_stat(config.metric_stat, period), **hidden}
        return
    expression = config.math_expression
    if expression is None:
        raise TypeError(f"{metric!r} is neither a metric nor a math expression")
    for name, each in (expression.using_metrics or {}).items():
        yield from _queries(name, each, period, returned=False)
    yield {"Id": id, "Expression": expression.expression, "Period": period, **hidden}


def _metric_stat(stat: cloudwatch.MetricStatConfig, period: int) -> Query:
    dimensions = [{"Name": each.name, "Value": str(each.value)} for each in stat.dimensions or []]
    unit = unit_name(stat)
    return {
        "Metric": {"Namespace": stat.namespace, "MetricName": stat.metric_name, "Dimensions": dimensions},
        "Period": period,
        "Stat": stat.statistic,
        **({} if unit is None else {"Unit": unit}),
    }
