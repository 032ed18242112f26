"""Which provider a config means: the one table of names."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from sandbox.errors import Mistake
from sandbox.models.base import Model

Binding = Mapping[str, Any]


def _pocket(step: int, binding: Binding) -> Model:
    from sandbox.models import pocket

    return pocket.load(step)


def _scripted(step: int, binding: Binding) -> Model:
    from sandbox.models.scripted import ScriptedModel

    return ScriptedModel(Path(binding["script"]))


def _openai(step: int, binding: Binding) -> Model:
    from sandbox.models.served import open_served

    return open_served("openai", binding)


def _anthropic(step: int, binding: Binding) -> Model:
    from sandbox.models.served import open_served

    return open_served("anthropic", binding)


def _replay(step: int, binding: Binding) -> Model:
    from sandbox.models.replay import open_replay

    return open_replay(binding)


PROVIDERS: Final[dict[str, Callable[[int, Binding], Model]]] = {
    "pocket": _pocket,
    "scripted": _scripted,
    "openai": _openai,
    "anthropic": _anthropic,
    "replay": _replay,
}


def open_model(provider: str, *, step: int, binding: Binding) -> Model:
    """A model for one episode.

    Args:
        provider: a name of ``PROVIDERS``.
        step: the checkpoint's position on the trend axis.
        binding: the provider's own settings: ``script`` of a scripted model; ``base_url``, ``model``,
            ``api_key_env`` and ``rate`` of a served one; ``digest``, ``recording``, ``blobs`` and
            ``strict`` of a replay.

    Raises:
        Mistake: no such provider, or what the binding names is missing or malformed.
    """
    if provider not in PROVIDERS:
        raise Mistake(f"no provider {provider!r}", key="provider", remedy="known: " + ", ".join(PROVIDERS))
    return PROVIDERS[provider](step, binding)
