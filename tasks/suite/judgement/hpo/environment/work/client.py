"""Runs trials: python3 client.py SETTINGS... (each one JSON); prints each loss, then the trials left."""

import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path

DOOR = os.environ.get("OPENAI_BASE_URL", "http://127.0.0.1:8000/v1").removesuffix("/v1")
WORK = Path(__file__).parent
RECOMMENDATION = WORK / "recommendation.json"


def call(path, body=None):
    """The answer of the trials' service; what it refuses ends the program."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{DOOR}/trials/{path}", data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        sys.exit("refused: " + json.load(error)["error"]["code"])


def losses(trials):
    """The loss of each of a list of settings, one trial each."""
    return call("run", {"trials": trials})["losses"]


def left():
    """How many trials are left."""
    state = call("state")
    return state["budget"] - state["used"]


def space():
    """The settings of /task/space.json by name."""
    return json.loads((WORK.parent / "task/space.json").read_text())["settings"]


def value(setting, unit):
    """The number at a place from 0 (lowest) to 1 (highest) on its scale."""
    low, high = setting["low"], setting["high"]
    at = low * (high / low) ** unit if setting["scale"] == "log" else low + (high - low) * unit
    return round(at) if setting["whole"] else at


def numbers(settings, solver):
    """The names of the numbers that a solver has."""
    return [
        name
        for name, setting in settings.items()
        if "low" in setting and (setting["only"] is None or solver in setting["only"]["solver"])
    ]


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(*losses([json.loads(text) for text in sys.argv[1:]]), sep="\n")
    print("left", left())
