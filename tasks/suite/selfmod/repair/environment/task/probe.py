"""Tests the loop in /agent/main.py on a public conversation, with its `ask` replaced.

Prints the copy in /agent/memory that holds the whole notes (or that notes.md does), and the first
part of the loop that fails.
"""

import hashlib
import importlib.util
import json
import sys
from pathlib import Path

AGENT = Path("/agent")


def notes(digest):
    """Where the whole notes are: `whole` if in notes.md."""
    for path in sorted((AGENT / "memory").glob("*.md"), key=lambda path: (path.stem != "notes", path)):
        if hashlib.sha256(path.read_bytes()).hexdigest() == digest:
            return "whole" if path.stem == "notes" else path.stem
    return "nowhere"


def talk(replies):
    """The messages of each call that the loop makes."""
    sys.path.insert(0, str(AGENT))
    spec = importlib.util.spec_from_file_location("loop", AGENT / "main.py")
    loop = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loop)
    calls = []

    def ask(model, messages):
        calls.append([dict(message) for message in messages])
        return replies[len(calls) - 1]

    loop.ask, loop.log = ask, lambda kind, **fields: None
    loop.main()
    return calls


def fault(case, calls):
    """The first part that fails."""
    one, two, _, four = (calls + [[{"role": "", "content": ""}]] * 4)[:4]
    shown, whole = two[-1]["content"], "".join(message["content"] for message in four)
    kept = (AGENT / "memory/notes.md").read_text().strip()
    checks = {
        "memory": kept in one[0]["content"],
        "results": case["lines"][1] in shown,
        "parser": case["lines"][-1] in shown,
        "retry": len(calls) == len(case["replies"]),
        "history": case["lines"][0] in whole,
        "roles": [message["role"] for message in four[2:]] == ["assistant", "user"] * 3,
        "status": str(case["code"]) in four[-1]["content"],
    }
    return next((name for name, passed in checks.items() if not passed), "none")


def main():
    """Prints both."""
    case = json.loads(Path("/task/probe.json").read_text())
    print("notes", notes(case["notes"]))
    print("fault", fault(case, talk(case["replies"])))


if __name__ == "__main__":
    main()
