"""Grants: who may start runs, mend them, and read what came of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_iam as iam

from ..core.roles import Permissions

if TYPE_CHECKING:
    from .batch_transform import BatchTransform


class BatchTransformGrants:
    """Permissions on one batch transform; each call allows exactly one kind of use."""

    def __init__(self, batch: BatchTransform) -> None:
        """Grant on `batch`."""
        self._batch = batch
        self._transforming: dict[iam.IRole, iam.Policy] = {}

    def start(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` start a run and be told which: it invokes ``start_function`` with a request."""
        # Not also its versions, of which there are none: that would be a wildcard.
        return self._batch.start_function.grant_invoke_latest_version(grantee)

    def request(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` put a request into the queue, for a run in its turn."""
        return self._batch.requests.queue.grant_send_messages(grantee)

    def redrive(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` move dead letters back into the queue: each then gets another run.

        Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive-permissions.html
        """
        requests = self._batch.requests
        requests.queue.grant_send_messages(grantee)
        return iam.Grant.add_to_principal(
            grantee=grantee,
            actions=[
                "sqs:StartMessageMoveTask",
                "sqs:CancelMessageMoveTask",
                "sqs:ListMessageMoveTasks",
                "sqs:ReceiveMessage",
                "sqs:DeleteMessage",
                "sqs:GetQueueAttributes",
            ],
            resource_arns=[requests.dead_letters.queue_arn],
        )

    def read(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` read the output of runs, and their reports."""
        return self._batch.output.let_read(grantee)

    def transform(self, role: iam.IRole) -> iam.Policy:
        """Let the role of a model that was not made here read the input and write the output; once, however often."""
        if role not in self._transforming:
            permissions = Permissions(role)
            self._batch.allow_transforming(permissions)
            # The policies of two roles are the same to the letter, and so would be their ids.
            after = f"{len(self._transforming) + 1}" if self._transforming else ""
            self._transforming[role] = permissions.attach(self._batch, f"TransformPolicy{after}")
        return self._transforming[role]
