"""What the page shows runs, and says all that there is."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields
from typing import Any

from constructs_lib.access import client as lib
from constructs_lib.access.client import ClientSettings, InferenceClient
from tests.docs.markdown import ROOT, blocks

from .server import Server, answer, chunked

PAGE = ROOT / "docs" / "client.md"
NOT_FOR_USERS = {"Answer", "OpenAnswer", "Request", "Transport"} | {
    name
    for name in lib.__all__
    if name.endswith("_BYTES") or name in ("Serializer", "Deserializer", "ApiAuth")
}


def shown() -> dict[str, Any]:
    names: dict[str, Any] = {}
    for block in blocks(PAGE, "python"):
        exec(block.code, names)  # noqa: S102 - our own documentation
    return names


def test_the_functions_of_the_page_do_what_they_say(server: Server) -> None:
    page = shown()
    client = InferenceClient.for_api(server.url, auth=None, settings=ClientSettings(poll=0.01, backoff=0))
    server.play(answer(body=b"[0.5]"))
    value, inference_id = page["score"](client, [[1]])
    assert value == [0.5]
    server.play(answer(429))
    assert page["score"](client, [[1]]) is None
    server.play(chunked(b"1\n", b"2"))
    assert page["read_lines"](client, [1]) == [[1], [2]]
    server.play(answer(202), answer(202), answer(body=b"[7]"))
    assert page["wait_for"](client, [1]) == [7]
    assert page["elsewhere"](client, inference_id) == [7]
    page["tell"](client, inference_id)
    assert server.seen[-1].path == "/rewards"


def test_every_name_and_parameter_is_on_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    names = (
        set(lib.__all__) - NOT_FOR_USERS - {"JsonValue", "Prediction", "PredictionStream", "AsyncPrediction"}
    ) | {each.name for each in fields(ClientSettings)}
    for method in ("for_endpoint", "for_parameter", "for_api", "predict", "stream", "submit", "reward"):
        names |= set(inspect.signature(getattr(InferenceClient, method)).parameters) - {"self"}
    assert {name for name in names if not re.search(rf"\b{name}\b", text)} == set()
