"""Answers questions as recipe.json says: answer.py QUESTIONS.json ANSWERS.json."""

import json
import os
import sys
import urllib.request
from collections import Counter
from pathlib import Path

DOOR = os.environ["OPENAI_BASE_URL"].removesuffix("/v1")


def ask(recipe, samples, questions):
    """The solver's samples for each question."""
    body = {"recipe": recipe, "samples": samples, "questions": questions}
    request = urllib.request.Request(
        DOOR + "/inner/answer", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as response:
        return json.load(response)["answers"]


def main():
    """Writes the most frequent sample of each question."""
    recipe = json.loads((Path(__file__).parent / "recipe.json").read_text())
    samples = recipe.pop("votes")
    questions = json.loads(Path(sys.argv[1]).read_text())["questions"]
    answers = [Counter(given).most_common(1)[0][0] for given in ask(recipe, samples, questions)]
    Path(sys.argv[2]).write_text(json.dumps(answers))


if __name__ == "__main__":
    main()
