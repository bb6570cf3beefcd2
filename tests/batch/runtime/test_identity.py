"""What is one run, and what is another; and names that AWS takes."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.batch.runtime.identity import base36, digest_of, execution_arn, job_name, run_name

JOB = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
"""https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html"""
RUN = re.compile(r"[0-9a-zA-Z_-]{1,80}")
HOW = "0f3a5c7e9b1d"
OBJECTS = [("a/1", 3, "e1"), ("a/2", 5, "e2"), ("a/é +%", 7, "e3")]


def digest(objects: Any = OBJECTS, **more: Any) -> str:
    return digest_of(objects, **{"bucket": "landing", "model": "fraud-1", "how": HOW, **more})


def test_what_is_the_same_has_the_same_digest() -> None:
    assert digest() == digest(OBJECTS[::-1])
    assert digest() == digest([(key, size, f'"{etag}"') for key, size, etag in OBJECTS])
    assert re.fullmatch("[0-9a-f]{32}", digest())


def test_a_digest_stays_what_it_is() -> None:
    # Were it to change with a release, every input would be scored once more.
    assert digest() == "9e8a3cbafadc2a4f73a680857ac44a74"


def test_what_differs_in_anything_has_another() -> None:
    others = [
        digest(OBJECTS[1:]),
        digest([("a/1", 3, "other"), *OBJECTS[1:]]),
        digest([("a/1", 4, "e1"), *OBJECTS[1:]]),
        digest([("b/1", 3, "e1"), *OBJECTS[1:]]),
        digest(bucket="b"),
        digest(model="fraud-2"),
        digest(how="1f3a5c7e9b1d"),
        digest(how=""),
    ]
    assert len({digest(), *others}) == len(others) + 1


@given(
    st.lists(st.tuples(st.text(), st.integers(0, 1 << 40), st.text("0123456789abcdef-")), max_size=6),
    st.randoms(),
)
def test_the_order_of_a_listing_does_not_matter(objects: list[tuple[str, int, str]], random: Any) -> None:
    shuffled = list(objects)
    random.shuffle(shuffled)
    assert digest(objects) == digest(shuffled)


def test_names_of_runs() -> None:
    found = "0" * 32
    assert run_name(found) == found
    assert run_name(found, ticket="m-1") == found  # only a forced run is told apart by it
    assert run_name(found, attempt=2) == f"{found}-r2"
    forced = run_name(found, force="why", ticket="m-1")
    assert re.fullmatch(f"{found}-f[0-9a-f]{{8}}", forced)
    assert run_name(found, force="why", ticket="m-1", attempt=2) == f"{forced}-r2"
    assert (
        len({forced, run_name(found, force="why", ticket="m-2"), run_name(found, force="w", ticket="hym-1")})
        == 3
    )


@given(st.text(), st.text(), st.integers(1, 99))
def test_step_functions_takes_all_of_them(force: str, ticket: str, attempt: int) -> None:
    assert RUN.fullmatch(run_name("0" * 32, force=force, ticket=ticket, attempt=attempt))


@given(
    st.from_regex(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,40}", fullmatch=True),
    st.integers(0, 36**9 - 1),
    st.sampled_from("tpf"),
    st.integers(1, 99),
)
def test_sagemaker_takes_the_names_of_all_jobs(prefix: str, order: int, job: str, attempt: int) -> None:
    base = job_name(prefix, "0123456789abcdef" * 2, order)
    assert len(base) <= 58
    assert JOB.fullmatch(f"{base}-{job}{attempt}")


def test_a_name_without_a_beginning_gets_one() -> None:
    assert job_name("-", "a" * 32, 0) == "batch-aaaaaaaaaaaa-0"


@given(st.integers(0, 1 << 60))
def test_base36_is_what_python_reads(number: int) -> None:
    assert int(base36(number), 36) == number


def test_an_execution_is_found_by_its_name() -> None:
    machine = "arn:aws-cn:states:cn-north-1:111122223333:stateMachine:nightly"
    assert execution_arn(machine, "r") == "arn:aws-cn:states:cn-north-1:111122223333:execution:nightly:r"
