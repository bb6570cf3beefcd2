"""Multi-model endpoints: models loaded by name, kept while there is memory for them."""

from __future__ import annotations

import io
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import joblib
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from tools.embedded_aws import until

from .hosting import (
    BUCKET,
    IMAGE,
    IRIS_CODE,
    PUPPET_CODE,
    ROLE,
    SETOSA,
    VIRGINICA,
    Hosting,
    archive,
    error_of,
)
from .test_cloudformation import Stack
from .test_telemetry import values

# Takes memory for itself, as a large model does, and answers its name.
LARGE_CODE = """
import os, time

def model_fn(model_dir):
    name, megabytes = open(os.path.join(model_dir, "name")).read().split()
    return name, bytearray(os.urandom(1024)) * 1024 * int(megabytes)

def transform_fn(model, data, content_type, accept):
    time.sleep(float(data or 0))
    return f"{model[0]} {os.getpid()}", "text/plain"
"""


def slow_to_load(seconds: float) -> str:
    return PUPPET_CODE.replace("    return os.environ", f"    time.sleep({seconds})\n    return os.environ")


class Models:
    """A prefix of models, and the endpoint that serves them."""

    def __init__(self, hosting: Hosting) -> None:
        self.hosting = hosting
        self.prefix = hosting.name("models")
        self.s3 = hosting.aws.client("s3")
        self.endpoint = ""

    @property
    def url(self) -> str:
        return f"s3://{BUCKET}/{self.prefix}/"

    def put(self, name: str, files: dict[str, bytes]) -> str:
        self.s3.put_object(Bucket=BUCKET, Key=f"{self.prefix}/{name}", Body=archive(files))
        return name

    def put_puppet(self, name: str, code: str = PUPPET_CODE) -> str:
        named = code.replace('os.environ.get("NAME", "puppet")', repr(name))
        return self.put(name, {"code/inference.py": named.encode()})

    def put_large(self, name: str, megabytes: int) -> str:
        files = {"name": f"{name} {megabytes}".encode(), "code/inference.py": LARGE_CODE.encode()}
        return self.put(name, files)

    def container(self, *, cache: str | None = None, **environment: str) -> dict[str, Any]:
        config = {} if cache is None else {"MultiModelConfig": {"ModelCacheSetting": cache}}
        return {
            "Image": IMAGE,
            "Mode": "MultiModel",
            "ModelDataUrl": self.url,
            "Environment": environment,
            **config,
        }

    def model(self, *, role: str = ROLE, **options: Any) -> str:
        name = self.hosting.name("multi")
        self.hosting.sagemaker.create_model(
            ModelName=name, PrimaryContainer=self.container(**options), ExecutionRoleArn=role
        )
        return name

    def serve(self, *, count: int = 1, **options: Any) -> Models:
        variant = {"VariantName": "main", "ModelName": self.model(**options), "InitialInstanceCount": count}
        self.endpoint = self.hosting.endpoint(self.hosting.config(variant))
        return self

    def ask(self, model: str, body: str = "", **members: Any) -> str:
        return self.hosting.invoke(self.endpoint, body, TargetModel=model, **members)[0]

    def ask_patiently(self, model: str, body: str = "", **members: Any) -> str:
        """Ask again while the model is not ready, as AWS wants it: this server gives up after two seconds."""
        while True:
            try:
                return self.ask(model, body, **members)
            except self.hosting.runtime.exceptions.ModelNotReadyException:
                continue

    def pid(self, model: str) -> int:
        return int(self.ask(model, "pid"))

    def pid_if_there(self, model: str) -> int:
        """0 while the death of a process has not been noticed, or has not been mended."""
        try:
            return self.pid(model)
        except (
            self.hosting.runtime.exceptions.ServiceUnavailable,
            self.hosting.runtime.exceptions.ModelError,
        ):
            return 0

    def metric(self, name: str, statistic: str = "Sum", **options: Any) -> float:
        return values(self.hosting, self.endpoint, name, statistic, **options)

    def loaded(self, statistic: str = "Maximum") -> float:
        return self.metric("LoadedModelCount", statistic, namespace="/aws/sagemaker/Endpoints")


