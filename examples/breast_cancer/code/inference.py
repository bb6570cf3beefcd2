"""Serve the breast-cancer classifier: CSV rows or a JSON list of rows in, labels and probabilities out.

The functions are the contract of SageMaker's framework containers:
https://sagemaker.readthedocs.io/en/stable/frameworks/sklearn/using_sklearn.html
"""

import csv
import io
import json
import os

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler


class Classifier:
    """A scaler and a logistic regression, rebuilt from their parameters."""

    def __init__(self, parameters):
        """Rebuild both; a missing parameter fails here, so that the endpoint never goes into service."""
        self.version = parameters["version"]
        self.features = parameters["features"]
        self.labels = parameters["labels"]
        self._scaler = StandardScaler()
        self._scaler.mean_ = np.array(parameters["mean"])
        self._scaler.scale_ = np.array(parameters["scale"])
        self._classifier = LogisticRegression()
        self._classifier.classes_ = np.array([0, 1])
        self._classifier.coef_ = np.array([parameters["coefficients"]])
        self._classifier.intercept_ = np.array([parameters["intercept"]])

    def predict(self, rows):
        """Probability of the second label, row by row."""
        scaled = self._scaler.transform(rows[:, : self.features])
        return self._classifier.predict_proba(scaled)[:, 1]


def model_fn(model_dir):
    """Load the model from where SageMaker unpacked the archive."""
    with open(os.path.join(model_dir, "model.json"), encoding="utf-8") as file:
        return Classifier(json.load(file))


def input_fn(body, content_type):
    """Rows of numbers, from CSV or JSON."""
    text = body.decode("utf-8") if isinstance(body, (bytes, bytearray)) else body
    if content_type.startswith("text/csv"):
        rows = list(csv.reader(io.StringIO(text)))
    elif content_type.startswith("application/json"):
        rows = json.loads(text)
    else:
        raise ValueError(f"{content_type} is not served; send text/csv or application/json")
    return np.atleast_2d(np.array([row for row in rows if row], dtype=float))


def predict_fn(rows, model):
    """Predict, and name the version that did."""
    probabilities = model.predict(rows)
    return {
        "version": model.version,
        "labels": [model.labels[int(p >= 0.5)] for p in probabilities],
        "probabilities": [round(float(p), 6) for p in probabilities],
    }


def output_fn(prediction, accept):
    """A line of CSV a row where that is asked for, as in bulk; else JSON."""
    if accept == "text/csv":
        probabilities = prediction["probabilities"]
        lines = [f"{label},{probabilities[row]}\n" for row, label in enumerate(prediction["labels"])]
        return "".join(lines), accept
    return json.dumps(prediction), "application/json"
