"""The comment on a pull request: what merging it would change, what it would take away on top."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from .changes import Change, Kind, changes

MARKER = "<!-- constructs-lib: what a merge deploys -->"
"""By which the comment is found again, to be replaced."""

MOST_CHARACTERS = 65_536
"""Of a comment on GitHub."""

_CUT = "\n… cut here: the whole is in the log of the job.\n"
_SMALLEST = 500
_MOST_LINES = 50
_LONGEST_NAME = 160


def comment(diffs: Mapping[str, str], *, commit: str) -> str:
    """The comment as Markdown.

    :param diffs: environment → what ``cdk diff`` printed, in the order in which they are deployed.
    :param commit: that would be merged.
    """
    found = {environment: changes(printed) for environment, printed in diffs.items()}
    head = "\n".join([MARKER, "### What a merge deploys", "", *_alarm(found), *_table(found), ""])
    foot = f"\nFor commit `{commit}`, by templates alone: what a deployment finds out itself is not in it.\n"
    details = [_Details(environment, printed) for environment, printed in diffs.items() if found[environment]]
    return head + _fitting(details, MOST_CHARACTERS - len(head) - len(foot)) + foot


def _alarm(found: Mapping[str, Sequence[Change]]) -> Iterator[str]:
    """Replacements and removals, before anything else."""
    taken = [(environment, each) for environment, all_ in found.items() for each in all_ if each.takes_away]
    if not taken:
        return
    yield "> [!CAUTION]"
    yield "> This takes away something that may be in use:"
    for environment, each in taken[:_MOST_LINES]:
        yield f"> - **{each.kind.value}** in {_code(environment)}: {_code(each.type)} {_code(each.where)}"
    if len(taken) > _MOST_LINES:
        yield f"> - and {len(taken) - _MOST_LINES} more"
    yield ""


def _table(found: Mapping[str, Sequence[Change]]) -> Iterator[str]:
    yield "| Environment | Stack | " + " | ".join(kind.value for kind in Kind) + " |"
    yield "|---|---|" + "---:|" * len(Kind)
    rows = [row for environment, all_ in found.items() for row in _rows(environment, all_)]
    yield from rows[:_MOST_LINES]
    if len(rows) > _MOST_LINES:
        yield f"| and {len(rows) - _MOST_LINES} more | |" + " |" * len(Kind)


def _rows(environment: str, found: Sequence[Change]) -> Iterator[str]:
    if not found:
        yield f"| {_code(environment)} | nothing changes |" + " |" * len(Kind)
    stacks: dict[str, Counter[Kind]] = {}
    for each in found:
        stacks.setdefault(each.stack, Counter())[each.kind] += 1
    for stack, counts in stacks.items():
        cells = " | ".join(str(counts[kind]) if counts[kind] else "" for kind in Kind)
        yield f"| {_code(environment)} | {_code(stack)} | {cells} |"


class _Details:
    """What ``cdk diff`` printed of an environment, to be unfolded."""

    def __init__(self, environment: str, printed: str) -> None:
        self._environment = environment
        self._printed = printed.strip("\n")

    def text(self, most: int) -> str:
        """All of it, or its beginning, in at most so many characters."""
        # What is printed may hold fences of its own.
        longest = max((len(run) for run in re.findall(r"`+", self._printed)), default=0)
        fence = "`" * max(3, longest + 1)
        before = f"\n<details><summary>{_code(self._environment)}</summary>\n\n{fence}diff\n"
        after = f"\n{fence}\n\n</details>\n"
        room = most - len(before) - len(after)
        if len(self._printed) > room:
            return before + self._printed[: room - len(_CUT)] + _CUT + after
        return before + self._printed + after


def _fitting(details: Sequence[_Details], room: int) -> str:
    """The details that there is room for: each gets its share, and what is left over goes to the next."""
    parts = []
    for index, each in enumerate(details):
        share = room // (len(details) - index)
        if share < _SMALLEST:
            break
        parts.append(each.text(share))
        room -= len(parts[-1])
    return "".join(parts)


def _code(text: str) -> str:
    """As code in a line of a table: names come from manifests, and may hold anything."""
    safe = re.sub(r"[`|\r\n<>]", "?", text)
    return f"`{safe[:_LONGEST_NAME]}`"
