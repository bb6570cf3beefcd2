"""Which output of a transform job is whose. Pure functions.

For ``data.csv`` the job writes ``data.csv.out``; in which folder, AWS tells by one example that no single rule
explains: *"For example, for the input data stored at s3://bucket-name/input-name-prefix/dataset01/data.csv, batch
transform stores the transformed data at s3://bucket-name/output-name-prefix/input-name-prefix/data.csv.out."*
So what is there decides: one number of leading folders that all outputs do without, or else, for each output,
the one input with which it shares the longest end. What remains uncertain is an error, never a guess.

Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TransformOutput.html
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

SUFFIX = ".out"
MOST_NAMED = 5
"""So many objects an error names."""


class MissingOutput(ValueError):  # noqa: N818 - Lambda tells the name as the error's type
    """Inputs and outputs are not one to one: an output is missing, too much, or of more than one input."""


def paired(inputs: Sequence[str], outputs: Sequence[str]) -> dict[str, str]:
    """The output of each input.

    :param inputs: Keys of objects, each once.
    :param outputs: Where the outputs lie in the folder of the job, each once.
    :raises MissingOutput: where they are not one to one.
    """
    stems = {each.removesuffix(SUFFIX): each for each in outputs if each.endswith(SUFFIX)}
    found = _by_layout(inputs, stems) if len(stems) == len(inputs) == len(outputs) else None
    if found is None:
        found = _by_longest_end(inputs, stems)
        _check(inputs, outputs, found)
    return {key: stems[stem] for key, stem in found.items()}


def _ends(key: str) -> Iterator[str]:
    """The key, and what is left of it without its first folder, without the first two, and so on."""
    yield key
    at = key.find("/") + 1
    while at:
        yield key[at:]
        at = key.find("/", at) + 1


def _by_layout(inputs: Sequence[str], stems: Collection[str]) -> dict[str, str] | None:
    """All paired by leaving out the same number of folders; None where no number explains all.

    At most one does: of two numbers, the greater one makes the paths shorter.
    """
    wanted = set(stems)
    # The first input without a folder left ends the rows.
    for ends in zip(*map(_ends, inputs), strict=False):
        if set(ends) == wanted:
            return dict(zip(inputs, ends, strict=True))
    return None


def _by_longest_end(inputs: Sequence[str], stems: Iterable[str]) -> dict[str, str]:
    """Those that can be told: each output with the one input that has the longest end in common with it."""
    owners: dict[str, str | None] = {}
    """The input that ends so; None where several do."""
    for key in inputs:
        for end in _ends(key):
            owners[end] = None if end in owners else key
    claims: dict[str, list[str]] = {}
    for stem in stems:
        longest = next((end for end in _ends(stem) if end in owners), None)
        owner = None if longest is None else owners[longest]
        if owner is not None:
            claims.setdefault(owner, []).append(stem)
    return {key: stems[0] for key, stems in claims.items() if len(stems) == 1}


def _check(inputs: Sequence[str], outputs: Sequence[str], found: Mapping[str, str]) -> None:
    """All of both sides are paired."""
    told = {f"{stem}{SUFFIX}" for stem in found.values()}
    without = [key for key in inputs if key not in found]
    surplus = [each for each in outputs if each not in told]
    if not without and not surplus:
        return
    parts = []
    if without:
        parts.append(f"{len(without):,} of {len(inputs):,} input objects have no output: {named(without)}")
    if surplus:
        parts.append(f"{len(surplus):,} of {len(outputs):,} outputs belong to no one input: {named(surplus)}")
    raise MissingOutput("; ".join(parts))


def named(keys: Sequence[str]) -> str:
    """The first of them, and how many more there are."""
    more = len(keys) - MOST_NAMED
    return ", ".join(keys[:MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")
