"""A real model under real traffic: more workers when it is busy, fewer when it is not."""

from __future__ import annotations

import contextlib
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from tools.embedded_aws import LocalAws, local_aws, until

from ..hosting import SETOSA, Hosting, iris_archive
from .conftest import FAST, bucket_for_models
from .scaling import Scaling


class Traffic:
    """Callers of an endpoint, so many a second."""

    def __init__(self, hosting: Hosting, endpoint: str) -> None:
        self._hosting = hosting
        self._endpoint = endpoint
        self._stop = threading.Event()
        self.pause = 1.0
        self.answers: list[str] = []
        self.errors: list[BaseException] = []

    def run(self) -> None:
        """Call until it is stopped."""
        while not self._stop.wait(self.pause):
            try:
                text, _ = self._hosting.invoke(self._endpoint, SETOSA, ContentType="text/csv")
                self.answers.append(text)
            except Exception as error:
                self.errors.append(error)

    def end(self) -> None:
        """Stop calling."""
        self._stop.set()


@contextlib.contextmanager
def traffic(hosting: Hosting, endpoint: str) -> Iterator[Traffic]:
    calls = Traffic(hosting, endpoint)
    thread = threading.Thread(target=calls.run, daemon=True)
    thread.start()
    try:
        yield calls
    finally:
        calls.end()
        thread.join()


def test_a_busy_model_gets_workers_and_gives_them_back(aws: LocalAws) -> None:
    hosting = Hosting(aws)
    variant = {"VariantName": "main", "ModelName": hosting.model(data=iris_archive())}
    name = hosting.endpoint(hosting.config(variant))
    scaling = Scaling(aws, name, "main")
    scaling.register(1, 3)
    # A minute lasts half a second here: 6 calls a minute are 12 a second.
    scaling.track(6, ScaleOutCooldown=60, ScaleInCooldown=60)
    with traffic(hosting, name) as calls:
        calls.pause = 0.03
        until(lambda: scaling.instances() >= 2, what="a second worker")
        calls.pause = 0.4
        scaling.reaches(1)
        assert set(calls.answers) == {"0"}
        assert calls.errors == []
    ended = until(lambda: all("EndTime" in one for one in scaling.activities()) and scaling.activities())
    assert {one["StatusCode"] for one in ended} == {"Successful"}
    assert "-AlarmLow-" in ended[0]["Cause"]
    assert "-AlarmHigh-" in ended[-1]["Cause"]
    hosting.delete(name)


def test_a_reset_forgets_everything(tmp_path: Path) -> None:
    with local_aws(tmp_path, settings=FAST) as fresh:
        bucket_for_models(fresh)
        hosting = Hosting(fresh)
        scaling = Scaling(fresh, hosting.endpoint(hosting.puppet_config()), "main")
        scaling.register(2, 2)
        until(scaling.activities)
        reset = urllib.request.Request(f"{fresh.url}/_ministack/reset", method="POST")  # noqa: S310
        urllib.request.urlopen(reset, timeout=20).close()  # noqa: S310
        assert scaling.targets() == []
        assert scaling.activities() == []
