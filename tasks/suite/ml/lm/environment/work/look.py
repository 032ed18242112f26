"""Shows how much the symbol at each lag tells of the next one, the most telling first: python3 look.py."""

import numpy as np

text = np.load("/work/text.npy")
alphabet = text.max() + 1


def information(lag):
    """Mutual information in nats of the symbol ``lag`` places back and the next one."""
    counts = np.zeros((alphabet, alphabet))
    np.add.at(counts, (text[:, :-lag].ravel(), text[:, lag:].ravel()), 1)
    both = counts / counts.sum()
    alone = both.sum(axis=1, keepdims=True) * both.sum(axis=0)
    return np.sum(both[both > 0] * np.log(both[both > 0] / alone[both > 0]))


found = {lag: information(lag) for lag in range(1, 9)}
for lag in sorted(found, key=found.get, reverse=True):
    print(f"lag {lag} tells {found[lag]:.2f}")
