"""The image table is what the SageMaker SDK says, all of it."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import json
import logging
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, get_args

import pytest

from constructs_lib.model import image_table
from constructs_lib.model.image_table import PublishedImage, Scope, find_image, names

ROOT = Path(__file__).parents[2]

Retrieve = Callable[..., str]
"""`sagemaker.core.image_uris.retrieve`."""

# --- what the SDK can return and the table leaves out, each with its reason -------------------------

SCOPES_LEFT_OUT = {
    "training": "not hosted (scikit-learn's is listed: processing jobs run it)",
    "eia": "for Elastic Inference, which AWS no longer offers",
    "debugger": "runs beside a training job",
    "detailed-profiler": "runs beside a training job",
    "evaluation": "run by SageMaker's evaluation jobs",
}
NAMES_LEFT_OUT = {
    "coach-mxnet": "training only",
    "coach-tensorflow": "training only",
    "data-wrangler": "launched by SageMaker Data Wrangler",
    "debugger": "runs beside a training job",
    "detailed-profiler": "runs beside a training job",
    "huggingface-training-compiler": "training only",
    "hyperpod-recipes-neuron": "training only",
    "pytorch-amzn2023": "training only",
    "pytorch-neuron": "training only",
    "pytorch-smp": "training only",
    "pytorch-training-compiler": "training only",
    "ray-pytorch": "training only",
    "ray-tensorflow": "training only",
    "sagemaker-base-python": "for remote functions, which are training jobs",
    "sagemaker-geospatial": "launched by SageMaker geospatial",
    "sagemaker-inspect-ai": "run by SageMaker's evaluation jobs",
    "vw": "training only",
}
# Asked for these by name the SDK makes up a tag; it finds them as "huggingface" with an inference tool.
FOUND_AS_HUGGINGFACE = {"huggingface-neuron": "neuron", "huggingface-neuronx": "neuronx"}
IMAGES_LEFT_OUT = {
    r"pytorch-training-neuron:.*": "what the SDK gives for inference of pytorch on Neuron: a training image",
    r"(mxnet|pytorch|tensorflow)-inference:.*-cu110-ubuntu1[68]\.04(-v\d)?": (
        "on ml.p4d the SDK swaps in CUDA 11 builds of a few old versions; a scale-out to another family "
        "would need another image"
    ),
}

# --- how the SDK is asked ------------------------------------------------------------------------------

SDK_SCOPES = {
    "clarify": "processing",
    "model-monitor": "monitoring",
    "sklearn": "training",
    "spark": "processing",
}
# No instance type makes the SDK choose "neuronx": it is the only processor of its image, and the default.
INSTANCE_TYPES = {
    None: None,
    "cpu": "ml.m5.large",
    "gpu": "ml.g5.xlarge",
    "inf": "ml.inf1.xlarge",
    "inf2": "ml.inf2.xlarge",
    "neuronx": None,
}
PROBED_INSTANCE_TYPES = (
    *(None, "ml.m5.large", "ml.c5.xlarge", "ml.c7g.large", "ml.g5.xlarge", "ml.p3.2xlarge"),
    *("ml.p4d.24xlarge", "ml.inf1.xlarge", "ml.inf2.xlarge", "ml.trn1.2xlarge"),
)


@pytest.fixture(scope="module")
def retrieve() -> Iterator[Retrieve]:
    """The SDK's function itself. Only its reading of files is cached, and a decorator that is for
    pipelines left off: tens of thousands of calls would take minutes otherwise.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        from sagemaker.core import common_utils, image_uris

        patch.setattr(image_uris, "config_for_framework", functools.cache(image_uris.config_for_framework))
        patch.setattr(common_utils, "_botocore_resolver", functools.cache(common_utils._botocore_resolver))
        patch.setattr(logging.getLogger(image_uris.__name__), "disabled", True)
        yield inspect.unwrap(image_uris.retrieve)


class Listed(NamedTuple):
    """An image of the table, and how the SDK is asked for it."""

    image: PublishedImage
    question: Mapping[str, str | None]


