"""Endpoints of the other kinds with the least of everything, unless told otherwise."""

from __future__ import annotations

from typing import Any

import constructs

from constructs_lib import AsyncEndpoint, Container, ContainerImage, MultiModelEndpoint, ServerlessEndpoint

from .synth import IMAGE_URI, a_model


def a_serverless_endpoint(
    scope: constructs.Construct, id: str = "Endpoint", **props: Any
) -> ServerlessEndpoint:
    """A serverless endpoint with a model of its own."""
    model = props.pop("model", None) or a_model(scope, f"{id}Model")
    return ServerlessEndpoint(scope, id, model=model, **props)


def an_async_endpoint(scope: constructs.Construct, id: str = "Endpoint", **props: Any) -> AsyncEndpoint:
    """An asynchronous endpoint with a model of its own."""
    model = props.pop("model", None) or a_model(scope, f"{id}Model")
    return AsyncEndpoint(scope, id, **{"model": model, "instance_type": "ml.m5.large", **props})


def a_multi_model_endpoint(
    scope: constructs.Construct, id: str = "Endpoint", **props: Any
) -> MultiModelEndpoint:
    """A multi-model endpoint with a bucket of its own."""
    container = Container(image=ContainerImage.from_uri(IMAGE_URI))
    return MultiModelEndpoint(scope, id, **{"container": container, "instance_type": "ml.m5.large", **props})
