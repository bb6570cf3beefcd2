"""Models of any kind: ours, imported ones, L1s and other libraries'."""

from __future__ import annotations

from typing import TypeGuard

import aws_cdk as cdk
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk.interfaces import aws_sagemaker as references

from .model import ModelBase


def model_name(model: references.IModelRef) -> str:
    """The name of any model: ours, imported, or an L1."""
    if isinstance(model, ModelBase):
        return model.model_name
    if isinstance(model, sagemaker.CfnModel):
        return model.attr_model_name
    return cdk.Fn.select(1, cdk.Fn.split("/", model.model_ref.model_arn))


def is_model(value: object) -> TypeGuard[references.IModelRef]:
    """Whether `value` is a model of any kind. Asks the class: asking the object would make a reference."""
    return hasattr(type(value), "model_ref")
