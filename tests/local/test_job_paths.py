"""Which texts of a container name its folder, and what becomes of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from constructs_lib.local.jobs.paths import local, mapped

BASE = Path("/here/ml")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/opt/ml", "/here/ml"),
        ("/opt/ml/", "/here/ml/"),
        ("/opt/ml/processing/ü b", "/here/ml/processing/ü b"),
        ("--out=/opt/ml/a", "--out=/here/ml/a"),
        ("/opt/ml/a.zip:/opt/ml/b", "/here/ml/a.zip:/here/ml/b"),
        ('{"path": "/opt/ml/a"}', '{"path": "/here/ml/a"}'),
        ("a /opt/ml/b", "a /here/ml/b"),
        ("", ""),
        ("/opt/mlflow", "/opt/mlflow"),
        ("/opt/ml-data", "/opt/ml-data"),
        ("/opt/ml.d/x", "/opt/ml.d/x"),
        ("s3://bucket/opt/ml/x", "s3://bucket/opt/ml/x"),
        ("/data/opt/ml/x", "/data/opt/ml/x"),
        ("opt/ml/x", "opt/ml/x"),
        ("../opt/ml", "../opt/ml"),
    ],
)
def test_what_is_mapped(text: str, expected: str) -> None:
    assert mapped(text, BASE) == expected


def test_a_folder_with_a_backslash_is_taken_as_it_is() -> None:
    assert mapped("/opt/ml/x", Path(r"/a\1b")) == r"/a\1b/x"


def test_where_a_path_lies() -> None:
    assert local("/opt/ml/processing/x", BASE) == BASE / "processing" / "x"
    assert local("/opt/ml", BASE) == BASE


@pytest.mark.parametrize("path", ["/opt/ml/../x", "/elsewhere", "processing", "", "/opt/mlx"])
def test_what_lies_elsewhere_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="/opt/ml"):
        local(path, BASE)
