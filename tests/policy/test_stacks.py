"""Every ready stack passes the policy packs, allows no more than it must, and is in the app."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import aws_cdk as cdk

import stacks

from . import privilege
from .audit import Audit

SHORTEST_REASON = 40


def test_nothing_is_unacknowledged(audit: Audit) -> None:
    assert audit.findings == []


def test_every_acknowledgement_says_why(audit: Audit) -> None:
    """A sentence of its own, at least: something with words, that ends."""
    mute = [
        each
        for each in audit.acknowledged
        if len(each.reason) < SHORTEST_REASON or not each.reason.endswith((".", ")"))
    ]
    assert not mute
    assert audit.acknowledged, "the packs saw nothing at all: were they run?"


def test_nothing_is_allowed_beyond_need(audit: Audit) -> None:
    assert audit.templates
    for name, template in audit.templates.items():
        assert privilege.problems(template) == [], name


def test_every_stack_is_in_the_app(built: cdk.App) -> None:
    """So that a new stack is audited from the day it is written."""
    defined = {
        each
        for module in pkgutil.walk_packages(stacks.__path__, "stacks.")
        for _, each in inspect.getmembers(importlib.import_module(module.name), inspect.isclass)
        if issubclass(each, cdk.Stack) and each.__module__.startswith("stacks.")
    }
    assert defined
    assert defined <= {type(each) for each in built.node.find_all() if isinstance(each, cdk.Stack)}


def test_alarms_may_tell_their_topics(audit: Audit) -> None:
    """A topic with a policy of its own has lost the default one, by which the account's alarms come in."""
    told = set()
    for name, template in audit.templates.items():
        made = template["Resources"].values()
        alarms = [each["Properties"] for each in made if each["Type"].endswith("Alarm")]
        actions = [action for each in alarms for action in each.get("AlarmActions", ())]
        told |= {(name, action["Ref"]) for action in actions if "Ref" in action}
        for policy in (each["Properties"] for each in made if each["Type"] == "AWS::SNS::TopicPolicy"):
            topics = {each["Ref"] for each in policy["Topics"]} & {id for _, id in told}
            lets = [
                each
                for each in policy["PolicyDocument"]["Statement"]
                if each["Effect"] == "Allow"
                and each["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
                and each["Action"] == "sns:Publish"
            ]
            assert not topics or lets, f"{name}: {topics}"
    assert told, "no alarm has a topic: was anything looked at?"
