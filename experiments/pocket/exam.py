"""How often a checkpoint does in an unseen world exactly what the reference agent does there."""

from collections.abc import Iterable

from experiments.pocket.lessons import Conversation
from sandbox.models.base import ChatRequest
from sandbox.models.pocket import Pocket


def succeeds(pocket: Pocket, conversation: Conversation) -> bool:
    """Whether ``pocket`` gives every reply of ``conversation`` to the letter.

    As long as its replies are the reference's, so are the observations that it is shown; hence
    this is what it would do by itself. Another command sequence with the same effect counts as a
    failure, so the figure is a lower bound.
    """
    return all(
        pocket.answer(ChatRequest(conversation[:turn])).text == message.content
        for turn, message in enumerate(conversation)
        if message.role == "assistant"
    )


def successes(pocket: Pocket, conversations: Iterable[Conversation]) -> int:
    """How many of ``conversations`` it succeeds in."""
    return sum(succeeds(pocket, conversation) for conversation in conversations)
