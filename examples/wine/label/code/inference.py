"""Last step: the name of the most probable class. A JSON list of lists in, a JSON list of answers out."""

import json
import os


def model_fn(model_dir):
    """The names."""
    with open(os.path.join(model_dir, "model.json"), encoding="utf-8") as file:
        return json.load(file)["labels"]


def input_fn(body, content_type):
    """Probabilities, class by class."""
    if not content_type.startswith("application/json"):
        raise ValueError(f"{content_type} is not served; send application/json")
    return json.loads(body)


def predict_fn(rows, labels):
    """The best of each row, with how sure that is."""
    return [_best(row, labels) for row in rows]


def _best(row, labels):
    index = max(range(len(labels)), key=row.__getitem__)
    return {"label": labels[index], "probability": row[index]}


def output_fn(answers, accept):
    """JSON, whatever was asked for."""
    return json.dumps(answers), "application/json"
