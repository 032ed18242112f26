"""Measures on the public questions: each style of the solver, or with `tool` the tool as it is."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, "/agent/tools")

STYLES = ["plain", "steps", "check", "chart", "proof", "brief"]
SLICE = 60
SAMPLES = 5


def styles(questions):
    """The majority answers in each style."""
    import answer

    known = answer.tools()
    for style in STYLES:
        chats = [answer.opening(question, style, known) for question in questions]
        replies = answer.converse("development", chats, SAMPLES, known)
        yield style, [Counter(given).most_common(1)[0][0].removeprefix("Answer: ") for given in replies]


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
    found = [(accuracy(given, right), style) for style, given in styles(questions[:SLICE])]
    for value, style in sorted(found, reverse=True):
        print(f"{style} {value:.2f}")


if __name__ == "__main__":
    main()
