"""Chromium without a window, told what to do over a pipe: no driver, no port, no other package.

Its DevTools protocol is JSON, with a zero byte after each message, on file descriptors 3 and 4.
https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

BINARY = "chromium"
REQUIRED = "CONSTRUCTS_REQUIRE_BROWSER"
"""Set to 1 where the tests must not do without: on CI."""

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
)
_PATIENCE = 60.0


class Browser:
    """One process, with a profile of its own."""

    def __init__(self, profile: Path) -> None:
        commands, self._commands = os.pipe()
        self._answers, answers = os.pipe()
        # The shell puts the pipes where Chromium looks for them; first out of the way of each other.
        theirs = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (commands, answers)]
        line = f'exec "$@" 3<&{theirs[0]} 4>&{theirs[1]}'
        self._process = subprocess.Popen(
            ["bash", "-c", line, "bash", BINARY, *_FLAGS, f"--user-data-dir={profile}", "about:blank"],
            pass_fds=theirs,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        for end in (commands, answers, *theirs):
            os.close(end)
        self._numbers = itertools.count(1)
        self._buffer = b""
        self.events: list[dict[str, Any]] = []

    def __enter__(self) -> Browser:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._commands)
        os.close(self._answers)

    def call(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """Call a method and wait for its answer; events that come before it are kept."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            told = self._next()
            if told.get("id") == number:
                assert "error" not in told, f"{method}: {told['error']}"
                return dict(told["result"])

    def wait_for(self, event: str) -> None:
        """Wait until something has happened, or find that it has."""
        while not [each for each in self.events if each["method"] == event]:
            self._next()

    def _next(self) -> dict[str, Any]:
        """The next message; an event is kept."""
        until = time.monotonic() + _PATIENCE
        while b"\0" not in self._buffer:
            readable, _, _ = select.select([self._answers], [], [], max(until - time.monotonic(), 0))
            assert readable, "chromium does not answer"
            some = os.read(self._answers, 1 << 16)
            assert some, "chromium has gone"
            self._buffer += some
        message, _, self._buffer = self._buffer.partition(b"\0")
        told: dict[str, Any] = json.loads(message)
        if "id" not in told:
            self.events.append(told)
        return told

    @contextmanager
    def page(self, file: Path | str, *, width: int = 1100, height: int = 900, **media: str) -> Iterator[Page]:
        """A file or an address in a tab of this size; `media` are features such as ``prefers_color_scheme``."""
        self.events.clear()
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session)
        for domain in ("Page", "Network", "Log", "Runtime"):
            page.call(f"{domain}.enable")
        page.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        features = [{"name": name.replace("_", "-"), "value": value} for name, value in media.items()]
        page.call("Emulation.setEmulatedMedia", features=features)
        page.call("Page.navigate", url=file.as_uri() if isinstance(file, Path) else file)
        self.wait_for("Page.loadEventFired")
        try:
            yield page
        finally:
            self.call("Target.closeTarget", targetId=target)


class Page:
    """A loaded page."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser = browser
        self._session = session

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Call a method of the page."""
        return self._browser.call(method, self._session, **params)

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def requests(self) -> list[str]:
        """The addresses that were asked for."""
        return [each["params"]["request"]["url"] for each in self._events("Network.requestWillBeSent")]

    def complaints(self) -> list[str]:
        """What the console shows: errors, warnings, violations of the page's policy, what scripts print."""
        self.evaluate("0")  # so that all that was told so far has been read
        logged = [each["params"]["entry"]["text"] for each in self._events("Log.entryAdded")]
        printed = [str(each["params"]["args"]) for each in self._events("Runtime.consoleAPICalled")]
        thrown = [str(each["params"]) for each in self._events("Runtime.exceptionThrown")]
        return [*logged, *printed, *thrown]

    def _events(self, method: str) -> list[dict[str, Any]]:
        return [each for each in self._browser.events if each["method"] == method]


def missing() -> str | None:
    """Why there is no browser to test with; None where there is one."""
    return None if shutil.which(BINARY) else f"no {BINARY} on this machine: apt-get install chromium"
