"""What every model provider is to the door."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple, Protocol

#: A vendor's way of writing tools; between two of them a call would lose something.
Dialect = Literal["openai", "anthropic"]
NO_TOOLS: Final[frozenset[Dialect]] = frozenset()
ALL_TOOLS: Final[frozenset[Dialect]] = frozenset({"openai", "anthropic"})


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a tool, as a model made it."""

    id: str
    name: str
    #: JSON as the model wrote it; nobody promises that it parses.
    arguments: str


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that a request offers."""

    name: str
    description: str | None
    #: JSON Schema of its arguments; None: the request gives none.
    parameters: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """Whether tools are to be called: ``name`` is the one that must be, in mode ``tool``."""

    mode: Literal["auto", "none", "required", "tool"]
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of an answer while it comes: text, or something of one tool call."""

    text: str = ""
    #: The text says no.
    refused: bool = False
    #: Number of the call, from 0, that ``begun`` or ``arguments`` belong to.
    call: int | None = None
    #: The call without its arguments, in the piece that begins it.
    begun: ToolCall | None = None
    #: More of its arguments.
    arguments: str = ""
    #: In an answer's first piece: what the server counts as read; None where it says so at the end.
    tokens_in: int | None = None


class Message(NamedTuple):
    """One message of a conversation; ``role`` is system, user, assistant or tool."""

    role: str
    content: str
    #: What an assistant called.
    tool_calls: tuple[ToolCall, ...] = ()
    #: The call that a tool's message answers.
    tool_call_id: str | None = None
    #: Whether that message says that the call failed, where an API can say so.
    tool_failed: bool = False

    def as_json(self) -> list[Any]:
        """The form whose digest identifies a conversation: tools stand in it only where there are some."""
        calls = [[call.id, call.name, call.arguments] for call in self.tool_calls]
        tools = [calls, self.tool_call_id] if calls or self.tool_call_id is not None else []
        return [self.role, self.content, *tools, *([True] if self.tool_failed else [])]


class HostWait:
    """Seconds that an episode spent waiting for what is not its model's thinking: a rate limit, a
    failed attempt, the pause before the next. A wait that still lasts counts as well."""

    def __init__(self) -> None:
        self._ended = 0.0
        self._since: float | None = None

    @property
    def seconds(self) -> float:
        """So far."""
        return self._ended + (0.0 if self._since is None else time.monotonic() - self._since)

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Counts what happens inside."""
        self._since = time.monotonic()
        try:
            yield
        finally:
            self._ended, self._since = self.seconds, None

    def add(self, seconds: float) -> None:
        """Counts what turned out to have been a wait."""
        self._ended += seconds


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A request as the door hands it on: sampling from the experiment's config."""

    messages: tuple[Message, ...]
    #: The episode's sampling (temperature, max_tokens, …); what the agent asks for is not taken.
    sampling: dict[str, Any] = field(default_factory=dict)
    #: Empty for a model that takes no tools.
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    #: Told of the answer's pieces as they come, by a provider that has them; what it was told is the
    #: beginning of the reply. None: nobody listens.
    hear: Callable[[Piece], None] | None = field(default=None, compare=False)
    #: Where a provider books what it waits for.
    wait: HostWait = field(default_factory=HostWait, compare=False)


@dataclass(frozen=True, slots=True)
class ChatReply:
    """The model's answer. Token counts are the provider's own; None is not reported, never a guess."""

    text: str
    tokens_in: int | None
    tokens_out: int | None
    #: "stop", "length" if max_tokens cut it, "tool_calls" if it waits for their results, "cut" if it
    #: broke off while it came.
    finish: str = "stop"
    refused: bool = False
    tool_calls: tuple[ToolCall, ...] = ()
    #: How the provider came by the answer; recorded, and never shown to the agent.
    notes: Mapping[str, Any] = field(default_factory=dict)


class Model(Protocol):
    """A model for one episode. Providers may keep state between calls of the same episode."""

    #: SHA-256 of weights, script or model name: part of the episode's identity.
    digest: str
    #: The dialects in which it takes tools. For one that takes none at all, offered tools are ignored
    #: and a conversation that holds tool calls is refused.
    tools: frozenset[Dialect]

    async def complete(self, request: ChatRequest) -> ChatReply:
        """Answers.

        Raises:
            ModelFault: the model failed for a reason that is not the agent's.
            ModelRefusal: the model can never answer this conversation.
        """
        ...
