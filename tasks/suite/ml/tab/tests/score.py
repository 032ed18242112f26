"""Prints the reward of predictions in the public world: score.py OUT.npy."""

import json
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent

facts = json.loads((HERE / "anchors.json").read_text())
y = np.load(HERE / "targets.npy", allow_pickle=False)
error = float(np.sqrt(np.mean((np.load(sys.argv[1], allow_pickle=False) - y) ** 2)))
gain = np.log(facts["start_error"] / error) / np.log(facts["start_error"] / facts["reference_error"])
print(json.dumps({"reward": float(np.clip(gain, 0, 2))}))
