"""Answers questions with the weak solver behind the door, by majority vote.

    python3 /agent/tools/answer.py QUESTIONS.json ANSWERS.json

QUESTIONS.json is {"split": NAME, "questions": [TEXT, ...]}, ANSWERS.json a list of texts in the
same order. The solver is asked in the phrasing `style`, `votes` times a question: both stand in
/agent/config.json under `answer`. It allows 20 calls a question.
"""

import json
import os
import sys
import urllib.request
from collections import Counter
from pathlib import Path

CONFIG = Path(__file__).parent.parent / "config.json"


def ask(split: str, style: str, samples: int, questions: list[str]) -> list[list[str]]:
    """The solver's answers: `samples` to each question."""
    door = os.environ.get("OPENAI_BASE_URL", "http://127.0.0.1:8000/v1").removesuffix("/v1")
    body = {"split": split, "style": style, "samples": samples, "questions": questions}
    request = urllib.request.Request(
        door + "/inner/answer", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as response:
        answers: list[list[str]] = json.load(response)["answers"]
    return answers


def majority(answers: list[str]) -> str:
    """The most frequent answer; of several, the first given."""
    return Counter(answers).most_common(1)[0][0]


def main(source: str, target: str) -> None:
    """Answers every question of one file into another."""
    settings = json.loads(CONFIG.read_text())["answer"]
    asked = json.loads(Path(source).read_text())
    answers = ask(asked["split"], settings["style"], settings["votes"], asked["questions"])
    Path(target).write_text(json.dumps([majority(given) for given in answers]))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