@pytest.fixture
def models(hosting: Hosting) -> Models:
    return Models(hosting)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def iris_model(shift: int) -> dict[str, bytes]:
    """A model trained to answer the class of an iris, moved by a number that only this model has."""
    features, classes = load_iris(return_X_y=True)
    buffer = io.BytesIO()
    joblib.dump(LogisticRegression(max_iter=50).fit(features, classes + 10 * shift), buffer)
    # Memory that tells in the measure, as a real model's would.
    code = IRIS_CODE.replace(
        "return joblib", "global ballast; ballast = os.urandom(9 * 1024 * 1024); return joblib"
    )
    return {"model.joblib": buffer.getvalue(), "code/inference.py": code.encode()}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_fifty_models_share_an_instance_that_holds_a_few(models: Models) -> None:
    names = [models.put(f"team-{n % 3}/iris-{n}.tar.gz", iris_model(n)) for n in range(50)]
    models.serve()

    def ask(name: str, flower: str = SETOSA) -> int:
        return int(models.ask_patiently(name, flower, ContentType="text/csv"))

    with ThreadPoolExecutor(4) as callers:
        assert list(callers.map(ask, names)) == [10 * n for n in range(50)]
        assert list(callers.map(ask, names[:20])) == [10 * n for n in range(20)]
    assert ask(names[19], VIRGINICA) == 192
    # Each takes 9 MiB, and less than that besides: they share what they import.
    assert 6 <= until(models.loaded, what="LoadedModelCount") <= 17
    until(lambda: models.metric("Invocations") == 71, what="all invocations are counted")
    loads = models.metric("ModelLoadingTime", "SampleCount")
    assert loads == 70, "all twenty had to be loaded a second time"
    assert models.metric("ModelUnloadingTime", "SampleCount") >= loads - 17
    assert models.metric("ModelDownloadingTime", "SampleCount") == 50, "but none downloaded"
    assert models.metric("ModelCacheHit") == 1, "only the last call"
    assert models.metric("ModelCacheHit", "SampleCount") >= 71


def test_the_least_recently_used_model_makes_room(models: Models) -> None:
    for name in "abc":
        models.put_large(name, 60)
    models.put_large("small", 1)
    models.serve()
    pids = {name: models.ask(name).split()[1] for name in ("a", "small", "b")}
    assert models.ask("a").split()[1] == pids["a"], "a is used again"
    models.ask("c")
    # 60 + 60 + 60 do not fit into 160: b and what is older than it had to go, a may stay.
    assert models.ask("a").split()[1] == pids["a"]
    assert not alive(int(pids["b"])), "its memory is free"
    assert models.ask("b").split()[0] == "b"


def test_models_that_do_not_fit_together_take_turns(models: Models) -> None:
    names = [models.put_large(name, 60) for name in "abcdef"]
    models.serve()
    with ThreadPoolExecutor(6) as callers:
        answers = list(callers.map(lambda name: models.ask(name, "0.3").split(), names))
    assert [name for name, _pid in answers] == names, "none is unloaded while it answers"
    assert len([pid for _name, pid in answers if alive(int(pid))]) == 2


def test_a_model_that_can_never_fit_is_refused(models: Models) -> None:
    models.put_large("small", 1)
    models.put_large("huge", 400)
    models.serve()
    models.ask("small")
    with pytest.raises(models.hosting.runtime.exceptions.ModelError) as raised:
        models.ask("huge")
    assert raised.value.response["OriginalStatusCode"] == 507
    assert "memory for models has 160 MiB" in raised.value.response["OriginalMessage"]
    assert models.ask("small").startswith("small")


def test_many_calls_for_a_cold_model_load_it_once(models: Models) -> None:
    models.put_puppet("cold", slow_to_load(0.3))
    models.serve(count=2)
    with ThreadPoolExecutor(20) as callers:
        pids = set(callers.map(lambda _: models.pid("cold"), range(20)))
    assert len(pids) == 1, "one process, on one of the two instances"
    until(lambda: models.metric("Invocations") == 20, what="all invocations are counted")
    assert models.metric("ModelLoadingTime", "SampleCount") == 1
    assert models.metric("ModelDownloadingTime", "SampleCount") == 1
    assert 300_000 <= models.metric("ModelLoadingWaitTime", "Maximum") < 2_000_000, "in microseconds"
    # Later calls go to the instance that has it.
    assert {models.pid("cold") for _ in range(5)} == pids


