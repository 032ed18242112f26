"""The forward pass of pocket in numpy.

A decoder-only transformer: RMS norm before each part, rotary positions (Su et al. 2021,
arXiv:2104.09864), multi-head causal attention with smeared keys (Olsson et al. 2022,
arXiv:2209.11895), a squared-ReLU perceptron of four times the width (So et al. 2021,
arXiv:2109.08668), output tied to the embedding, no biases.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float32]

ROTARY_BASE = 1000.0
EPSILON = 1e-5


@dataclass(frozen=True, slots=True)
class Weights:
    """L layers of width W over V tokens; float32."""

    #: (V, W)
    embedding: Array
    #: (L, W, 3 W): query, key and value side by side, each as heads one after another.
    qkv: Array
    #: (L, W, W)
    out: Array
    #: (L, W, 4 W) and (L, 4 W, W)
    up: Array
    down: Array
    #: How much of the key before it is added to each key (L, W): a token is also found by what precedes it.
    smear: Array
    #: Gains of the norms: before attention and perceptron (L, W), and before the output (W,).
    norm_attention: Array
    norm_perceptron: Array
    norm_output: Array
    heads: int
    #: The longest sequence, in tokens.
    context: int

    def check(self) -> None:
        """Raises ValueError if the shapes do not belong to one network or a number is not finite."""
        vocabulary, width = self.embedding.shape
        layers = self.qkv.shape[0]
        shapes = {
            "embedding": (vocabulary, width),
            "qkv": (layers, width, 3 * width),
            "out": (layers, width, width),
            "up": (layers, width, 4 * width),
            "down": (layers, 4 * width, width),
            "smear": (layers, width),
            "norm_attention": (layers, width),
            "norm_perceptron": (layers, width),
            "norm_output": (width,),
        }
        for name, shape in shapes.items():
            array: Array = getattr(self, name)
            if array.shape != shape or not np.isfinite(array).all():
                raise ValueError(f"{name} has shape {array.shape}, not {shape}, or is not finite")
        if self.heads < 1 or self.context < 1 or width % (2 * self.heads):
            raise ValueError("the width must be an even multiple of the heads")


def rotary(context: int, size: int) -> tuple[Array, Array]:
    """Cosine and sine, each (context, size / 2), of position x base^(-2i/size)."""
    rates = ROTARY_BASE ** (-np.arange(0, size, 2) / size)
    angles = np.arange(context)[:, None] * rates
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


def _norm(x: Array, gain: Array) -> Array:
    scale: Array = 1 / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + np.float32(EPSILON))
    return x * scale * gain


def _softmax(scores: Array) -> Array:
    powers: Array = np.exp(scores - scores.max(axis=-1, keepdims=True))
    total: Array = powers.sum(axis=-1, keepdims=True)
    return powers / total


class Reading:
    """One sequence being read: keys and values of what was read so far.

    The weights are only read, so that many readings may share them across threads.
    """

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        layers, width = weights.norm_attention.shape
        shape = (layers, weights.heads, weights.context, width // weights.heads)
        self._keys, self._values = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        # The last key of each layer, not smeared: the next one needs it.
        self._before = np.zeros((layers, weights.heads, 1, shape[-1]), np.float32)
        self._cos, self._sin = rotary(weights.context, width // weights.heads)
        self.length = 0

    def read(self, numbers: list[int]) -> Array:
        """Reads ``numbers`` (T,) on; returns the logits (V,) of the token that follows.

        Raises:
            ValueError: nothing to read, or more than the context holds.
        """
        if not numbers or self.length + len(numbers) > self._weights.context:
            raise ValueError(f"{self.length} + {len(numbers)} tokens in {self._weights.context}")
        w = self._weights
        x: Array = w.embedding[numbers]
        for layer in range(len(w.qkv)):
            x = x + self._attend(layer, _norm(x, w.norm_attention[layer]))
            hidden = np.maximum(_norm(x, w.norm_perceptron[layer]) @ w.up[layer], 0)
            x = x + (hidden * hidden) @ w.down[layer]
        self.length += len(numbers)
        logits: Array = w.embedding @ _norm(x[-1], w.norm_output)
        return logits

    def _attend(self, layer: int, x: Array) -> Array:
        """Causal attention of (T, W) over all read so far; stores the new keys and values."""
        w, start, stop = self._weights, self.length, self.length + len(x)
        # (T, 3, heads, size) -> three of (heads, T, size)
        query, key, value = (x @ w.qkv[layer]).reshape(len(x), 3, w.heads, -1).transpose(1, 2, 0, 3)
        before = np.concatenate([self._before[layer], key[:, :-1]], axis=1)
        self._before[layer] = key[:, -1:]
        key = key + w.smear[layer].reshape(w.heads, 1, -1) * before
        self._keys[layer, :, start:stop] = self._rotate(key, start, stop)
        self._values[layer, :, start:stop] = value
        keys, values = self._keys[layer, :, :stop], self._values[layer, :, :stop]
        scores = self._rotate(query, start, stop) @ keys.transpose(0, 2, 1)
        scores /= np.float32(np.sqrt(query.shape[-1]))
        ahead = np.arange(stop)[None, :] > np.arange(start, stop)[:, None]
        mixed = _softmax(np.where(ahead, np.float32(-1e9), scores)) @ values
        attended: Array = mixed.transpose(1, 0, 2).reshape(len(x), -1) @ w.out[layer]
        return attended

    def _rotate(self, x: Array, start: int, stop: int) -> Array:
        """Turns the halves of (heads, T, size) by the positions ``start`` to ``stop``."""
        left, right = np.split(x, 2, axis=-1)
        cos, sin = self._cos[start:stop], self._sin[start:stop]
        return np.concatenate([left * cos - right * sin, left * sin + right * cos], axis=-1)
