"""The functions behind custom resources."""

from __future__ import annotations

import aws_cdk as cdk

from constructs_lib.hosting.stack_function import stack_function
from tests.support.synth import flat, properties, statements, synthesized


def test_the_function_may_write_its_logs_and_nothing_else(stack: cdk.Stack) -> None:
    stack_function(stack, handler="model_placement.handle", description="X", role_description="Y")
    template = synthesized(stack)
    (only,) = statements(template)
    assert only["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
    assert flat(only["Resource"]).startswith("<Logs")
    function = properties(template, "AWS::Lambda::Function")
    assert function["Handler"] == "constructs_lib.hosting.runtime.model_placement.handle"
    assert (function["Timeout"], function["MemorySize"]) == (300, 256)
    assert properties(template, "AWS::Logs::LogGroup")["RetentionInDays"] == 90
