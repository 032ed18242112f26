"""Asks the trials' service; what it refuses ends the program."""

import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path

DOOR = os.environ.get("OPENAI_BASE_URL", "http://127.0.0.1:8000/v1").removesuffix("/v1")
WORK = Path(__file__).parent
RECOMMENDATION = WORK / "recommendation.json"
#: What survey.py found: rate and lowest loss.
SURVEY = WORK / "survey.json"
#: budget, target and unit of their costs.
TASK = json.loads((WORK.parent / "task/space.json").read_text())


def losses(trials):
    """The final loss of each of a list of (width, steps, rate), one trial each."""
    named = [{"width": int(w), "steps": int(s), "rate": float(r)} for w, s, r in trials]
    body = json.dumps({"trials": named}).encode()
    request = urllib.request.Request(f"{DOOR}/trials/run", body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request) as response:
            return json.load(response)["losses"]
    except urllib.error.HTTPError as error:
        sys.exit("refused: " + json.load(error)["error"]["code"])
