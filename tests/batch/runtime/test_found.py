"""What is found of an input: in a folder, and by a manifest."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from botocore.exceptions import ClientError

from constructs_lib.batch.runtime.found import Bounds, Found, Object, keys_of, look
from constructs_lib.batch.runtime.inputs import InputError, Place
from tests.support.batch_aws import BatchAws
from tests.support.fake_aws import Refused

BOUNDS = Bounds(within="")
MANIFEST = Place("landing", "lists/a.manifest", True)


def folder(key: str) -> Place:
    return Place("landing", key, False)


def aws_with(*keys: str, body: bytes = b"1,2\n") -> BatchAws:
    return BatchAws({("landing", key): body for key in keys})


def found(aws: BatchAws, place: Place, bounds: Bounds = BOUNDS, left: Any = lambda: math.inf) -> Found:
    return look(aws.client("s3"), place, bounds, left)


def keys(found: Found) -> list[str]:
    return [each.key for each in found.objects]


# --- folders --------------------------------------------------------------------------------------------


def test_everything_below_a_folder_is_found_whatever_it_is_called() -> None:
    odd = ["d/a b", "d/a%20b", "d/a+b", "d/deep/er/ü", "d/e\u0301", "d/<&>\"'", "d/~", "d/x=1/y", "d/漢字"]
    aws = aws_with("c", "d2/x", "d", *odd)
    assert keys(found(aws, folder("d/"))) == sorted(odd)
    assert aws.calls == ["ListObjectsV2"] * 5  # pages of two


def test_what_is_known_of_an_object() -> None:
    result = found(aws_with("d/a"), folder("d/"))
    assert result.objects == [Object("d/a", 4, "3ecfad755fa825f7a17c5526ec44e651")]
    assert result.size == 4


def test_no_data_is_left_out_and_counted() -> None:
    aws = aws_with(
        "d/a",
        "d/_SUCCESS",
        "d/.part.crc",
        "d/_temporary/0/part-0",
        "d/.hive/x",
        "d/x_y",
        "d/b.manifest",
        "d/x.y/c",
    )
    aws.objects |= {("landing", "d/"): b"", ("landing", "d/empty"): b"", ("landing", "d/folder/"): b""}
    result = found(aws, folder("d/"), Bounds(within="", arrival_suffix=".manifest"))
    assert keys(result) == ["d/a", "d/x.y/c", "d/x_y"]
    assert result.left_out == {"folders": 2, "hidden": 4, "empty": 1, "manifests": 1}


def test_a_folder_that_is_asked_for_may_be_called_anything() -> None:
    assert keys(found(aws_with("_new/.x/a"), folder("_new/.x/"))) == ["_new/.x/a"]


def test_a_bucket_may_be_an_input_as_a_whole() -> None:
    aws = aws_with("a", "_SUCCESS", "runs/1/output/1/a.out", "runs2/x")
    result = found(aws, folder(""), Bounds(within="", runs="runs/"))
    assert keys(result) == ["a", "runs2/x"]
    assert result.left_out == {"hidden": 1, "of runs": 1}


def test_nothing_is_found_where_nothing_is() -> None:
    assert found(BatchAws(), folder("d/")) == Found([])


def test_a_hundred_thousand_objects_are_listed_page_by_page() -> None:
    aws = aws_with(*(f"d/part-{n:06}" for n in range(100_000)))
    aws.page = 50_000  # sorting all of them for each page is the fake's, not S3's
    result = found(aws, folder("d/"))
    assert len(result.objects) == 100_000
    assert aws.calls == ["ListObjectsV2"] * 2


def test_more_objects_than_a_run_can_have_are_refused_as_soon_as_they_are_seen() -> None:
    aws = aws_with(*(f"d/{n}" for n in range(9)))
    with pytest.raises(InputError, match="more than 3 objects"):
        found(aws, folder("d/"), Bounds(within="", most=3))
    assert len(aws.calls) == 2


def test_a_look_ends_before_the_function_does() -> None:
    aws = aws_with(*(f"d/{n}" for n in range(9)))
    left = iter([100.0, 60.0, 19.0])
    with pytest.raises(InputError, match="time was over after 6 objects"):
        found(aws, folder("d/"), left=lambda: next(left))


# --- manifests ------------------------------------------------------------------------------------------


def manifest(aws: BatchAws, *entries: Any) -> None:
    aws.put(MANIFEST.uri, json.dumps([{"prefix": "s3://landing/d/"}, *entries]))


def test_a_manifest_names_its_objects() -> None:
    aws = aws_with("d/b", "d/a", "d/_hidden", "d/c é+%", "d/other")
    manifest(aws, "b", "_hidden", "a", "c é+%")
    assert keys(found(aws, MANIFEST)) == ["d/_hidden", "d/a", "d/b", "d/c é+%"]


def test_folder_and_manifest_find_the_same_of_an_object() -> None:
    aws = aws_with("d/a", "d/b")
    manifest(aws, "a", "b")
    assert found(aws, MANIFEST).objects == found(aws, folder("d/")).objects


def test_many_objects_are_looked_at_at_once() -> None:
    names = [f"{n:04}" for n in range(600)]
    aws = aws_with(*(f"d/{name}" for name in names))
    manifest(aws, *names)
    assert keys(found(aws, MANIFEST)) == [f"d/{name}" for name in names]
    assert aws.calls == ["GetObject", *["HeadObject"] * 600]


def test_a_manifest_without_objects_has_none() -> None:
    aws = BatchAws()
    manifest(aws)
    assert found(aws, MANIFEST) == Found([])


def test_what_cannot_be_scored_is_named() -> None:
    aws = aws_with("d/a", "d/secret")
    aws.put("s3://landing/d/empty", b"")
    aws.unreadable = frozenset({"d/secret"})
    manifest(aws, "a", "gone", "empty", "secret")
    with pytest.raises(InputError) as refused:
        found(aws, MANIFEST)
    told = str(refused.value)
    assert "s3://landing/d/gone is not there" in told
    assert "s3://landing/d/empty is empty" in told
    assert "s3://landing/d/secret may not be read, or is not there" in told
    assert "d/a" not in told


def test_only_a_few_of_many_are_named() -> None:
    aws = BatchAws()
    manifest(aws, *(f"{n}" for n in range(1000)))
    with pytest.raises(InputError, match="251 more") as refused:
        found(aws, MANIFEST)
    assert len(str(refused.value)) < 500
    assert aws.calls.count("HeadObject") == 256  # and the rest is not looked at


def test_trouble_that_is_not_the_objects_is_no_fault_of_the_manifest() -> None:
    aws = aws_with("d/a")
    manifest(aws, "a")
    aws.refused = {"HeadObject": Refused("SlowDown", "Please reduce your request rate")}
    with pytest.raises(ClientError, match="SlowDown"):
        found(aws, MANIFEST)


def test_a_manifest_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match=r"the manifest s3://landing/lists/a.manifest is not there"):
        found(BatchAws(), MANIFEST)


def test_a_manifest_beyond_measure_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    aws = aws_with("d/a")
    manifest(aws, "a")
    monkeypatch.setattr("constructs_lib.batch.runtime.found._LARGEST_MANIFEST", 10)
    with pytest.raises(InputError, match=r"the manifest s3://landing/lists/a.manifest has more than \d+ MiB"):
        found(aws, MANIFEST)


def test_a_look_at_the_objects_of_a_manifest_ends_in_time_too() -> None:
    aws = aws_with("d/a")
    manifest(aws, "a")
    with pytest.raises(InputError, match="time was over"):
        found(aws, MANIFEST, left=lambda: 1.0)
    manifest(aws, *map(str, range(9)))
    with pytest.raises(InputError, match="more than 8 objects"):
        found(aws, MANIFEST, Bounds(within="", most=8))
    assert "HeadObject" not in aws.calls


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("no json", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        (b"\xff", "is no JSON"),
        ("{}", "is no list"),
        ("[]", "is no list"),
        ('["a"]', "does not begin with"),
        ('[{"prefix": 5}]', "does not begin with"),
        ('[{"prefix": "d/"}]', "does not begin with"),
        ('[{"prefix": "s3://landing/d/", "more": 1}]', "does not begin with"),
        ('[{"prefix": "s3://other/d/"}, "a"]', "names objects of 'other'"),
        ('[{"prefix": "s3://landing/d/"}, 5]', "names 5, which is no object"),
        ('[{"prefix": "s3://landing/d/"}, {"prefix": "s3://landing/e/"}]', "which is no object"),
        ('[{"prefix": "s3://landing/d/"}, ""]', "which is no object"),
        ('[{"prefix": "s3://landing/d/"}, "sub/"]', "which is no object"),
        ('[{"prefix": "s3://landing/d/"}, "a", "b", "a"]', "names twice: d/a"),
        ('[{"prefix": "s3://landing/e/"}, "a"]', "may only read below s3://landing/d"),
    ],
)
def test_what_is_no_manifest_is_refused(body: str | bytes, told: str) -> None:
    with pytest.raises(InputError) as refused:
        keys_of(body if isinstance(body, bytes) else body.encode(), MANIFEST, "d")
    assert told in str(refused.value)
    assert "s3://landing/lists/a.manifest" in str(refused.value)


def test_a_prefix_need_not_be_a_folder() -> None:
    assert keys_of(b'[{"prefix": "s3://landing/d/part-"}, "1"]', MANIFEST, "d/") == ["d/part-1"]
