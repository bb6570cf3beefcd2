"""What Step Functions tells of an error, as a person wants it: which one, and why.

An error comes as a name and a *cause*: plain text, or JSON of whatever failed. Of a SageMaker job that is what
DescribeTransformJob or DescribeProcessingJob answers, of a Lambda function its error; a branch or a map may hand on
the error of one of its own. A cause has at most 32,768 characters; the JSON of a longer one may have no end
(*inferred*).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MOST_TOLD = 900
"""Characters of a reason."""
UNKNOWN = "Unknown"
STOPPED, TIMEOUT = "Stopped", "Timeout"

_DEPTH = 4
_GENERAL = ("", "States.TaskFailed", "States.ALL", "SageMaker.AmazonSageMakerException", "Lambda.Unknown")
"""Names that say where something failed, and not what."""
_CLASS = re.compile(r"\s*([A-Z][A-Za-z]*(?:Error|Exception|Exceeded|Failure|Unavailable))\s*(?::|$)")
"""How the failure reason of a job begins: ``AlgorithmError: See job logs``."""
_CODE = re.compile(r"Error Code: ([A-Za-z.]+)")
_MEMBER = re.compile(r'"(?:FailureReason|errorMessage)"\s*:\s*("(?:[^"\\]|\\.)*"?)')


@dataclass(frozen=True, slots=True)
class Cause:
    """An error, and why."""

    error: str
    """One word where that is known: ``AlgorithmError``, ``CountMismatch``."""
    reason: str
    """In one line, of any length."""


def explained(error: str | None, cause: str | None) -> Cause:
    """What an error and its cause say; ``Unknown`` where they say nothing."""
    told = _told((error or "").strip(), cause or "", _DEPTH)
    return Cause(in_a_line(told.error) or UNKNOWN, in_a_line(told.reason))


def in_a_line(text: str) -> str:
    """Without line breaks, and without what cannot be printed, such as half of a surrogate pair."""
    return "".join(each if each.isprintable() else "?" for each in " ".join(text.split()))


def shortened(text: str, most: int = MOST_TOLD) -> str:
    """At most so many characters, with an ellipsis for the rest."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _told(error: str, cause: str, depth: int) -> Cause:
    document = _document(cause) if depth else None
    if document is not None:
        return _of_document(error, document, depth)
    if cause.lstrip().startswith("{") and (found := _MEMBER.search(cause)):
        return _of_text(error, _unquoted(found[1]))
    return _of_text(error, cause)


def _document(cause: str) -> Mapping[str, Any] | None:
    if not cause.lstrip().startswith("{"):
        return None
    try:
        found = json.loads(cause)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _of_document(error: str, told: Mapping[str, Any], depth: int) -> Cause:
    name = str(told.get("TransformJobName") or told.get("ProcessingJobName") or "")
    if "Stopped" in (told.get("TransformJobStatus"), told.get("ProcessingJobStatus")):
        return Cause(STOPPED, f"The job {name} was stopped.")
    if reason := " ".join(str(told[each]) for each in ("FailureReason", "ExitMessage") if told.get(each)):
        known = _of_text(error, reason)
        return Cause(known.error, f"{known.reason} (job {name})" if name else known.reason)
    if "errorMessage" in told or "errorType" in told:
        kind = str(told.get("errorType") or "")
        # A name such as "CountMismatch" is the function's own, which is also the error's.
        return _told(
            (kind or error) if error in _GENERAL else error, str(told.get("errorMessage") or kind), depth - 1
        )
    if "Error" in told or "Cause" in told:
        inner = _told(str(told.get("Error") or ""), str(told.get("Cause") or ""), depth - 1)
        return inner if error in _GENERAL or error.startswith("States.") else Cause(error, inner.reason)
    return _of_text(error, json.dumps(told, ensure_ascii=False))


def _of_text(error: str, text: str) -> Cause:
    if error in _GENERAL:
        found = _CLASS.match(text) or _CODE.search(text)
        return Cause(found[1] if found else error, text)
    return Cause(error, text)


def _unquoted(literal: str) -> str:
    """A JSON string, which may be cut off."""
    whole = literal if len(literal) > 1 and literal.endswith('"') else f'{literal.rstrip(chr(92))}"'
    try:
        return str(json.loads(whole, strict=False))
    except ValueError:
        return literal.strip('"')
