"""Requests that the endpoint answers at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from .answers import Answer
from .faults import refusal_of
from .headers import CUSTOM_ATTRIBUTES, INFERENCE_ID, VARIANT, media_type, parameters, targets
from .input_checks import check
from .requests import Request
from .settings import Settings

_CONNECT_SECONDS = 2


def sagemaker_runtime(settings: Settings) -> Any:
    """The client: it waits no longer than API Gateway does, and asks once, since the caller may ask again."""
    config = Config(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=settings.timeout,
        retries={"mode": "standard", "total_max_attempts": 1},
    )
    return boto3.client("sagemaker-runtime", config=config)


def checked(request: Request, settings: Settings) -> dict[str, str]:
    """What the endpoint is told beside the body, of a request that may be passed on.

    :raises Refusal: where it may not.
    """
    told = named(request, settings)
    check(request.body, media_type(request.headers), settings)
    return told


def named(request: Request, settings: Settings) -> dict[str, str]:
    """The same of the headers alone."""
    return {
        **parameters(request.headers),
        **targets(request.headers, may=settings.targets, must=settings.required),
    }


def answered(*, body: bytes, content_type: str, inference_id: str, told: Mapping[str, str | None]) -> Answer:
    """What the endpoint answered."""
    headers = {"Content-Type": content_type, INFERENCE_ID: inference_id, **told}
    return Answer(headers={name: each for name, each in headers.items() if each}, body=body)


class Invoking:
    """Asks the endpoint, and waits for its answer."""

    def __init__(self, settings: Settings, *, runtime: Any) -> None:
        self._settings = settings
        self._runtime = runtime

    def answer(self, request: Request, inference_id: str) -> Answer:
        """What the endpoint answers.

        :raises Refusal: where it does not.
        """
        told = checked(request, self._settings)
        try:
            answer = self._runtime.invoke_endpoint(
                EndpointName=self._settings.endpoint, Body=request.body, InferenceId=inference_id, **told
            )
            body = answer["Body"].read()
        except (ClientError, BotoCoreError) as error:
            raise refusal_of(error) from error
        return answered(
            body=body,
            content_type=answer.get("ContentType", ""),
            inference_id=inference_id,
            told={
                VARIANT: answer.get("InvokedProductionVariant"),
                CUSTOM_ATTRIBUTES: answer.get("CustomAttributes"),
            },
        )
