"""Answers the questions of one item: recall.py ITEM.json ANSWERS.json.

Keeps up to KEEP lines of what it was told in memory/told.json, and shows the reader those that name the entry.
"""

import json
import os
import sys
import urllib.request
from pathlib import Path

#: How many lines are kept.
KEEP = 0
#: Which word of a line names the entry, from 0.
WORD = 0
#: Lines that the reader takes.
CONTEXT = 8
MEMORY = Path(__file__).parent.parent / "memory" / "told.json"
DOOR = os.environ["OPENAI_BASE_URL"].removesuffix("/v1")


def read(asked):
    """The reader's answers."""
    request = urllib.request.Request(
        DOOR + "/inner/read", json.dumps({"asked": asked}).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as response:
        return json.load(response)["answers"]


def context(question, lines, told):
    """What the reader is shown: the lines about the entry, else what the item tells."""
    name = question.split()[3]
    found = [line for line in lines if line.split()[WORD] == name]
    return (found or told)[-CONTEXT:]


def main():
    """Writes the answers, and keeps what may be kept."""
    item = json.loads(Path(sys.argv[1]).read_text())
    lines = (json.loads(MEMORY.read_text()) if MEMORY.exists() else []) + item["told"]
    asked = [{"question": text, "context": context(text, lines, item["told"])} for text in item["questions"]]
    Path(sys.argv[2]).write_text(json.dumps(read(asked)))
    if KEEP:
        MEMORY.write_text(json.dumps(lines[-KEEP:]))


if __name__ == "__main__":
    main()
