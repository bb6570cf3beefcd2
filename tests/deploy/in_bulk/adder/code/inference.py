"""A model that adds up numbers, and answers nothing to what it cannot read: a record goes in, and none comes out."""

import json
from pathlib import Path


def model_fn(model_dir):
    """The bias."""
    return json.loads(Path(model_dir, "model.json").read_text("utf-8"))["bias"]


def of_csv(bias, line):
    """``id,number,note`` as ``id,score,note``."""
    name, number, note = line.split(",")
    return f"{name},{bias + float(number)},{note}"


def of_json(bias, line):
    """``[1, 2]`` as ``{"score": 3.5, "of": [1, 2]}``."""
    numbers = json.loads(line)
    return json.dumps({"score": bias + sum(numbers), "of": numbers})


def transform_fn(bias, data, content_type, accept):
    """Answer a request of lines."""
    answer = of_csv if content_type.startswith("text/csv") else of_json
    answers = []
    for line in (data.decode() if isinstance(data, bytes) else data).splitlines():
        try:
            answers.append(answer(bias, line) + "\n")
        except ValueError:
            continue
    return "".join(answers), accept
