"""How often a checkpoint does in an unseen world exactly what the reference agent does there."""

from collections.abc import Iterable

from experiments.pocket.lessons import Episode
from sandbox.models.base import ChatRequest
from sandbox.models.pocket import Pocket


def succeeds(pocket: Pocket, episode: Episode) -> bool:
    """Whether ``pocket`` gives every reply of ``episode`` to the letter.

    As long as its replies are the reference's, so are the observations that it is shown; hence
    this is what it would do by itself. Another command sequence with the same effect counts as a
    failure, so the figure is a lower bound.
    """
    return all(
        pocket.answer(ChatRequest(talk.messages[:turn])).text == talk.messages[turn].content
        for talk in episode
        for turn in sorted(talk.said)
    )


def successes(pocket: Pocket, episodes: Iterable[Episode]) -> int:
    """How many of ``episodes`` it succeeds in."""
    return sum(succeeds(pocket, episode) for episode in episodes)
