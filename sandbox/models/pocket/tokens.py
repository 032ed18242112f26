"""The word-level tokens of pocket, and how a conversation becomes a prompt.

A token is a run of ASCII letters or one other character. One space between two words is implied
and has no token; every other blank has one. So ``decode(encode(text)) == text`` exactly for every
text whose pieces are in the vocabulary, shell commands included.
"""

import re
from collections.abc import Iterable, Sequence

from sandbox.models.base import Message

UNKNOWN, END, SYSTEM, USER, ASSISTANT = SPECIAL = ("<unk>", "<end>", "<system>", "<user>", "<assistant>")

_PIECE = re.compile(r"[A-Za-z]+|.", re.DOTALL)
_IMPLIED = re.compile(r"(?<=[A-Za-z]) (?=[A-Za-z])")


def pieces(text: str) -> list[str]:
    """The token strings of ``text``; ``"python3 a b"`` gives python, 3, blank, a, b."""
    # Two words that touch cannot come out of the pattern, so nothing is lost by this split.
    return [piece for stretch in _IMPLIED.split(text) for piece in _PIECE.findall(stretch)]


class Tokenizer:
    """A closed vocabulary. The first five entries are ``SPECIAL`` and cannot be spelt by text."""

    def __init__(self, vocabulary: Sequence[str]) -> None:
        """Takes the token strings by number.

        Raises:
            ValueError: the vocabulary does not begin with ``SPECIAL``, or repeats an entry.
        """
        self.vocabulary = tuple(vocabulary)
        if self.vocabulary[: len(SPECIAL)] != SPECIAL or len(set(self.vocabulary)) != len(self.vocabulary):
            raise ValueError("a vocabulary begins with the special tokens and names each token once")
        self._number = {piece: number for number, piece in enumerate(self.vocabulary)}
        self.unknown, self.end = self._number[UNKNOWN], self._number[END]
        self._role = {
            "system": self._number[SYSTEM],
            "user": self._number[USER],
            "assistant": self._number[ASSISTANT],
        }

    def encode(self, text: str) -> list[int]:
        """Token numbers of ``text``; a piece outside the vocabulary becomes ``<unk>``."""
        return [self._number.get(piece, self.unknown) for piece in pieces(text)]

    def decode(self, numbers: Iterable[int]) -> str:
        """The text of ``numbers``, with the implied blanks put back."""
        text = ""
        for number in numbers:
            piece = self.vocabulary[number]
            text += f" {piece}" if _IMPLIED.match(f"{text[-1:]} {piece}", 1) else piece
        return text

    def message(self, role: str, content: str) -> list[int]:
        """One message: its role, its text, ``<end>``. An unknown role counts as the user's."""
        return [self._role.get(role, self._role["user"]), *self.encode(content), self.end]

    def prompt(self, messages: Sequence[Message], room: int) -> list[int]:
        """The conversation up to where the assistant speaks, in at most ``room`` tokens.

        A conversation that is too long keeps its opening (up to and with the first user message,
        at most half the room) and its newest tokens; what lies between is dropped.
        """
        parts = [self.message(message.role, message.content) for message in messages]
        first_user = next((i for i, m in enumerate(messages) if m.role == "user"), 0)
        opening = sum(map(len, parts[: first_user + 1]))
        whole = [number for part in parts for number in part] + [self._role["assistant"]]
        if len(whole) <= room:
            return whole
        kept = min(opening, room // 2)
        return whole[:kept] + whole[len(whole) - (room - kept) :]
