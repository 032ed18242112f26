"""Shows which column is broken and which labels are swapped."""

import numpy as np
from tidy import broken_rows, centres, repeated_rows, spoilt_column

with np.load("/work/train.npz", allow_pickle=False) as data:
    columns, classes, x, labels = data["columns"], data["classes"], data["x"], data["labels"]

column = spoilt_column(x)
print("broken", columns[column])

kept = ~repeated_rows(x) & ~broken_rows(x, column)
x, labels = x[kept], labels[kept]
middle = centres(x, labels, len(classes))
nearest = ((x[:, None, :] - middle) ** 2).sum(axis=2).argmin(axis=1)
shares = np.array(
    [[np.mean(nearest[labels == b] == a) for b in range(len(classes))] for a in range(len(classes))]
)
np.fill_diagonal(shares, 0)
for best in np.argsort(shares, axis=None)[::-1][:2]:
    a, b = np.unravel_index(best, shares.shape)
    print("swap", classes[a], classes[b], f"{shares[a, b]:.2f}")