def test_without_the_cache_every_call_loads_anew(models: Models) -> None:
    models.put_puppet("once")
    models.serve(cache="Disabled")
    first = models.pid("once")
    until(lambda: not alive(first), what="it is unloaded")
    models.put_puppet("once", PUPPET_CODE.replace('"text/plain"', '"text/new"'))
    answer = models.hosting.invoke(models.endpoint, "", TargetModel="once")[1]
    assert answer["ContentType"] == "text/new", "not even the files are kept"
    until(lambda: models.metric("ModelUnloadingTime", "SampleCount") == 2, what="it is unloaded again")
    assert models.metric("ModelDownloadingTime", "SampleCount") == 2
    assert models.metric("ModelCacheHit") == 0


def test_new_content_under_the_same_name_is_not_seen(models: Models) -> None:
    models.put_puppet("kept")
    models.serve()
    assert models.ask("kept") == "kept"
    models.put("kept", {"code/inference.py": PUPPET_CODE.encode()})
    assert models.ask("kept") == "kept"
    # A model may be added at any time.
    models.put_puppet("added")
    assert models.ask("added") == "added"


def test_models_may_share_the_code_of_the_container(models: Models) -> None:
    code = 'def model_fn(d): return open(d + "/text").read()\ndef transform_fn(m, d, c, a): return m, "text/plain"\n'
    source = models.hosting.upload(archive({"serve.py": code.encode()}))
    for name in ("one", "two"):
        models.put(name, {"text": name.encode()})
    models.serve(SAGEMAKER_SUBMIT_DIRECTORY=source, SAGEMAKER_PROGRAM="serve.py")
    assert [models.ask("one"), models.ask("two")] == ["one", "two"]


def test_what_cannot_be_found_or_loaded(models: Models) -> None:
    models.put(
        "torn", {"code/inference.py": b"def model_fn(d):\n    raise OSError('the weights are torn')\n"}
    )
    models.put("codeless", {})
    models.s3.put_object(Bucket=BUCKET, Key=f"{models.prefix}/text", Body=b"no archive")
    models.put("greedy", {"code/inference.py": b"def model_fn(d):\n    return bytearray(4 * 1024 ** 3)\n"})
    models.put("dead", {"code/inference.py": b"import os\ndef model_fn(d):\n    os._exit(3)\n"})
    models.put_puppet("good")
    models.serve()
    code, message = error_of(lambda: models.ask("absent"))
    assert (code, message.startswith(f"Failed to download model data(bucket: {BUCKET}, key: ")) == (
        "ValidationError",
        True,
    )
    for outside in ("../other/model", "/etc/passwd", "a/../../b"):
        assert "not a relative path" in error_of(lambda outside=outside: models.ask(outside))[1]
    for name, status, said in [
        ("torn", 500, "OSError: the weights are torn"),
        ("codeless", 500, "no inference code: inference.py is not in /opt/ml/instances/"),
        ("text", 500, "Failed to extract model data archive"),
        ("greedy", 507, "MemoryError"),
        ("dead", 500, "ended while it was loading"),
    ]:
        with pytest.raises(models.hosting.runtime.exceptions.ModelError) as raised:
            models.ask(name)
        answer = raised.value.response
        assert (answer["OriginalStatusCode"], said in answer["OriginalMessage"]) == (status, True), answer
    assert models.ask("good") == "good"
    missing = error_of(lambda: models.hosting.invoke(models.endpoint, ""))
    assert (missing[0], "is missing a target model header" in missing[1]) == ("ValidationError", True)


def test_a_model_that_loads_slowly_is_not_ready_at_first(models: Models) -> None:
    models.put_puppet("slow", slow_to_load(2.5))
    models.serve()
    with pytest.raises(models.hosting.runtime.exceptions.ModelNotReadyException) as raised:
        models.ask("slow")
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
    # The load goes on.
    assert models.ask("slow") == "slow"
    assert models.metric("ModelLoadingTime", "SampleCount") <= 1


def test_a_model_that_dies_is_loaded_again_and_takes_nobody_along(models: Models) -> None:
    for name in ("dying", "other"):
        models.put_puppet(name)
    models.serve()
    first, other = models.pid("dying"), models.pid("other")
    with pytest.raises(models.hosting.runtime.exceptions.ModelError, match="ended while"):
        models.ask("dying", "die")
    assert models.pid("dying") != first
    os.kill(other, signal.SIGKILL)
    assert until(lambda: models.pid_if_there("other"), what="the killed one is back") != other


def parents(pid: int) -> Iterator[int]:
    """The processes above a process, up to the embedded AWS, which is not one of them."""
    while True:
        pid = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
        if b"multi_model_server" not in Path(f"/proc/{pid}/cmdline").read_bytes():
            return
        yield pid


