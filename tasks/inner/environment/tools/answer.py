"""Answers questions in conversations with the weak solver behind the door, by majority vote.

    python3 /agent/tools/answer.py QUESTIONS.json ANSWERS.json

QUESTIONS.json is {"split": NAME, "questions": [TEXT, ...]}, ANSWERS.json a list of texts in the same
order. The solver is asked in the phrasing `style`, `votes` times a question: both stand in
/agent/config.json under `answer`. Every file of /agent/tools/plugins is a tool that it is offered.
"""

import importlib
import json
import os
import sys
import urllib.request
from collections import Counter
from pathlib import Path

sys.dont_write_bytecode = True
HOME = Path(__file__).parent
CONFIG = HOME.parent / "config.json"
DOOR = os.environ.get("OPENAI_BASE_URL", "http://127.0.0.1:8000/v1").removesuffix("/v1")
#: Conversations of one request.
SLICE = 50
#: Uses of tools in one conversation.
ROUNDS = 8


def tools():
    """Name -> module of every plugin."""
    names = sorted(path.stem for path in HOME.glob("plugins/*.py"))
    return {name: importlib.import_module(f"plugins.{name}") for name in names}


def ask(split, samples, chats):
    """The solver's replies: `samples` to each conversation."""
    replies = []
    for start in range(0, len(chats), SLICE):
        body = {"split": split, "samples": samples, "chats": chats[start : start + SLICE]}
        request = urllib.request.Request(
            DOOR + "/inner/chat", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request) as response:
            replies += json.load(response)["replies"]
    return replies


def opening(question, style, offered):
    """The first messages of a conversation."""
    lines = [f"Answer in the style {style}.", *(f"You may use tool {name}." for name in offered)]
    return [{"role": "system", "content": " ".join(lines)}, {"role": "user", "content": question}]


def used(reply, known):
    """What the solver is told after a reply that calls a tool."""
    _, name, argument = reply.split(" ", 2)
    try:
        return "RESULT " + known[name].run(argument)
    except (KeyError, ValueError) as error:
        return f"RESULT error: {error}"


def converse(split, chats, samples, known):
    """The last replies to each conversation, once no tool is called any more."""
    last = ask(split, samples, chats)
    for _ in range(ROUNDS):
        calling = [i for i, given in enumerate(last) if given[0].startswith("CALL ")]
        if not calling:
            break
        for i in calling:
            said = last[i][0]
            chats[i] += [
                {"role": "assistant", "content": said},
                {"role": "user", "content": used(said, known)},
            ]
        for i, given in zip(calling, ask(split, samples, [chats[i] for i in calling]), strict=True):
            last[i] = given
    return last


def majority(replies):
    """The most frequent answer; of several, the first given."""
    return Counter(reply.removeprefix("Answer: ") for reply in replies).most_common(1)[0][0]


def main(source, target):
    """Answers every question of one file into another."""
    settings = json.loads(CONFIG.read_text())["answer"]
    asked = json.loads(Path(source).read_text())
    known = tools()
    chats = [opening(question, settings["style"], known) for question in asked["questions"]]
    replies = converse(asked["split"], chats, settings["votes"], known)
    Path(target).write_text(json.dumps([majority(given) for given in replies]))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
