"""What every model provider is to the door."""

from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation; ``role`` is system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A request as the door hands it on: text only, sampling from the experiment's config."""

    messages: tuple[Message, ...]
    #: The episode's sampling (temperature, max_tokens, …); what the agent asks for is not taken.
    sampling: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChatReply:
    """The model's answer. Token counts are the provider's own."""

    text: str
    tokens_in: int
    tokens_out: int
    #: "stop", or "length" if max_tokens cut it.
    finish: str = "stop"
    refused: bool = False


class Model(Protocol):
    """A model for one episode. Providers may keep state between calls of the same episode."""

    #: SHA-256 of weights, script or model name: part of the episode's identity.
    digest: str

    async def complete(self, request: ChatRequest) -> ChatReply:
        """Answers.

        Raises:
            ModelFault: the model failed for a reason that is not the agent's.
        """
        ...
