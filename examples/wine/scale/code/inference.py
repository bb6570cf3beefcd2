"""First step: scale the features. CSV in, CSV out."""

import csv
import io
import json
import os

import numpy as np
from sklearn.preprocessing import StandardScaler


def model_fn(model_dir):
    """Rebuild the scaler from its parameters."""
    with open(os.path.join(model_dir, "model.json"), encoding="utf-8") as file:
        parameters = json.load(file)
    scaler = StandardScaler()
    scaler.mean_ = np.array(parameters["mean"])
    scaler.scale_ = np.array(parameters["scale"])
    return scaler


def input_fn(body, content_type):
    """Rows of numbers."""
    if not content_type.startswith("text/csv"):
        raise ValueError(f"{content_type} is not served; send text/csv")
    text = body.decode("utf-8") if isinstance(body, (bytes, bytearray)) else body
    return np.array([row for row in csv.reader(io.StringIO(text)) if row], dtype=float)


def predict_fn(rows, scaler):
    """Scale."""
    return scaler.transform(rows)


def output_fn(rows, accept):
    """CSV, for the next container."""
    return "\n".join(",".join(f"{value:.6f}" for value in row) for row in rows), "text/csv"
