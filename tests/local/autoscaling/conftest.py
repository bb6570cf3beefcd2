"""An embedded AWS whose minute lasts half a second, and an endpoint in it to scale."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tools.embedded_aws import REGION, LocalAws, local_aws

from ..hosting import BUCKET, Hosting
from .scaling import Scaling

FAST = {
    "CONSTRUCTS_LOCAL_TIME_SCALE": "0.0084",
    "CONSTRUCTS_LOCAL_SCALING_INTERVAL": "0.1",
    "CONSTRUCTS_LOCAL_METRICS_INTERVAL": "0.1",
    "CONSTRUCTS_LOCAL_UPDATE_DELAY": "0.05",
    "CONSTRUCTS_LOCAL_STARTUP_TIMEOUT": "20",
}


def bucket_for_models(aws: LocalAws) -> None:
    """Make the bucket that Hosting uploads to."""
    aws.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """An embedded AWS in which time flies."""
    with local_aws(tmp_path_factory.mktemp("scaling"), settings=FAST) as running:
        bucket_for_models(running)
        yield running


@pytest.fixture(scope="session")
def endpoint(aws: LocalAws) -> str:
    """An endpoint with one variant, ``main``."""
    hosting = Hosting(aws)
    return hosting.endpoint(hosting.puppet_config())


@pytest.fixture
def scaling(aws: LocalAws, endpoint: str) -> Iterator[Scaling]:
    """Application Auto Scaling of that variant; nothing is registered before the test nor after it."""
    fresh = Scaling(aws, endpoint, "main")
    yield fresh
    fresh.forget()
