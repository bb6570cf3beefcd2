"""Alarms: whom they tell."""

from __future__ import annotations

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as cloudwatch_actions
from aws_cdk import aws_sns as sns


def notify(alarm: cloudwatch.AlarmBase, topic: sns.ITopic) -> None:
    """Tell `topic` when `alarm` goes off, and when it is over."""
    action = cloudwatch_actions.SnsAction(topic)
    alarm.add_alarm_action(action)
    alarm.add_ok_action(action)
