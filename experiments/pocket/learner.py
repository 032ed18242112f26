"""The network of `sandbox.models.pocket.network` in PyTorch, and its training loop."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from sandbox.models.pocket.network import EPSILON, rotary

#: A conversation as token numbers, and for each whether it is the assistant's to say.
Lesson = tuple[list[int], list[bool]]


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that the weights depend on, apart from the lessons."""

    seed: int = 7
    layers: int = 2
    width: int = 64
    heads: int = 4
    context: int = 512
    batch: int = 16
    rate: float = 4e-3
    warm_up: int = 100
    decay: float = 0.01
    #: The training steps at which the weights are kept; the last one ends the training.
    kept: tuple[int, ...] = (0, 400, 810, 820, 830, 1600, 1800, 2000)


class Learner:
    """The same forward pass as `Reading`, over whole batches; its parameters bear the same names.

    The start is mimetic (Trockman and Kolter 2023, arXiv:2305.09828): keys equal queries, and an
    attended value is written back as it was read. With smeared keys such a head looks for its own
    token and says what followed it, which is most of the copying that the tasks ask for.
    """

    def __init__(self, recipe: Recipe, vocabulary: int) -> None:
        layers, width = recipe.layers, recipe.width
        self.heads, self.context = recipe.heads, recipe.context
        inner = width**-0.5
        query, value = (torch.randn(layers, width, width) * inner for _ in range(2))
        self.parameters: dict[str, Tensor] = {
            "embedding": torch.randn(vocabulary, width) * inner,
            "qkv": torch.cat([query, query, value], dim=-1),
            # The two writers into the residual stream start smaller, as in GPT-2.
            "out": value.transpose(1, 2).clone() / math.sqrt(2 * layers),
            "up": torch.randn(layers, width, 4 * width) * inner,
            "down": torch.randn(layers, 4 * width, width) * inner / (2 * math.sqrt(2 * layers)),
            "smear": torch.full((layers, width), 0.5),
            "norm_attention": torch.ones(layers, width),
            "norm_perceptron": torch.ones(layers, width),
            "norm_output": torch.ones(width),
        }
        for parameter in self.parameters.values():
            parameter.requires_grad_()
        cos, sin = rotary(recipe.context, width // recipe.heads)
        self.cos, self.sin = torch.from_numpy(cos), torch.from_numpy(sin)

    def logits(self, numbers: Tensor) -> Tensor:
        """Logits (B, T, V) of the token after each of ``numbers`` (B, T)."""
        p = self.parameters
        x = p["embedding"][numbers]
        for layer in range(len(p["qkv"])):
            x = x + self._attend(layer, _norm(x, p["norm_attention"][layer]))
            hidden = functional.relu(_norm(x, p["norm_perceptron"][layer]) @ p["up"][layer])
            x = x + hidden.square() @ p["down"][layer]
        return _norm(x, p["norm_output"]) @ p["embedding"].T

    def _attend(self, layer: int, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        joint = x @ self.parameters["qkv"][layer]
        split = joint.reshape(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        smear = self.parameters["smear"][layer].reshape(self.heads, 1, -1)
        before = functional.pad(split[1], (0, 0, 1, 0))[..., :-1, :]
        query, key = self._rotate(split[0]), self._rotate(split[1] + smear * before)
        mixed = functional.scaled_dot_product_attention(query, key, split[2], is_causal=True)
        return mixed.transpose(1, 2).reshape(batch, length, width) @ self.parameters["out"][layer]

    def _rotate(self, x: Tensor) -> Tensor:
        left, right = x.chunk(2, dim=-1)
        cos, sin = self.cos[: x.shape[-2]], self.sin[: x.shape[-2]]
        return torch.cat([left * cos - right * sin, left * sin + right * cos], dim=-1)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """The fields of `Weights`, the network in half precision: what a checkpoint stores."""
        stored = {name: value.detach().half().numpy() for name, value in self.parameters.items()}
        return {**stored, "heads": np.array(self.heads), "context": np.array(self.context)}


def _norm(x: Tensor, gain: Tensor) -> Tensor:
    return functional.rms_norm(x, (x.shape[-1],), eps=EPSILON) * gain


def train(
    recipe: Recipe,
    vocabulary: int,
    draw: Callable[[int, np.random.Generator], Lesson],
    keep: Callable[[int, Learner, float], None],
) -> None:
    """Trains on one thread, on what ``draw(step, chance)`` gives.

    Calls ``keep(step, learner, loss)`` at each step of ``recipe.kept``.

    The loss is the cross-entropy, in nats, of what the assistant says and nothing else. The rate
    rises linearly over the warm-up and falls as a cosine to a tenth at the last step.
    """
    torch.set_num_threads(1)
    torch.manual_seed(recipe.seed)
    torch.use_deterministic_algorithms(True)
    chance = np.random.default_rng(recipe.seed)
    learner, last = Learner(recipe, vocabulary), recipe.kept[-1]
    parameters = list(learner.parameters.values())
    optimiser = torch.optim.AdamW(parameters, weight_decay=recipe.decay, betas=(0.9, 0.98))
    for step in range(last + 1):
        loss = _loss(learner, [draw(step, chance) for _ in range(recipe.batch)])
        if step in recipe.kept:
            keep(step, learner, loss.item())
        rise = min(1.0, (step + 1) / recipe.warm_up)
        fall = 0.55 + 0.45 * math.cos(math.pi * step / last)
        for group in optimiser.param_groups:
            group["lr"] = recipe.rate * rise * fall
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()


def _loss(learner: Learner, lessons: list[Lesson]) -> Tensor:
    """Mean cross-entropy over the assistant's tokens of a batch."""
    longest = max(len(numbers) for numbers, _ in lessons)
    numbers = torch.zeros(len(lessons), longest, dtype=torch.long)
    spoken = torch.zeros(len(lessons), longest, dtype=torch.bool)
    for row, (said, whose) in enumerate(lessons):
        numbers[row, : len(said)] = torch.tensor(said)
        spoken[row, : len(whose)] = torch.tensor(whose)
    target = spoken[:, 1:]
    return functional.cross_entropy(learner.logits(numbers[:, :-1])[target], numbers[:, 1:][target])
