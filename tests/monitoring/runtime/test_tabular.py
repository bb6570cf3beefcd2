"""Training data to chunks."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from constructs_lib.core.runtime.store import FolderStore, Store, store_at
from constructs_lib.monitoring.runtime.reading.lines import Unread, split
from constructs_lib.monitoring.runtime.reading.table import Cell
from constructs_lib.monitoring.runtime.reading.tabular import csv_records, data_items, table
from constructs_lib.monitoring.runtime.reading.tally import Tally
from tests.support.bucket import BUCKET, FakeBucket
from tests.support.capturing import whole


@pytest.fixture(params=["bucket", "folder"])
def filled(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    def make(**files: bytes) -> Store:
        named = {key.replace("__", "/").replace("_dot_", "."): body for key, body in files.items()}
        if request.param == "bucket":
            return store_at(f"s3://{BUCKET}", FakeBucket(named).client("s3"))
        for key, body in named.items():
            FolderStore(tmp_path).write(key, body)
        return FolderStore(tmp_path)

    return make


def read(store: Store, under: str = "", **how: Any) -> tuple[dict[str, list[Cell]], Tally]:
    tally = Tally()
    return whole(table(store, data_items(store, under), tally, **how)), tally


def test_csv_with_a_header(filled: Any) -> None:
    columns, tally = read(
        filled(train_dot_csv=b'\xef\xbb\xbfa, b\r\n1,x\r\n\r\n2,"y,\r\nz"\r\n'), "train.csv"
    )
    assert columns == {"a": ["1", "2"], "b": ["x", "y,\nz"]}
    assert tally == Tally(records=2, rows=2)


def test_csv_without_one(filled: Any) -> None:
    store = filled(train_dot_csv=b"1,x\n2,y")
    assert read(store, header=False)[0] == {"_c0": ["1", "2"], "_c1": ["x", "y"]}
    assert read(store, header=False, columns=["a", "b"])[0] == {"a": ["1", "2"], "b": ["x", "y"]}


def test_json_lines(filled: Any) -> None:
    store = filled(
        train__1_dot_jsonl=b'\xef\xbb\xbf{"a": 1, "b": {"c": null}}\n\n{"a": 2.5, "b": {"c": true}}\r\n',
        train__2_dot_jsonl_dot_gz=gzip.compress(b'{"a": "x"}'),
    )
    columns, tally = read(store, "train")
    assert columns == {"a": [1, 2.5, "x"], "b.c": [None, True, None]}
    assert tally == Tally(records=3, rows=3)


def test_several_files_with_columns_in_another_order(filled: Any) -> None:
    store = filled(
        train__1_dot_csv=b"a,b\n1,2\n",
        train__2_dot_csv=b"b,a\n4,3\n",
        train__3_dot_csv_dot_gz=gzip.compress(b"a,c\n5,6\n"),
    )
    columns, tally = read(store, "train")
    assert columns == {"a": ["1", "3", "5"], "b": ["2", "4", None], "c": [None, None, "6"]}
    columns, tally = read(store, "train", columns=["b"])
    assert columns == {"b": ["2", "4", None]}
    assert (tally.extra, tally.missing) == ({"a": 3, "c": 1}, {"b": 1})


def test_what_is_no_data_is_left_out(filled: Any) -> None:
    body = b"a\n1\n"
    store = filled(t___SUCCESS=b"x", t__empty_dot_csv=b"", t___dot_hidden=b"x", t__part_dot_csv=body, u=b"u")
    assert [each.key for each in data_items(store, "t")] == ["t/part.csv"]


def test_rows_that_cannot_be_read_are_counted_and_stop_nothing(filled: Any) -> None:
    store = filled(
        t__1_dot_csv=b'a,b\n1,2\n3\n"open,4\n5,6\n"x"y,7\n\xff,8\n' + b"x" * 99 + b"\n9,10",
        t__2_dot_jsonl=b'{"a": 11, "b": 12}\n{"a"\n[13, 14]\n[15]\n[[16], 17]\n'
        + b"[" * 90
        + b"\n"
        + b"x" * 99,
    )
    columns, tally = read(store, longest=98)
    assert columns == {"a": ["1", "5", "9", 11, 13], "b": ["2", "6", "10", 12, 14]}
    assert tally.rows == 5
    # Of CSV the short row, two quotes, what is no UTF-8, the long line; of JSON five.
    assert tally.unread == 10


def test_a_file_whose_header_cannot_be_read_is_not_read(filled: Any) -> None:
    columns, tally = read(filled(t__1_dot_csv=b'"a,b\n1,2\n', t__2_dot_csv=b"a,b\n3,4\n"))
    assert columns == {"a": ["3"], "b": ["4"]}
    assert tally.unread == 1


def test_a_quote_that_is_never_closed_costs_its_line_alone() -> None:
    told = [b'1,"open', *(b"%d,x" % number for number in range(100_000))]
    found = [cells for cells, _ in csv_records(told)]
    assert isinstance(found[0], Unread)
    assert found[1:] == [[str(number), "x"] for number in range(100_000)]


def test_a_quoted_record_has_a_limit() -> None:
    told = [b'"a', b'b","c', b'd"', b"e,f"]
    assert [cells for cells, _ in csv_records(told)] == [["a\nb", "c\nd"], ["e", "f"]]
    first, *rest = [cells for cells, _ in csv_records(told, longest=5)]
    assert isinstance(first, Unread)
    assert "more than 5" in first.reason
    # From its second line on, of which each is tried for itself.
    assert rest[-1] == ["e", "f"]


CELLS = st.text(alphabet='a1é☃,\u2028" \n', max_size=5)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(CELLS, min_size=2, max_size=3), max_size=8), st.booleans(), st.integers(1, 40))
def test_records_are_those_of_the_module_wherever_blocks_are_cut(
    rows: list[list[str]], all_quoted: bool, size: int
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL if all_quoted else csv.QUOTE_MINIMAL).writerows(rows)
    body = text.getvalue().encode()
    blocks = [body[start : start + size] for start in range(0, len(body), size)]
    assert [cells for cells, _ in csv_records(split(blocks))] == rows


def test_numbers_of_json_come_as_they_are(filled: Any) -> None:
    rows = [{"n": value} for value in (1, -0.5, 10**20, float("nan"), float("inf"), None, "é", False)]
    columns, _ = read(filled(t_dot_ndjson="\n".join(map(json.dumps, rows)).encode()))
    assert list(map(repr, columns["n"])) == [repr(row["n"]) for row in rows]