def listed_images(name: str, scope: Scope) -> Iterator[Listed]:
    for row in image_table._rows(name, scope):
        chosen = {
            "version": row.version,
            "base_framework": row.base_framework,
            "py_version": row.py_version,
            "processor": row.processor,
        }
        image = find_image(name, scope=scope, **chosen)
        instance_type = INSTANCE_TYPES[row.processor]
        question = {
            "framework": "huggingface" if name in FOUND_AS_HUGGINGFACE else name,
            "inference_tool": FOUND_AS_HUGGINGFACE.get(name),
            "image_scope": SDK_SCOPES[name] if scope == "processing" else scope,
            "version": row.version,
            "base_framework_version": row.base_framework,
            "py_version": row.py_version,
            "instance_type": "ml.c7g.large" if scope == "inference_graviton" else instance_type,
        }
        yield Listed(image, question)


def all_listed() -> list[Listed]:
    return [
        listed for scope in get_args(Scope) for name in names(scope) for listed in listed_images(name, scope)
    ]


def all_regions() -> list[str]:
    return sorted({region for image, _ in all_listed() for region in image.accounts})


def differences(listed: Listed, regions: list[str], retrieve: Retrieve) -> list[str]:
    """Where the table and the SDK disagree on an image; to have none in a region is an answer too."""
    found = []
    for region in regions:
        ours = listed.image.uri(region) if region in listed.image.accounts else None
        try:
            theirs: str | None = retrieve(region=region, **listed.question)
        except ValueError as error:
            theirs = None if "Unsupported region" in str(error) else str(error)
        if ours != theirs:
            found.append(f"{region}: {ours} is {theirs} to the SDK")
    return found


# --- the table against the SDK ----------------------------------------------------------------------------


@pytest.mark.sdk
def test_every_image_in_every_region_is_what_the_sdk_says(retrieve: Retrieve) -> None:
    images = all_listed()
    regions = all_regions()
    found = [line for listed in images for line in differences(listed, regions, retrieve)]
    assert not found, f"{len(found)} differences, such as:\n" + "\n".join(found[:20])
    assert len(images) > 1000
    assert len(regions) > 40


_REFUSAL = re.compile(r"Unsupported (?P<what>[^:]+): .*Supported [^:]+\(s\): (?P<options>.*)\.")
_ARGUMENTS = {"base framework": "base_framework_version", "Python version": "py_version", "region": "region"}


def explore(retrieve: Retrieve, question: Mapping[str, str | None]) -> Iterator[tuple[str, frozenset[str]]]:
    """(URI, regions) of all that the SDK returns: "?" is refused with a list of what is possible, and
    each of that is explored in turn. The table has no part in it.
    """
    try:
        yield retrieve(**question), frozenset()
    except (ValueError, KeyError) as error:
        refused = _REFUSAL.fullmatch(str(error))
        argument = _ARGUMENTS.get(refused["what"]) if refused else None
        if refused is None or argument is None or question[argument] != "?":
            return
        options = [option for option in refused["options"].split(", ") if option != "version_aliases"]
        if argument == "region":
            for uri, _ in explore(retrieve, {**question, argument: options[0]}):
                yield uri, frozenset(options)
            return
        if argument == "base_framework_version":
            # The aliases, pytorch1.13 for pytorch1.13.1, are not among what the SDK lists.
            options += [option.rpartition(".")[0] for option in options if option.count(".") == 2]
        for option in options:
            yield from explore(retrieve, {**question, argument: option})


def questions(framework: str, known_versions: Iterable[str]) -> Iterator[dict[str, str | None]]:
    scopes = [*get_args(Scope), SDK_SCOPES.get(framework, "inference")]
    tools = (None, "neuron", "neuronx") if framework == "huggingface" else (None,)
    py_versions = (None, "?") if framework == "spark" else ("?",)
    for version in known_versions:
        for scope in dict.fromkeys(scopes):
            for instance_type in PROBED_INSTANCE_TYPES:
                for tool in tools:
                    for py_version in py_versions:
                        yield {
                            "framework": framework,
                            "version": version,
                            "image_scope": scope,
                            "instance_type": instance_type,
                            "inference_tool": tool,
                            "base_framework_version": "?",
                            "py_version": py_version,
                            "region": "?",
                        }


