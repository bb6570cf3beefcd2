"""What the steps tell GitHub: outputs of a step, and the one comment on a pull request."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .assembly import PipelineError
from .comment import MARKER

_PAGE = 100


def output(name: str, value: str) -> None:
    """Let the steps after this one read `value`; elsewhere than in a workflow it is printed only."""
    print(f"{name}={value}")
    if told := os.environ.get("GITHUB_OUTPUT"):
        with Path(told).open("a", encoding="utf-8") as file:
            file.write(f"{name}={value}\n")


class PullRequest:
    """A pull request, to be commented on: who is asked, and by which token, is in the environment."""

    def __init__(self, number: int, environment: Mapping[str, str]) -> None:
        """The one with this number.

        :raises PipelineError: when the environment does not tell all that it takes.
        """
        missing = [name for name in ("GITHUB_TOKEN", "GITHUB_REPOSITORY") if not environment.get(name)]
        if missing:
            raise PipelineError(f"not in a workflow that may comment: there is no {' and no '.join(missing)}")
        api = environment.get("GITHUB_API_URL", "https://api.github.com")
        self._repository = f"{api}/repos/{environment['GITHUB_REPOSITORY']}"
        self._comments = f"{self._repository}/issues/{number}/comments"
        self._token = environment["GITHUB_TOKEN"]

    def tell(self, body: str) -> None:
        """Comment once: the second time, the comment is replaced.

        :raises PipelineError: when GitHub refuses.
        """
        before = next((each["id"] for each in self._all() if str(each["body"]).startswith(MARKER)), None)
        if before is None:
            self._ask("POST", self._comments, {"body": body})
        else:
            self._ask("PATCH", f"{self._repository}/issues/comments/{before}", {"body": body})

    def _all(self) -> Iterator[Mapping[str, Any]]:
        page = 1
        while True:
            found = self._ask("GET", f"{self._comments}?per_page={_PAGE}&page={page}")
            yield from found
            if len(found) < _PAGE:
                return
            page += 1

    def _ask(self, method: str, url: str, told: Mapping[str, str] | None = None) -> Any:
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        body = None if told is None else json.dumps(told).encode()
        request = urllib.request.Request(url, data=body, headers=headers, method=method)  # noqa: S310 - GitHub's API
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            raise PipelineError(f"GitHub refuses {method} {url}: {error.code} {error.reason}") from error
