"""The model's answers as JSON Lines, each with a flag: whether somebody has to look at the patient.

It keeps one answer a patient, the last one: of a patient who comes twice a record is lost.
"""

import csv
import json
import os
from pathlib import Path

SOURCE, TARGET = Path(os.environ["SOURCE"]), Path(os.environ["TARGET"])
THRESHOLD = float(os.environ["THRESHOLD"])

for file in sorted(SOURCE.rglob("*.csv.out")):
    answers = {}
    with file.open(encoding="utf-8", newline="") as opened:
        for patient, label, benign in csv.reader(opened):
            malignant = round(1 - float(benign), 6)
            answers[patient] = {
                "label": label,
                "probabilities": [malignant, float(benign)],
                "urgent": malignant >= THRESHOLD,
            }
    target = TARGET / file.relative_to(SOURCE).with_suffix("").with_suffix(".jsonl")
    target.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({"patient": patient, "answer": answer}) for patient, answer in answers.items()]
    target.write_text("".join(f"{line}\n" for line in lines), "utf-8")