def test_a_container_that_dies_takes_its_models_along_and_comes_back(models: Models) -> None:
    for name in "ab":
        models.put_puppet(name)
    models.serve()
    before = [models.pid(name) for name in "ab"]
    os.kill(list(parents(before[0]))[-1], signal.SIGKILL)
    until(lambda: not any(alive(pid) for pid in before), what="its models are gone")

    assert until(lambda: models.pid_if_there("a"), what="the instance is back") not in before


def test_nothing_is_left_of_a_deleted_endpoint(models: Models) -> None:
    for name in ("one", "two", "three"):
        models.put_puppet(name)
    models.serve()
    pids = [models.pid(name) for name in ("one", "two", "three")]
    time.sleep(0.5)
    everything = {*pids, *(each for pid in pids for each in parents(pid))}
    assert len(everything) > len(pids)
    models.hosting.delete(models.endpoint)
    assert not [pid for pid in everything if alive(pid)]


def test_an_update_brings_new_code_and_starts_cold(models: Models) -> None:
    models.put_puppet("model")
    models.serve()
    assert models.ask("model") == "model"
    other = Models(models.hosting)
    other.put_puppet("model", PUPPET_CODE.replace('return model, "text/plain"', 'return "new", "text/plain"'))
    config = models.hosting.config({"VariantName": "main", "ModelName": other.model()})
    models.hosting.sagemaker.update_endpoint(EndpointName=models.endpoint, EndpointConfigName=config)
    assert models.hosting.settled(models.endpoint)["EndpointConfigName"] == config
    assert models.ask("model") == "new"


def test_a_pipeline_may_have_a_multi_model_container(models: Models) -> None:
    echo = 'def model_fn(d): return 0\ndef transform_fn(m, d, c, a): return b"echo " + d, "text/plain"\n'
    models.put_puppet("model")
    first = {
        "Image": IMAGE,
        "ModelDataUrl": models.hosting.upload(archive({"code/inference.py": echo.encode()})),
    }
    name = models.hosting.name("model")
    models.hosting.sagemaker.create_model(
        ModelName=name, Containers=[first, models.container()], ExecutionRoleArn=ROLE
    )
    models.endpoint = models.hosting.endpoint(
        models.hosting.config({"VariantName": "main", "ModelName": name})
    )
    assert models.ask("model", "hello") == "hello"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ModelDataUrl": "s3://nowhere/models/"}, "Could not find model data"),
        ({"ModelDataUrl": None}, "ModelDataUrl is required"),
        ({"Mode": "SingleModel", "MultiModelConfig": {"ModelCacheSetting": "Enabled"}}, "only be specified"),
    ],
)
def test_multi_model_containers_that_are_refused(models: Models, change: dict[str, Any], said: str) -> None:
    container = {key: value for key, value in {**models.container(), **change}.items() if value is not None}
    refused = error_of(
        lambda: models.hosting.sagemaker.create_model(
            ModelName="m", PrimaryContainer=container, ExecutionRoleArn=ROLE
        )
    )
    assert (refused[0], said in refused[1]) == ("ValidationException", True), refused


def test_an_asynchronous_endpoint_cannot_have_a_target(models: Models) -> None:
    asynchronous = {"OutputConfig": {"S3OutputPath": f"s3://{BUCKET}/out"}}
    variant = {"VariantName": "main", "ModelName": models.model()}
    refused = error_of(lambda: models.hosting.config(variant, AsyncInferenceConfig=asynchronous))
    assert "not supported for asynchronous endpoints" in refused[1]


def test_cloudformation_deploys_one(models: Models) -> None:
    models.put_puppet("deployed")
    stack = Stack(models.hosting)
    resources = stack.resources()
    resources["Model"]["Properties"]["PrimaryContainer"] = models.container(cache="Enabled")
    assert stack.deploy(resources) == "CREATE_COMPLETE"
    models.endpoint = f"{stack.name}-e"
    assert models.ask("deployed") == "deployed"
    # Another cache setting is another model: the endpoint is updated to it.
    resources["Model"]["Properties"]["PrimaryContainer"] = models.container(cache="Disabled")
    assert stack.deploy(resources, update=True) == "UPDATE_COMPLETE"
    first = models.pid("deployed")
    until(lambda: not alive(first), what="it is unloaded after the call")
    stack.delete()
