"""Shows which columns are codes and which pairs of columns act together."""

from itertools import combinations

import numpy as np

with np.load("/work/train.npz", allow_pickle=False) as data:
    names, x, y = data["names"], data["x"], data["y"]

codes = [i for i in range(x.shape[1]) if len(np.unique(x[:, i])) <= 8]
numbers = [i for i in range(x.shape[1]) if i not in codes]
indicators = [x[:, [code]] == np.unique(x[:, code]) for code in codes]
inputs = np.column_stack([x[:, numbers], *indicators])
left_over = y - inputs @ np.linalg.lstsq(inputs, y, rcond=None)[0]
pairs = list(combinations(numbers, 2))
strength = [abs(np.corrcoef(x[:, a] * x[:, b], left_over)[0, 1]) for a, b in pairs]

print("codes", *names[codes])
for best in np.argsort(strength)[::-1][:3]:
    a, b = pairs[best]
    print("pair", names[a], names[b], f"{strength[best]:.2f}")
