"""Events on their way to the stream: gathered, sent together, and sent again where the stream had no room."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

CAPACITY = 10_000
"""Events that wait at most; beyond them the oldest are lost, and counted as such."""
TOGETHER = 100
"""Events after which they are sent without being asked to; PutRecords takes 500."""
_ATTEMPTS = 5
_PAUSE = 0.1  # seconds, doubled each time

log = logging.getLogger(__name__)


class Outbox:
    """Sends events to a stream of Kinesis. Safe to use from several threads."""

    def __init__(self, client: Any, stream: str, *, pause: Callable[[float], object] = time.sleep) -> None:
        self._client = client
        self._stream = stream
        self._pause = pause
        self._waiting: deque[dict[str, Any]] = deque(maxlen=CAPACITY)
        self._lock = threading.Lock()
        self.lost = 0
        """Events for which there was no more room."""

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, event: Mapping[str, object]) -> None:
        """Have an event sent; now, if there are enough together."""
        # Firehose puts records one after the other: the line ends here.
        data = json.dumps(event, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            if len(self._waiting) == CAPACITY:
                self.lost += 1
            self._waiting.append({"Data": data, "PartitionKey": str(event["id"])})
            enough = len(self._waiting) % TOGETHER == 0
        if enough:
            self.flush()

    def flush(self) -> int:
        """Send all that wait; how many still do, because the stream did not take them.

        An event of which it is not known whether the stream took it is sent again: it counts once.
        """
        with self._lock:
            for attempt in range(_ATTEMPTS):
                while records := list(islice(self._waiting, TOGETHER)):
                    refused = self._put(records)
                    for _ in records:
                        self._waiting.popleft()
                    self._waiting.extendleft(reversed(refused))
                    if refused:
                        break
                else:
                    return 0
                if attempt + 1 < _ATTEMPTS:
                    self._pause(_PAUSE * 2**attempt)
            return len(self._waiting)

    def _put(self, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Those that the stream did not take."""
        try:
            answer = self._client.put_records(StreamName=self._stream, Records=records)
        except Exception:  # an event that is late is no reason to fail a request that was answered
            log.warning("%d events are to be sent again", len(records), exc_info=True)
            return records
        return [
            record
            for record, told in zip(records, answer["Records"], strict=True)
            if told.get("ErrorCode") is not None
        ]
