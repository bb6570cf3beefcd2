"""A typed client for models in service: `InferenceClient`.

It needs boto3 and Python's standard library; the CDK and the constructs are not imported. As a package of its own
(`packaging/client`) it is called `constructs_lib_client`.
"""

from .auth import ApiAuth, BearerAuth, IamAuth
from .client import InferenceClient
from .deadline import Deadline
from .errors import (
    AnswerTooLarge,
    BadAnswer,
    BadRequest,
    DeadlineExceeded,
    InferenceError,
    ModelError,
    NotAuthorised,
    NotFound,
    NotReady,
    PayloadTooLarge,
    StreamInterrupted,
    Throttled,
    TimedOut,
    Unavailable,
    UnsupportedContentType,
)
from .formats import Csv, CsvNumbers, Deserializer, Json, JsonLines, JsonValue, Raw, Serializer
from .npy import Npy
from .predictions import AsyncPrediction, Prediction
from .settings import (
    API_BYTES,
    ASYNC_BYTES,
    ASYNC_INLINE_BYTES,
    REAL_TIME_BYTES,
    SERVERLESS_BYTES,
    ClientSettings,
)
from .streams import PredictionStream
from .transport import Answer, OpenAnswer, Request, Target, Ticket, Transport

__all__ = [
    "API_BYTES",
    "ASYNC_BYTES",
    "ASYNC_INLINE_BYTES",
    "REAL_TIME_BYTES",
    "SERVERLESS_BYTES",
    "Answer",
    "AnswerTooLarge",
    "ApiAuth",
    "AsyncPrediction",
    "BadAnswer",
    "BadRequest",
    "BearerAuth",
    "ClientSettings",
    "Csv",
    "CsvNumbers",
    "Deadline",
    "DeadlineExceeded",
    "Deserializer",
    "IamAuth",
    "InferenceClient",
    "InferenceError",
    "Json",
    "JsonLines",
    "JsonValue",
    "ModelError",
    "NotAuthorised",
    "NotFound",
    "NotReady",
    "Npy",
    "OpenAnswer",
    "PayloadTooLarge",
    "Prediction",
    "PredictionStream",
    "Raw",
    "Request",
    "Serializer",
    "StreamInterrupted",
    "Target",
    "Throttled",
    "Ticket",
    "TimedOut",
    "Transport",
    "Unavailable",
    "UnsupportedContentType",
]
