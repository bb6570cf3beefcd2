"""Models and what they are made of, and what each of their properties may be."""

from __future__ import annotations

from aws_cdk import aws_ecr as ecr

from constructs_lib import Container, ContainerImage, Model, ModelData, ModelDataPrefix, MultiModel

from ..kinds import a, flag, like, listed, mapping, nothing, one_of, optional, text
from ..made import InStack, Made
from ..surroundings import ARTEFACTS
from .pool import CONTAINER, IMAGE, IN_A_NETWORK, IN_NO_NETWORK, NAME, NAMED_CONTAINERS, ROLE, Subject

FILE = r"(?!.*\.\.)[A-Za-z0-9_.-]{1,255}(/[A-Za-z0-9_.-]{1,255})*"
REPOSITORY = InStack("Repository", lambda stack, id: ecr.Repository.from_repository_name(stack, id, "fraud"))

PREFIX_OF_MODELS = Made(ModelData.from_prefix, (ARTEFACTS, "models/"))

VALUES_OF_MODELS: list[Subject] = [
    (
        "Container",
        Container,
        {
            "image": (IMAGE, a(ContainerImage)),
            "data": (None, optional(a(ModelData))),
            "environment": ({"A": "1"}, mapping(a(str))),
            "hostname": (None, optional(text(NAME))),
            "model_package": (None, nothing),
            "multi_model": (None, nothing),
        },
    ),
    (
        "Container of many models",
        Container,
        {
            "image": (IMAGE, a(ContainerImage)),
            "data": (PREFIX_OF_MODELS, a(ModelDataPrefix)),
            "multi_model": (Made(MultiModel), optional(a(MultiModel))),
            "model_package": (None, nothing),
        },
    ),
    ("MultiModel", MultiModel, {"cache": (True, flag), "code": (None, optional(one_of("model", "image")))}),
    (
        "Container.from_model_package",
        Container.from_model_package,
        {
            "arn": (
                "arn:aws:sagemaker:us-east-1:111122223333:model-package/fraud/1",
                text(r"arn:aws[a-z-]*:\S+"),
            ),
            "environment": (None, optional(mapping(a(str)))),
        },
    ),
    (
        "ContainerImage.built_in",
        ContainerImage.built_in,
        {
            "name": ("xgboost", one_of("xgboost")),
            "version": ("1.7-1", text(r"1(\.7-1)?")),
            "processor": (None, optional(a(str))),
        },
    ),
    (
        "ContainerImage.framework",
        ContainerImage.framework,
        {
            "name": ("sklearn", one_of("sklearn")),
            "version": ("1.2-1", one_of("1.2-1")),
            "entry_point": ("inference.py", text(FILE)),
            "processor": (None, optional(one_of("cpu"))),
            "py_version": (None, optional(one_of("py3"))),
            "base_framework": (None, nothing),
        },
    ),
    (
        "ContainerImage.from_repository",
        ContainerImage.from_repository,
        {
            "repository": (REPOSITORY, like("repository_arn")),
            "tag_or_digest": ("1.0", text(r"sha256:[0-9a-f]{64}|[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")),
        },
    ),
    (
        "ContainerImage.from_asset",
        ContainerImage.from_asset,
        {"directory": ("image", one_of("image")), "file": (None, nothing)},
    ),
    (
        "ContainerImage.from_uri",
        ContainerImage.from_uri,
        {"uri": ("111122223333.dkr.ecr.us-east-1.amazonaws.com/fraud:1", text(r"\d{12}\.dkr.*"))},
    ),
    (
        "ModelData.from_asset",
        ModelData.from_asset,
        {"path": ("model", one_of("model")), "code": (None, nothing), "exclude": ((), listed(a(str), 0, 50))},
    ),
    (
        "ModelData.from_bucket",
        ModelData.from_bucket,
        {
            "bucket": (ARTEFACTS, like("bucket_name")),
            "key": ("1.0.0/model.tar.gz", text(r"[^/].*\.tar\.gz")),
            "version": (None, optional(a(str))),
        },
    ),
    (
        "ModelData.from_prefix",
        ModelData.from_prefix,
        {
            "bucket": (ARTEFACTS, like("bucket_name")),
            "prefix": ("llm/1.0.0/", text(r"[^/].*/")),
            "version": (None, optional(a(str))),
        },
    ),
]

MODELS: list[Subject] = [
    (
        "Model",
        Model,
        {
            "container": (CONTAINER, a(Container)),
            "containers": (None, nothing),
            "role": ROLE,
            "direct_invocation": (False, one_of(False)),
            **IN_NO_NETWORK,
        },
    ),
    ("Model in a network", Model, {"container": (CONTAINER, a(Container)), **IN_A_NETWORK}),
    (
        "Model of a pipeline",
        Model,
        {
            "containers": ([CONTAINER, CONTAINER], listed(a(Container), 2, 15)),
            "container": (None, nothing),
            "direct_invocation": (False, one_of(False)),
        },
    ),
    (
        "Model invoked directly",
        Model,
        {"containers": (NAMED_CONTAINERS, listed(a(Container), 2, 15)), "direct_invocation": (True, flag)},
    ),
]
