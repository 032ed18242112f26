"""A model that says what a file tells it to: for tests, calibration and the scripted agents.

The file is YAML: ``turns``, a list; the last turn repeats. A turn is a text, said as it is, or

    find: {name: REGEX, ...}     # searched in the last user message, multi-line mode
    say: text with {name}        # each replaced by the regex's first group, else its whole match
    otherwise: text              # said if a regex does not match

or a choice of such turns, of which the first whose every regex matches is said:

    first: [{find: {name: REGEX, ...}, say: text with {name}}, ...]

Without ``otherwise``, a regex that does not match is said as a plain sentence, which no scaffold
takes for a command; of a choice, that of the last turn. Only the names under ``find`` are replaced, so other braces are safe. Turns are
counted by calls of the episode, whatever the conversation holds. Tokens are words between white
space. Sampling is ignored.
"""

import re
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from sandbox.canonical import sha256
from sandbox.errors import Mistake
from sandbox.models.base import NO_TOOLS, ChatReply, ChatRequest


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a script."""

    say: str
    find: dict[str, re.Pattern[str]] = field(default_factory=dict)
    otherwise: str | None = None
    #: The next turn of a choice, taken if a regex does not match.
    other: "Turn | None" = None

    def text(self, seen: str) -> str:
        """What is said after ``seen``, the last user message."""
        if not all(pattern.search(seen) for pattern in self.find.values()) and self.other is not None:
            return self.other.text(seen)
        said = self.say
        for name, pattern in self.find.items():
            match = pattern.search(seen)
            if match is None:
                return self.otherwise or f"The script finds no {name} in what it was shown."
            said = said.replace("{" + name + "}", match[1] if pattern.groups else match[0])
        return said


class ScriptedModel:
    """Plays one script for one episode.

    Raises:
        Mistake: the file is missing or not a script.
    """

    tools = NO_TOOLS

    def __init__(self, script: Path) -> None:
        self.turns, self.digest = read_script(script)
        self._calls = 0

    async def complete(self, request: ChatRequest) -> ChatReply:
        """Says the next turn."""
        turn = self.turns[min(self._calls, len(self.turns) - 1)]
        self._calls += 1
        users = [message.content for message in request.messages if message.role == "user"]
        text = turn.text(users[-1] if users else "")
        tokens_in = sum(len(message.content.split()) for message in request.messages)
        return ChatReply(text, tokens_in, len(text.split()))


def read_script(script: Path) -> tuple[tuple[Turn, ...], str]:
    """The turns of a script file and the SHA-256 of its bytes.

    Raises:
        Mistake: the file is missing or not a script.
    """
    try:
        data = script.read_bytes()
    except OSError as error:
        raise Mistake(f"cannot be read: {error.strerror}", where=str(script)) from error
    return _turns(data, str(script)), sha256(data)


@lru_cache(maxsize=64)
def _turns(data: bytes, where: str) -> tuple[Turn, ...]:
    """Kept, because every episode of a checkpoint opens the same script."""
    try:
        written = yaml.safe_load(data)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Mistake(f"not YAML: {error}", where=where) from error
    if not isinstance(written, dict) or set(written) != {"turns"} or not isinstance(written["turns"], list):
        raise Mistake("not a script", where=where, remedy="write turns: [text, ...] and nothing else")
    if not written["turns"]:
        raise Mistake("a script needs a turn", where=where, key="turns")
    return tuple(_turn(turn, where, f"turns.{i}") for i, turn in enumerate(written["turns"]))


def _turn(written: Any, where: str, key: str) -> Turn:
    if isinstance(written, str):
        return Turn(written)
    remedy = "write a text, or find (names to regexes), say and perhaps otherwise, or first: [turn, ...]"
    if isinstance(written, dict) and set(written) == {"first"}:
        return _choice(written["first"], where, key)
    if not isinstance(written, dict) or not {"find", "say"} <= set(written) <= {"find", "say", "otherwise"}:
        raise Mistake("not a turn", where=where, key=key, remedy=remedy)
    find, say, otherwise = written["find"], written["say"], written.get("otherwise")
    if not isinstance(find, dict) or not isinstance(say, str) or not isinstance(otherwise, str | None):
        raise Mistake("not a turn", where=where, key=key, remedy=remedy)
    try:
        patterns = {str(name): re.compile(str(regex), re.MULTILINE) for name, regex in find.items()}
    except re.error as error:
        raise Mistake(f"not a regular expression: {error}", where=where, key=f"{key}.find") from error
    return Turn(say, patterns, otherwise)


def _choice(written: Any, where: str, key: str) -> Turn:
    if not isinstance(written, list) or not written:
        raise Mistake("not a choice", where=where, key=f"{key}.first", remedy="write first: [turn, ...]")
    turns = [_turn(turn, where, f"{key}.first.{i}") for i, turn in enumerate(written)]
    chosen = turns[-1]
    for turn in reversed(turns[:-1]):
        chosen = replace(turn, other=chosen)
    return chosen
