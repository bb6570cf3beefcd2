"""Serve any of the digit models: CSV rows of 64 pixels (0–16) in, the probability of its digit out."""

import csv
import io
import json
import os

import numpy as np


def model_fn(model_dir):
    """The parameters of the model that the request names."""
    with open(os.path.join(model_dir, "model.json"), encoding="utf-8") as file:
        model = json.load(file)
    return {**model, "coefficients": np.array(model["coefficients"])}


def input_fn(body, content_type):
    """Rows of pixels."""
    if not content_type.startswith("text/csv"):
        raise ValueError(f"{content_type} is not served; send text/csv")
    text = body.decode("utf-8") if isinstance(body, (bytes, bytearray)) else body
    return np.array([row for row in csv.reader(io.StringIO(text)) if row], dtype=float)


def predict_fn(rows, model):
    """How sure the model is of its digit, row by row."""
    scores = rows / 16 @ model["coefficients"] + model["intercept"]
    probabilities = 1 / (1 + np.exp(-scores))
    return {"model": model["name"], "probabilities": [round(float(p), 6) for p in probabilities]}


def output_fn(prediction, accept):
    """JSON, whatever was asked for."""
    return json.dumps(prediction), "application/json"
