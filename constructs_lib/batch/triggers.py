"""What starts runs: a queue of requests, with a queue for dead letters behind it."""

from __future__ import annotations

import aws_cdk as cdk
import constructs
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as event_targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_lambda_event_sources as event_sources
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as scheduler_targets
from aws_cdk import aws_sqs as sqs

from ..core.place import environment_of, stack_of
from ..core.roles import acknowledge, acknowledge_inline_policy
from .arrival import BatchArrival
from .input import BatchInput

START_TIMEOUT = cdk.Duration.minutes(5)
_VISIBLE_AFTER = cdk.Duration.minutes(30)
"""Six times as long as the function may take, as Lambda asks for."""
_SETTER = "Notifications"
_SETTING_FUNCTION = "BucketNotificationsHandler050a0587b7544547bf325f094a3db834"
"""CDK's: https://github.com/aws/aws-cdk, aws-s3/lib/notifications-resource"""
_MANAGED = (
    "AwsSolutions::AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/"
    "AWSLambdaBasicExecutionRole]"
)
_CDKS_OWN = (
    "CDK's own function, which sets the notifications of the stack's buckets when it is deployed. That it writes its "
    "logs by AWS's managed policy is CDK's choice; what it may do to buckets is granted bucket by bucket."
)
_RECEIVED = 3
_KEPT = cdk.Duration.days(14)


class RunRequests(constructs.Construct):
    """The queue that all requests for runs pass, and the queue of those that came to nothing."""

    def __init__(self, scope: constructs.Construct, id: str) -> None:
        super().__init__(scope, id)
        self.dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=_KEPT,
        )
        """Requests whose run failed, with the reason; to be moved back when it is mended."""
        self.queue = sqs.Queue(
            self,
            "Queue",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=_KEPT,
            visibility_timeout=_VISIBLE_AFTER,
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=_RECEIVED),
        )
        """Requests, in the format that docs/batch.md tells."""
        acknowledge(
            self.dead_letters,
            {
                "AwsSolutions::AwsSolutions-SQS3": "It is the queue of dead letters, with an alarm on what is in it."
            },
        )

    def feed(self, function: lambda_.Function) -> None:
        """Let `function` take the requests, one at a time."""
        function.add_event_source(
            event_sources.SqsEventSource(
                self.queue, batch_size=1, max_concurrency=2, report_batch_item_failures=True
            )
        )

    def keep_failures_of(self, function: lambda_.Function) -> None:
        """What `function`, which EventBridge calls, could not do after two more tries becomes a dead letter."""
        function.configure_async_invoke(
            on_failure=destinations.SqsDestination(self.dead_letters), retry_attempts=2
        )

    def on_schedule(self, schedule: scheduler.ScheduleExpression, transform: str) -> scheduler.Schedule:
        """Ask for a run whenever it is time."""
        return scheduler.Schedule(
            self,
            "Schedule",
            schedule=schedule,
            description=f"Runs of batch transform {transform}",
            target=scheduler_targets.SqsSendMessage(
                self.queue,
                input=scheduler.ScheduleTargetInput.from_object(
                    {"scheduled": scheduler.ContextAttribute.scheduled_time}
                ),
                retry_attempts=10,
                dead_letter_queue=self.dead_letters,
                role=self._scheduler_role(),
            ),
        )

    def _scheduler_role(self) -> iam.Role:
        # Not CDK's own, which it would make in the stack, away from here.
        role = iam.Role(
            self,
            "ScheduleRole",
            description="Sends the schedule's requests to the queue",
            assumed_by=iam.ServicePrincipal(
                "scheduler.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": environment_of(self).account}},
            ),
        )
        acknowledge_inline_policy(role)
        return role

    def on_arrival(self, arrival: BatchArrival, given: BatchInput, transform: str) -> events.Rule:
        """Ask for a run whenever an object arrives that says so."""
        _let_send_events(given.bucket)
        return events.Rule(
            self,
            "Arrival",
            description=f"Input of batch transform {transform} has arrived",
            event_pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created"],
                detail={
                    "bucket": {"name": [given.bucket.bucket_name]},
                    "object": {"key": events.Match.any_of(*map(_matching, arrival.keys(given.place)))},
                },
            ),
            targets=[
                event_targets.SqsQueue(self.queue, retry_attempts=10, dead_letter_queue=self.dead_letters)
            ],
        )


def _let_send_events(bucket: s3.IBucket) -> None:
    """Turn its events on; CDK does so by a function of its own, one for all buckets of a stack."""
    bucket.enable_event_bridge_notification()
    setter = bucket.node.try_find_child(_SETTER)
    if setter is not None:
        acknowledge_inline_policy(setter)
    function = stack_of(bucket).node.try_find_child(_SETTING_FUNCTION)
    if function is not None:
        acknowledge(function, {_MANAGED: _CDKS_OWN})


def _matching(key: str) -> list[str]:
    """What EventBridge compares a key with."""
    return events.Match.wildcard(key) if "*" in key else events.Match.exact_string(key)
