"""Second step: the probability of each class. Scaled CSV in, a JSON list of lists out."""

import csv
import io
import json
import os

import numpy as np
from sklearn.linear_model import LogisticRegression


def model_fn(model_dir):
    """Rebuild the classifier from its parameters."""
    with open(os.path.join(model_dir, "model.json"), encoding="utf-8") as file:
        parameters = json.load(file)
    classifier = LogisticRegression()
    classifier.coef_ = np.array(parameters["coefficients"])
    classifier.intercept_ = np.array(parameters["intercepts"])
    classifier.classes_ = np.arange(len(classifier.intercept_))
    return classifier


def input_fn(body, content_type):
    """Rows of scaled numbers."""
    if not content_type.startswith("text/csv"):
        raise ValueError(f"{content_type} is not served; send text/csv")
    text = body.decode("utf-8") if isinstance(body, (bytes, bytearray)) else body
    return np.array([row for row in csv.reader(io.StringIO(text)) if row], dtype=float)


def predict_fn(rows, classifier):
    """Probabilities, class by class."""
    return classifier.predict_proba(rows)


def output_fn(probabilities, accept):
    """JSON, for the next container."""
    return json.dumps([[round(float(p), 6) for p in row] for row in probabilities]), "application/json"
