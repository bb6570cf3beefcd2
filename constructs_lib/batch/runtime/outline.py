"""What is to be done with what the transform job wrote: whose each output is, and lists of chunks for the maps."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from typing import Any, NamedTuple

from ...core.runtime.store import write_json
from .chunks import Chunk
from .gather import Gathered, check_unchanged, gathered
from .pairing import MissingOutput, paired
from .problems import write_problem
from .run_files import FINISHED, INSPECT, OUTPUT, PAIRS, Run, list_key

CHUNK_BYTES = 64 << 20
"""Of what one function inspects: it reads them in a few seconds, one after the other."""
MOST_CHUNKS = 20_000
"""In a list, unless there are more files: then each file is one."""
MOST_IN_A_GROUP = 100
"""Each chunk of a group costs a request or two, whatever its size."""
_NOTHING_TO_DO: list[dict[str, list[Any]]] = [{"chunks": []}]
"""One group without chunks: whether a Distributed Map takes an empty list is not documented."""


class File(NamedTuple):
    """A file that chunks are made of."""

    what: str
    bucket: str
    key: str
    size: int
    number: int
    """Among the files of its kind, in the order of their keys: a record is known by it."""
    gzip: bool = False
    etag: str = ""


def outline(run: Run) -> dict[str, Any]:
    """Pair outputs with inputs, and write the lists of chunks; their keys in the bucket, and how long they are.

    :raises MissingOutput: where they are not one to one.
    :raises InputChanged: where an input was replaced, and nobody is to read it again.
    """
    inputs = gathered(run)
    outputs = _files(run, "out", OUTPUT, "transform")
    pairs = _pairs(run, inputs, outputs)
    write_json(run.store, PAIRS, {"bucket": inputs.bucket, "pairs": pairs}, compact=True)
    finished = _files(run, "finished", FINISHED, "finish") if run.settings.finishes else []
    if not run.settings.lines and not run.settings.prepares:
        check_unchanged(run, inputs)
    to_inspect = list(_inspected(run, inputs, outputs, finished))
    facing = finished if run.settings.finishes else outputs
    sinks = {
        each["name"]: _write(run, each["name"], facing, each["chunk_bytes"]) for each in run.settings.sinks
    }
    lengths = {INSPECT: _write(run, INSPECT, to_inspect, CHUNK_BYTES), **sinks}
    return {
        "objects": len(outputs),
        "inspect": run.key(list_key(INSPECT)),
        "sinks": {name: run.key(list_key(name)) for name in sinks},
        "chunks": lengths,
    }


def _files(run: Run, what: str, folder: str, job: str) -> list[File]:
    """What a job has written. Empty files keep their number: they may be what is missing."""
    return [
        File(what, run.settings.bucket, run.key(item.key), item.size, number)
        for number, item in enumerate(run.made(folder, job))
    ]


def _pairs(run: Run, inputs: Gathered, outputs: Sequence[File]) -> list[tuple[str, str]]:
    """Whole keys of inputs and outputs, in the order of the inputs."""
    folder = run.key(f"{OUTPUT}/{run.attempt('transform')}/")
    keys = [each.key for each in inputs.objects]
    try:
        found = paired(keys, [each.key.removeprefix(folder) for each in outputs])
    except MissingOutput as error:
        write_problem(run, "outline", 0, error, f"s3://{run.settings.bucket}/{folder}")
        raise
    return [(key, folder + found[key]) for key in keys]


def _inspected(
    run: Run, inputs: Gathered, outputs: Sequence[File], finished: Sequence[File]
) -> Iterator[File]:
    """Those of which somebody wants to know how many records they have."""
    wanted = run.settings.counted
    if "in" in wanted:
        for number, each in enumerate(inputs.objects):
            yield File("in", inputs.bucket, each.key, each.size, number, run.settings.gzip, each.etag)
    if "out" in wanted:
        yield from outputs
    if "finished" in wanted:
        yield from finished


def _write(run: Run, name: str, files: Sequence[File], chunk_bytes: int) -> int:
    """Write a list of groups of chunks, each the work of one call; how many there are."""
    groups = [
        {"chunks": [each.to_json() for each in group]}
        for group in grouped(cut(files, chunk_bytes), chunk_bytes)
    ] or _NOTHING_TO_DO
    run.store.write(list_key(name), json.dumps(groups, separators=(",", ":")).encode())
    return len(groups)


def grouped(chunks: Iterable[Chunk], size: int) -> Iterator[list[Chunk]]:
    """Chunks of small files in groups of about so many bytes: a call for each of them would be mostly calling."""
    group: list[Chunk] = []
    held = 0
    for chunk in chunks:
        if group and (held + chunk.length > size or len(group) == MOST_IN_A_GROUP):
            yield group
            group, held = [], 0
        group.append(chunk)
        held += chunk.length
    if group:
        yield group


def cut(files: Sequence[File], chunk_bytes: int, most: int = MOST_CHUNKS) -> Iterator[Chunk]:
    """Files in chunks of about so many bytes, or more, where they would be too many. Empty files have none."""
    filled = [each for each in files if each.size > 0]
    size = chunk_bytes
    while _how_many(filled, size) > max(most, len(filled)):
        size *= 2
    numbers = count()
    for file in filled:
        for start, end in _ranges(file, size):
            yield Chunk(
                n=next(numbers),
                what=file.what,
                bucket=file.bucket,
                key=file.key,
                start=start,
                end=end,
                size=file.size,
                file=file.number,
                gzip=file.gzip,
                etag=file.etag,
            )


def _how_many(files: Iterable[File], size: int) -> int:
    return sum(1 if each.gzip else -(-each.size // size) for each in files)


def _ranges(file: File, size: int) -> Iterator[tuple[int, int]]:
    """What is compressed can only be read from its beginning."""
    if file.gzip:
        yield 0, -1
        return
    for start in range(0, file.size, size):
        yield start, min(start + size, file.size)