def all_explored(retrieve: Retrieve) -> Iterator[tuple[str, frozenset[str]]]:
    """(repository and tag, regions) of all that the SDK returns for the names that are not left out."""
    from sagemaker.core import image_uris

    known = {name: image_uris.list_versions(name) for name in image_uris.list_frameworks()}
    for framework in known.keys() - NAMES_LEFT_OUT.keys() - FOUND_AS_HUGGINGFACE.keys():
        files = [framework, *(FOUND_AS_HUGGINGFACE if framework == "huggingface" else ())]
        for question in questions(framework, {version for file in files for version in known[file]}):
            for uri, regions in explore(retrieve, question):
                yield uri.partition("/")[2], regions


@pytest.mark.sdk
def test_all_that_the_sdk_returns_is_listed_or_left_out_for_a_reason(retrieve: Retrieve) -> None:
    ours = {(image.repository_and_tag, frozenset(image.accounts)) for image, _ in all_listed()}
    theirs = set(all_explored(retrieve))
    reasons = {
        image: pattern for image in theirs for pattern in IMAGES_LEFT_OUT if re.fullmatch(pattern, image[0])
    }
    missing = sorted(name for name, _ in theirs - ours - reasons.keys())
    assert not missing, f"{len(missing)} missing, such as: {missing[:20]}"
    assert ours <= theirs, "the exploration did not come to images that are listed"
    assert set(reasons.values()) == set(IMAGES_LEFT_OUT), "a reason to leave out what the SDK never returns"


@pytest.mark.sdk
def test_each_framework_and_scope_of_the_sdk_is_listed_or_left_out_for_a_reason(retrieve: Retrieve) -> None:
    from sagemaker.core import image_uris

    listed = {name for scope in get_args(Scope) for name in names(scope)}
    assert set(image_uris.list_frameworks()) == listed | set(NAMES_LEFT_OUT)
    assert not listed & set(NAMES_LEFT_OUT)
    configs = {name: image_uris.config_for_framework(name) for name in image_uris.list_frameworks()}
    scopes = {
        scope for config in configs.values() for scope in config.get("scope", config) if scope != "versions"
    }
    assert scopes == {"inference", "inference_graviton", "processing", "monitoring"} | set(SCOPES_LEFT_OUT)


@pytest.mark.sdk
def test_the_decorator_left_off_changes_nothing(retrieve: Retrieve) -> None:
    from sagemaker.core import image_uris

    question = {"framework": "sklearn", "version": "1.2-1", "region": "eu-west-1", "image_scope": "inference"}
    assert image_uris.retrieve is not retrieve
    assert image_uris.retrieve(**question) == retrieve(**question)


def _sklearn() -> Listed:
    return next(listed for listed in listed_images("sklearn", "inference") if listed.image.version == "1.2-1")


CORRUPTIONS: dict[str, Callable[[PublishedImage], dict[str, Any]]] = {
    "another account": lambda image: {"accounts": {**image.accounts, "eu-west-1": "000000000000"}},
    "a region too many": lambda image: {"accounts": {**image.accounts, "us-isof-east-1": "000000000000"}},
    "a region too few": lambda image: {
        "accounts": {region: account for region, account in image.accounts.items() if region != "eu-west-1"}
    },
    "another tag": lambda _: {"tag": "1.2-1-gpu-py3"},
    "no tag": lambda _: {"tag": None},
    "another repository": lambda _: {"repository": "sagemaker-sklearn"},
}


@pytest.mark.sdk
@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_the_comparison_notices(corruption: str, retrieve: Retrieve) -> None:
    image, question = _sklearn()
    corrupted = dataclasses.replace(image, **CORRUPTIONS[corruption](image))
    regions = all_regions()
    assert differences(Listed(image, question), regions, retrieve) == []
    assert differences(Listed(corrupted, question), regions, retrieve) != []


@pytest.mark.sdk
def test_the_checked_in_table_is_what_the_generator_prints() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "tools.image_table"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    checked_in = (ROOT / "constructs_lib/model/images.json").read_text(encoding="utf-8")
    assert checked_in == printed.stdout, "out of date: run `make images`"


def test_the_table_stays_small_and_has_a_line_per_image() -> None:
    text = (ROOT / "constructs_lib/model/images.json").read_text(encoding="utf-8")
    images = sum(
        len(scope["images"])
        for name in json.loads(text)["names"].values()
        for scope in name["scopes"].values()
    )
    assert len(text) < 200_000
    assert sum(line.startswith("[") for line in text.splitlines()) == images
