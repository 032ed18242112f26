"""Measures on the public questions: each style of the solver, or with `tool` the tool as it is."""

import json
import os
import subprocess
import sys
import urllib.request
from collections import Counter
from pathlib import Path

STYLES = ["plain", "steps", "check", "chart", "proof", "brief"]
SLICE = 60
SAMPLES = 5
DOOR = os.environ.get("OPENAI_BASE_URL", "http://127.0.0.1:8000/v1").removesuffix("/v1")


def ask(style, questions):
    """The majority answer to each question."""
    body = {"split": "development", "style": style, "samples": SAMPLES, "questions": questions}
    request = urllib.request.Request(
        DOOR + "/inner/answer", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as response:
        return [Counter(given).most_common(1)[0][0] for given in json.load(response)["answers"]]


def tool(questions):
    """The answers of /agent/tools/answer.py."""
    source, target = Path("/tmp/questions.json"), Path("/tmp/answers.json")
    source.write_text(json.dumps({"split": "development", "questions": questions}))
    subprocess.run([sys.executable, "/agent/tools/answer.py", source, target], check=True)
    return json.loads(target.read_text())


def accuracy(given, right):
    """The share of equal answers."""
    return sum(map(str.__eq__, given, right)) / len(right)


def main():
    """Prints the accuracies, best first."""
    items = json.loads(Path("/task/dev.json").read_text())
    questions, right = items["questions"], items["answers"]
    if sys.argv[1:] == ["tool"]:
        print(f"tool {accuracy(tool(questions), right):.2f}")
        return
    found = [(accuracy(ask(style, questions[:SLICE]), right[:SLICE]), style) for style in STYLES]
    for value, style in sorted(found, reverse=True):
        print(f"{style} {value:.2f}")


if __name__ == "__main__":
    main()
