"""The canary analysis's function as AWS runs it, with an endpoint that bakes and a CloudWatch in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from .fake_aws import EPOCH, Params, Refused, client_answered_by
from .guard import Clock, module

START = 1_800_000_000.0
"""When the bake begins: a whole minute, as it happens."""


def at(seconds: float) -> datetime:
    """A time, as botocore gives it."""
    return datetime.fromtimestamp(seconds, UTC)


@dataclass
class FakeCloudWatch:
    """An endpoint, the values of metrics by name and minute, and what was put and asked."""

    endpoint: Params | None = None
    series: dict[str, dict[float, float]] = field(default_factory=dict)
    """By the metric's name, the statistic where it is another than Average, or the expression."""
    labels: tuple[str, ...] = ("one",)
    """Of each result: an expression may yield several series."""
    asked: list[Params] = field(default_factory=list)
    put: list[dict[str, float]] = field(default_factory=list)
    """What was put by each run, by name."""

    def client(self, service: str) -> Any:
        """A real boto3 client that talks to this."""
        return client_answered_by(self._answer, service)

    def bake(self, *, since: float = START, config: str = "new", status: str = "Baking") -> None:
        """Let an update of `fraud` come to a stage."""
        stage = {"Status": status, "StartTime": at(since)}
        self.endpoint = {
            "EndpointStatus": "Updating",
            "EndpointConfigName": "old",
            "PendingDeploymentSummary": {
                "EndpointConfigName": config,
                "StartTime": at(START - 600),
                "ProductionVariants": [{"VariantName": "AllTraffic", "VariantStatus": [stage]}],
            },
        }

    def fill(self, name: str, *values: float | None, since: float = START) -> None:
        """One value a minute from `since` on; None is none."""
        self.series[name] = {
            since + 60 * index: value for index, value in enumerate(values) if value is not None
        }

    def _answer(self, operation: str, params: Params) -> Params:
        answered: Params = getattr(self, f"_{operation}")(**params)
        return answered

    def _DescribeEndpoint(self, EndpointName: str) -> Params:  # noqa: N802, N803
        if self.endpoint is None:
            raise Refused("ValidationException", f'Could not find endpoint "{EndpointName}".')
        arn = f"arn:aws:sagemaker:eu-west-1:111122223333:endpoint/{EndpointName}"
        times = {"CreationTime": EPOCH, "LastModifiedTime": EPOCH}
        return {"EndpointName": EndpointName, "EndpointArn": arn, **times, **self.endpoint}

    def _GetMetricData(  # noqa: N802
        self,
        MetricDataQueries: list[Params],  # noqa: N803
        StartTime: datetime,  # noqa: N803
        EndTime: datetime,  # noqa: N803
        NextToken: str = "0",  # noqa: N803
    ) -> Params:
        self.asked += MetricDataQueries
        returned = [query for query in MetricDataQueries if query.get("ReturnData", True)]
        results = [
            {"Id": query["Id"], "Label": label, **self._values(query, StartTime, EndTime)}
            for query in returned
            for label in self.labels
        ]
        # One result a page, so that whoever reads the first page only is found out.
        page = int(NextToken)
        more = {"NextToken": str(page + 1)} if page + 1 < len(results) else {}
        return {"MetricDataResults": results[page : page + 1], **more}

    def _values(self, query: Params, start: datetime, end: datetime) -> Params:
        found = {
            time: value
            for time, value in self.series.get(_name(query), {}).items()
            if start.timestamp() <= time < end.timestamp()
        }
        newest_first = sorted(found, reverse=True)
        return {
            "Timestamps": [at(time) for time in newest_first],
            "Values": [found[time] for time in newest_first],
        }

    def _PutMetricData(self, Namespace: str, MetricData: list[Params]) -> Params:  # noqa: N802, N803
        assert Namespace == "ConstructsLib/Rollouts"
        dimensions = [{"Name": "EndpointName", "Value": "fraud"}]
        assert all(each["Dimensions"] == dimensions for each in MetricData)
        self.put.append({each["MetricName"]: each["Value"] for each in MetricData})
        return {}


def _name(query: Params) -> str:
    if "Expression" in query:
        return str(query["Expression"])
    stat = query["MetricStat"]
    name = str(stat["Metric"]["MetricName"])
    return name if stat["Stat"] == "Average" else f"{name} {stat['Stat']}"


@dataclass
class Canary:
    """The function, and what calls it."""

    aws: FakeCloudWatch
    clock: Clock
    event: Params

    def after(self, minutes: float) -> dict[str, float]:
        """Call so long after START; what was put, and nothing where nothing was."""
        self.clock.now = START + 60 * minutes
        before = len(self.aws.put)
        module("canary_analysis").handle(dict(self.event), None)
        return self.aws.put[-1] if len(self.aws.put) > before else {}
