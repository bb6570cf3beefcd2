"""An image is found in the table by what makes it unique; asked for what is not there, the table says what is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from constructs_lib.model.image_table import (
    UnknownImage,
    dns_suffix,
    find_image,
    is_built_in,
    is_framework,
    names,
    processors,
    versions,
)

ROOT = Path(__file__).parents[2]


def test_an_image_has_its_uri_in_each_region() -> None:
    image = find_image("sklearn", version="1.2-1")
    assert image.uri("us-east-1") == (
        "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
    )
    assert image.uri("cn-north-1").partition("/")[0] == "450853457545.dkr.ecr.cn-north-1.amazonaws.com.cn"
    assert image.processor == "cpu"


def test_an_image_is_a_value() -> None:
    image = find_image("sklearn", version="1.2-1")
    assert image == find_image("sklearn", version="1.2-1")
    assert hash(image) == hash(find_image("sklearn", version="1.2-1"))
    assert image != find_image("sklearn", version="1.0-1")
    with pytest.raises(TypeError):
        image.accounts["us-east-1"] = "000000000000"  # type: ignore[index]


def test_an_image_without_a_tag_has_a_uri_without_one() -> None:
    image = find_image("model-monitor", scope="processing")
    assert image.tag is None
    assert image.uri("us-east-1").endswith(
        ".dkr.ecr.us-east-1.amazonaws.com/sagemaker-model-monitor-analyzer"
    )


def test_an_alias_has_a_tag_of_its_own_and_says_which_version_it_is() -> None:
    alias = find_image("pytorch", version="2.6", processor="gpu")
    full = find_image("pytorch", version="2.6.0", processor="gpu")
    assert (alias.tag, full.tag) == ("2.6-gpu-py312", "2.6.0-gpu-py312")
    assert alias.version == full.version == "2.6.0"


def test_latest_is_an_alias_where_the_sdk_has_it() -> None:
    latest = find_image("djl-lmi", version="latest")
    assert latest.version in set(versions("djl-lmi")) - {"latest"}
    assert latest.tag == find_image("djl-lmi", version=latest.version).tag
    with pytest.raises(UnknownImage):
        find_image("pytorch", version="latest")


def test_the_only_choice_need_not_be_made() -> None:
    assert find_image("kmeans").tag == "1"
    assert find_image("pytorch", version="2.6.0", processor="cpu").tag == "2.6.0-cpu-py312"


def test_cpu_is_the_default_of_several_processors() -> None:
    assert find_image("pytorch", version="2.6.0").processor == "cpu"
    assert find_image("huggingface-llm", version="2.0").processor == "gpu"


def test_a_processor_is_ignored_where_one_image_serves_all() -> None:
    assert find_image("xgboost", version="1.7-1", processor="gpu") == find_image("xgboost", version="1.7-1")


def test_spark_has_images_with_and_without_a_python_version() -> None:
    assert find_image("spark", version="3.5", scope="processing").tag == "3.5-cpu"
    assert find_image("spark", version="3.5", scope="processing", py_version="py312").tag == "3.5-cpu-py312"


def test_graviton_has_images_of_its_own() -> None:
    image = find_image("pytorch", version="2.6.0", scope="inference_graviton")
    assert (image.repository, image.tag) == (
        "pytorch-inference-arm64",
        "2.6.0-cpu-py312-ubuntu22.04-sagemaker",
    )


def test_processors_are_listed() -> None:
    assert processors("pytorch", version="2.6.0") == ("cpu", "gpu")
    assert processors("kmeans", version="1") == ()


def test_versions_are_in_order() -> None:
    listed = versions("pytorch")
    assert listed.index("1.9.1") < listed.index("1.10") < listed.index("1.10.0") < listed.index("2.0.0")
    assert len(set(listed)) == len(listed)


def test_xgboost_is_both_an_algorithm_and_a_framework() -> None:
    assert is_built_in("xgboost")
    assert is_framework("xgboost")


def test_every_hosted_image_is_an_algorithm_or_a_framework() -> None:
    algorithms = {name for name in names() if is_built_in(name)}
    assert algorithms == {
        *("blazingtext", "factorization-machines", "forecasting-deepar", "image-classification"),
        *("image-classification-neo", "ipinsights", "kmeans", "knn", "lda", "linear-learner", "ntm"),
        *("object-detection", "object2vec", "pca", "randomcutforest", "semantic-segmentation", "seq2seq"),
        *("xgboost", "xgboost-neo"),
    }
    assert {name for name in names() if is_framework(name)} == set(names()) - algorithms | {"xgboost"}
    assert not is_framework("clarify")
    assert not is_built_in("nonesuch")


@pytest.mark.parametrize(
    ("question", "what", "given", "first"),
    [
        ({"name": "pytroch"}, "name", "pytroch", "pytorch"),
        ({"name": "sk-learn"}, "name", "sk-learn", "sklearn"),
        ({"name": "mxnet", "scope": "inference_graviton"}, "name", "mxnet", "xgboost"),
        ({"name": "sklearn", "scope": "inferrence"}, "scope", "inferrence", "inference"),
        ({"name": "xgboost", "version": "1.7.1"}, "version", "1.7.1", "1.7-1"),
        ({"name": "xgboost"}, "version", None, "0.90-1"),
        ({"name": "kmeans", "version": "2"}, "version", "2", "1"),
        ({"name": "pytorch", "version": "2.6.0", "py_version": "py39"}, "py_version", "py39", "py312"),
        ({"name": "mxnet", "version": "1.4.1"}, "py_version", None, "py2"),
        ({"name": "sklearn", "version": "1.2-1", "processor": "gpu"}, "processor", "gpu", "cpu"),
        ({"name": "huggingface", "version": "4.26.0"}, "base_framework", None, "pytorch1.13"),
        (
            {"name": "huggingface", "version": "4.26.0", "base_framework": "pytorch1.12"},
            "base_framework",
            "pytorch1.12",
            "pytorch1.13",
        ),
    ],
)
def test_an_unknown_image_says_what_there_is(
    question: dict[str, str], what: str, given: str | None, first: str
) -> None:
    with pytest.raises(UnknownImage) as caught:
        find_image(**question)  # type: ignore[arg-type]
    assert (caught.value.what, caught.value.given, caught.value.allowed[0]) == (what, given, first)
    assert first in str(caught.value)


def test_what_an_image_has_no_choice_of_is_refused() -> None:
    with pytest.raises(UnknownImage, match="kmeans 1 has no py_version 'py3'; there is: none") as caught:
        find_image("kmeans", py_version="py3")
    assert caught.value.allowed == ()


def test_an_unknown_region_says_which_there_are() -> None:
    with pytest.raises(UnknownImage) as caught:
        find_image("sklearn", version="1.2-1").uri("us-east-3")
    assert (caught.value.what, caught.value.given) == ("region", "us-east-3")
    assert set(caught.value.allowed[:2]) <= {"us-east-1", "us-east-2"}


def test_names_are_only_of_a_known_scope() -> None:
    assert "clarify" in names("processing")
    assert "clarify" not in names()
    with pytest.raises(UnknownImage, match="training"):
        names("training")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("region", "suffix"),
    [
        ("eu-west-1", "amazonaws.com"),
        ("us-gov-west-1", "amazonaws.com"),
        ("cn-northwest-1", "amazonaws.com.cn"),
        ("us-iso-east-1", "c2s.ic.gov"),
        ("us-isob-east-1", "sc2s.sgov.gov"),
        ("us-isof-south-1", "csp.hci.ic.gov"),
        ("eu-isoe-west-1", "cloud.adc-e.uk"),
        ("eusc-de-east-1", "amazonaws.eu"),
    ],
)
def test_each_partition_has_its_dns_suffix(region: str, suffix: str) -> None:
    assert dns_suffix(region) == suffix


def test_every_partition_botocore_knows_has_its_dns_suffix() -> None:
    from botocore.loaders import create_loader

    for partition in create_loader().load_data("endpoints")["partitions"]:
        for region in partition["regions"]:
            assert dns_suffix(region) == partition["dnsSuffix"], region


def test_a_lookup_imports_nothing_heavy() -> None:
    program = (
        "import sys, constructs_lib.model.image_table as t; t.find_image('kmeans').uri('us-east-1');"
        "print([m for m in ('aws_cdk', 'jsii', 'sagemaker', 'boto3') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]"
