"""Places: folders and prefixes alike; S3's errors say what is missing, and who may do something about it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ConnectionError as NoConnection
from botocore.response import StreamingBody
from botocore.stub import Stubber

from constructs_lib.monitoring.report.place import (
    Folder,
    Prefix,
    ReportError,
    json_of,
    latest,
    place_of,
    windows,
)


@pytest.fixture
def stubbed() -> Iterator[Stubber]:
    client = boto3.Session("test", "test", region_name="eu-west-1").client("s3")
    with Stubber(client) as stub:
        yield stub
        stub.assert_no_pending_responses()


def prefix(stub: Stubber, key: str = "monitoring/fraud/Data") -> Prefix:
    return Prefix(stub.client, "b", key)


def listed(stub: Stubber, folder: str, *names: str) -> None:
    found = {"CommonPrefixes": [{"Prefix": f"{folder}{name}/"} for name in names]} if names else {}
    stub.add_response("list_objects_v2", found, {"Bucket": "b", "Prefix": folder, "Delimiter": "/"})


def test_a_file_in_a_bucket(stubbed: Stubber) -> None:
    body = StreamingBody(io.BytesIO(b'{"a": 1}'), 8)
    stubbed.add_response("get_object", {"Body": body}, {"Bucket": "b", "Key": "monitoring/fraud/Data/x.json"})

    assert json_of(prefix(stubbed), "x.json") == {"a": 1}


def test_no_such_file_is_none(stubbed: Stubber) -> None:
    stubbed.add_client_error("get_object", "NoSuchKey")

    assert prefix(stubbed).read("x.json") is None


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("AccessDenied", r"no access to s3://b/monitoring/fraud/Data/x.json.*s3:GetObject and s3:ListBucket"),
        ("NoSuchBucket", r"there is no such bucket: s3://b/"),
        ("SlowDown", r"AWS refuses GetObject of s3://b/.*: later \(SlowDown\)"),
    ],
)
def test_what_s3_refuses(stubbed: Stubber, code: str, words: str) -> None:
    stubbed.add_client_error("get_object", code, "later")

    with pytest.raises(ReportError, match=words):
        prefix(stubbed).read("x.json")


def test_a_list_that_is_refused(stubbed: Stubber) -> None:
    stubbed.add_client_error("list_objects_v2", "AccessDenied", "no")

    with pytest.raises(ReportError, match="s3:ListBucket"):
        prefix(stubbed).folders()


def test_no_way_to_s3(stubbed: Stubber, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(**_: object) -> None:
        raise NoConnection(error="no route")

    monkeypatch.setattr(stubbed.client, "get_object", failing)

    with pytest.raises(ReportError, match=r"cannot read s3://b/.*x.json: .*no route"):
        prefix(stubbed).read("x.json")


def test_the_latest_window(stubbed: Stubber) -> None:
    root = "monitoring/fraud/Data/"
    listed(stubbed, root, "2025", "2026", "baseline")
    listed(stubbed, f"{root}2026/", "10", "11")
    listed(stubbed, f"{root}2026/11/", "27", "28")
    listed(stubbed, f"{root}2026/11/28/", "0900", "1000")

    assert latest(prefix(stubbed)) == "2026/11/28/1000"


def test_a_prefix_without_windows(stubbed: Stubber) -> None:
    listed(stubbed, "monitoring/fraud/Data/", "baseline")

    assert latest(prefix(stubbed)) is None


def test_windows_of_days(tmp_path: Path) -> None:
    for path in ("2026/11/27/2300", "2026/11/28/0100", "2026/11/28/00", "2026/11/28/tmp", "2026/11/29/0000"):
        (tmp_path / path).mkdir(parents=True)

    found = list(windows(Folder(tmp_path), ["2026/11/26", "2026/11/27", "2026/11/28"]))

    assert found == ["2026/11/27/2300", "2026/11/28/00", "2026/11/28/0100"]


def test_where_a_place_lies(stubbed: Stubber, tmp_path: Path) -> None:
    of = place_of("s3://b/monitoring//fraud/Data/2026/11/28/1000/", lambda: stubbed.client)

    assert of.text == "s3://b/monitoring/fraud/Data/2026/11/28/1000/"
    assert of.above(4).text == "s3://b/monitoring/fraud/Data/"
    assert of.above(4).within("baseline/x").text == "s3://b/monitoring/fraud/Data/baseline/x/"
    assert place_of("s3://b", lambda: stubbed.client).text == "s3://b/"
    assert Folder(tmp_path / "a/b/c").above(2) == Folder(tmp_path / "a")


def test_a_uri_without_a_bucket() -> None:
    with pytest.raises(ReportError, match="names no bucket"):
        place_of("s3:///x", lambda: None)
