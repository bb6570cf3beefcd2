"""Requests that cannot be done as they are: told at once, since the same request would be refused again and again."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from . import metrics
from .failure import attributes_of, subject_of

log = logging.getLogger()

ERROR = "InputError"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A message of the queue that asks for what cannot be done."""

    transform: str
    id: str
    """The message's."""
    body: str
    """As it came."""
    reason: str
    queue_url: str
    """Of the dead-letter queue."""
    topics: Sequence[str]

    @property
    def notice(self) -> str:
        """What a person is told."""
        return (
            f"Transform: {self.transform}\nError:     {ERROR}\nReason:    {self.reason}\nMessage:   {self.id}\n\n"
            f"No run was started. The request lies in the dead-letter queue, as it came:\n{self.body[:2000]}"
        )


def reject(rejection: Rejection, *, sqs: Any, sns: Any, cloudwatch: Any) -> None:
    """Put the message into the dead-letter queue with the reason, and tell.

    :raises Exception: it could not be put there, and has to stay in the queue. Who else could not be told is logged.
    """
    sqs.send_message(
        QueueUrl=rejection.queue_url,
        MessageBody=rejection.body,
        MessageAttributes=attributes_of({"error": ERROR, "reason": rejection.reason}),
    )
    subject = subject_of(rejection.transform, ERROR)
    try:
        for topic in rejection.topics:
            sns.publish(TopicArn=topic, Subject=subject, Message=rejection.notice)
        metrics.put(cloudwatch, rejection.transform, {"RequestsRejected": 1})
    except Exception:
        log.exception("of message %s not everybody could be told", rejection.id)
