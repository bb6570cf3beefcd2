"""What AWS's models say in Java is read as Java means it. The wordings are tested through the services."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.model import ServiceModel

from constructs_lib.local import shapes
from constructs_lib.local.shapes import Requests


@pytest.mark.parametrize("service", ["sagemaker", "sagemaker-runtime", "application-autoscaling"])
def test_every_pattern_of_the_models_is_understood(service: str) -> None:
    model = shapes.service_model(service)
    patterns = {model.shape_for(name).metadata.get("pattern") for name in model.shape_names} - {None}
    assert patterns
    for pattern in patterns:
        shapes._compiled(pattern)


def complaint(member: dict[str, Any], value: object, monkeypatch: pytest.MonkeyPatch) -> str | None:
    """What is said of a request of one member, "Member", that has this shape."""
    structure = {"type": "structure", "members": {"Member": {"shape": "It"}}}
    operations = {"Do": {"name": "Do", "input": {"shape": "Request"}}}
    model = ServiceModel(
        {"metadata": {}, "operations": operations, "shapes": {"Request": structure, "It": member}}
    )
    monkeypatch.setattr(shapes, "service_model", lambda _service: model)
    requests = Requests(service="made-up", unknown_member=lambda path, name, _known: f"no {path}{name}")
    return requests.complaint("Do", {"Member": value})


XML = r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*"


@pytest.mark.parametrize(
    ("pattern", "value", "fits"),
    [
        (XML, "a\t😀", True),
        (XML, "a\x00", False),
        (r"\p{Print}+", "a b~", True),
        (r"\p{Print}+", "é", False),
        (r"\A\S[\p{Print}]*\z", "mine", True),
        (r"\A\S[\p{Print}]*\z", "miné", False),
        (r"[\p{L}\p{N}]*", "é1", True),
        (r"[a-z]+", "ok\n", False),
    ],
)
def test_a_pattern_of_java(pattern: str, value: str, fits: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    said = complaint({"type": "string", "pattern": pattern}, value, monkeypatch)
    assert (said is None) is fits, said


@pytest.mark.parametrize(
    ("type_name", "value", "fits"),
    [
        ("integer", 1, True),
        ("integer", True, False),
        ("integer", 1.5, False),
        ("double", 1, True),
        ("boolean", True, True),
        ("boolean", 1, False),
        ("timestamp", 1.5, True),
        ("timestamp", "yesterday", False),
    ],
)
def test_a_type_of_json(type_name: str, value: object, fits: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    said = complaint({"type": type_name}, value, monkeypatch)
    wrong = f"1 validation error detected: Value '{value}' at 'member' failed to satisfy constraint: "
    assert said == (None if fits else f"{wrong}Member must be of type {type_name}")


def test_a_null_in_a_list_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    said = complaint({"type": "list", "member": {"shape": "It"}}, [None], monkeypatch)
    assert said is not None
    assert "Value null at 'member.1.member' failed to satisfy constraint" in said
