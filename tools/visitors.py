"""Visitors of a deployed experiment: real requests, and rewards when the answers turn out right.

Each asks about a tumour of scikit-learn's breast-cancer data that no model was trained on. The reward is 1
where the answer is the true one.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Mapping
from typing import Any

from constructs_lib.experiments.runtime.client import ExperimentClient
from constructs_lib.experiments.runtime.experiment import Experiment
from constructs_lib.experiments.runtime.outbox import Outbox
from examples.breast_cancer.train import split
from tools.embedded_aws import LocalAws

_LABELS = ("malignant", "benign")


class Visitors:
    """They come one after the other; the same ones in the same order every time."""

    def __init__(self, aws: LocalAws, outputs: Mapping[str, str]) -> None:
        self._client = client_of(aws, outputs)
        self._random = random.Random(7)  # noqa: S311 - visitors, not secrets
        _, self._measurements, _, self._truth = split()
        self.served: Counter[str] = Counter()
        """Requests by the variant that answered."""
        self.rewarded: Counter[str] = Counter()
        """Right answers, likewise."""

    def come(self, count: int) -> None:
        """So many requests, with their rewards."""
        for _ in range(count):
            case = self._random.randrange(len(self._measurements))
            body = ",".join(map(str, self._measurements[case])).encode()
            answer = self._client.invoke(body, content_type="text/csv")
            self.served[answer.arm] += 1
            if json.loads(answer.body)["labels"][0] == _LABELS[self._truth[case]]:
                self.rewarded[answer.arm] += 1
                self._client.reward(answer.inference_id, 1)
        self._client.flush()


def client_of(aws: LocalAws, outputs: Mapping[str, str]) -> ExperimentClient:
    """The client for applications, on the embedded AWS."""
    return ExperimentClient(
        described(aws, outputs),
        runtime=aws.client("sagemaker-runtime"),
        dynamodb=aws.client("dynamodb"),
        table=outputs["TableName"],
        outbox=Outbox(aws.client("kinesis"), outputs["StreamName"]),
    )


def described(aws: LocalAws, outputs: Mapping[str, str]) -> Experiment:
    """The experiment as its functions were told."""
    function = aws.client("lambda").get_function_configuration(FunctionName=outputs["Controller"])
    return Experiment.from_environment(function["Environment"]["Variables"])


def look(aws: LocalAws, outputs: Mapping[str, str], **event: Any) -> str:
    """Have the deployed controller look now, as its schedule would; what it did."""
    return str(aws.call(outputs["Controller"], event)["outcome"])


def weights(aws: LocalAws, endpoint: str) -> dict[str, float]:
    """What the endpoint's variants weigh now."""
    described = aws.client("sagemaker").describe_endpoint(EndpointName=endpoint)
    return {each["VariantName"]: each["CurrentWeight"] for each in described["ProductionVariants"]}
