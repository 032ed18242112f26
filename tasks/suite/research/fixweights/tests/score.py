"""Prints the reward of /work/model in the public world. Beside it lie the held-out rows and a copy of
/work/network.py, which the agent cannot have touched."""

import json
from pathlib import Path

import numpy as np
from network import totals

HERE = Path(__file__).parent

world = np.load(HERE / "world.npz", allow_pickle=False)
model = {str(name): np.load(f"/work/model/{name}.npy", allow_pickle=False) for name in world["layers"]}
if [matrix.shape for matrix in model.values()] != [tuple(shape) for shape in world["shapes"]]:
    raise SystemExit("the matrices have other shapes than they began with")
error = max(np.mean(totals(model, world["x"])[-1].argmax(axis=1) != world["labels"]), 0.5 / len(world["x"]))
gain = np.log(world["start"] / error) / np.log(world["start"] / world["intact"])
print(json.dumps({"reward": float(np.clip(gain, 0, 2))}))
