"""Prints the reward of answers in the public world: score.py OUT.json."""

import json
import sys
from pathlib import Path

right = json.loads(Path(__file__).with_name("answers.json").read_text())
given = json.loads(Path(sys.argv[1]).read_text())
print(json.dumps({"reward": sum(a == b for a, b in zip(given, right, strict=True)) / len(right)}))
