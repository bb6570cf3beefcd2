"""One embedded AWS for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tools.embedded_aws import REGION, LocalAws, local_aws

from .components import Components
from .hosting import BUCKET, Hosting

# Fast, and still long enough to be seen.
QUICK = {
    "CONSTRUCTS_LOCAL_UPDATE_DELAY": "0.2",
    "CONSTRUCTS_LOCAL_METRICS_INTERVAL": "0.3",
    "CONSTRUCTS_LOCAL_CAPTURE_INTERVAL": "0.3",
    "CONSTRUCTS_LOCAL_UTILIZATION_INTERVAL": "1",
    "CONSTRUCTS_LOCAL_REQUEST_TIMEOUT": "2",
    "CONSTRUCTS_LOCAL_STARTUP_TIMEOUT": "20",
    "CONSTRUCTS_LOCAL_MULTI_MODEL_MEMORY_MB": "160",
    "CONSTRUCTS_LOCAL_SERVERLESS_IDLE": "400",
    "CONSTRUCTS_LOCAL_REQUEST_TTL_SCALE": "0.02",
    "CONSTRUCTS_LOCAL_JOB_MINUTE": "1",
}


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """An embedded AWS: its URL and its boto3 sessions and clients."""
    with local_aws(tmp_path_factory.mktemp("aws"), "--mqtt-port", "0", settings=QUICK) as running:
        running.client("s3").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        yield running


@pytest.fixture
def hosting(aws: LocalAws) -> Iterator[Hosting]:
    """SageMaker; the endpoints of the test are deleted after it."""
    before = Hosting(aws)
    yield before
    for name in before.names():
        before.settled(name)
        before.delete(name)


@pytest.fixture
def components(aws: LocalAws) -> Iterator[Components]:
    """SageMaker; the inference components and endpoints of the test are deleted after it."""
    fresh = Components(aws)
    yield fresh
    for name in fresh.component_names():
        fresh.delete_component(name)
    for name in fresh.names():
        fresh.settled(name)
        fresh.delete(name)
