"""An answer that comes as server-sent events: taken apart, put together, and no key let through.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, Final, Protocol

from sandbox.models.base import ChatReply, Piece, ToolCall

_LINE_ENDS: Final = re.compile(rb"\r\n|\n|\r(?!\Z)")
#: A shorter key is no secret, and its letters may well stand in an honest answer.
KEY_CHARS: Final = 8
BLANK: Final = "[key]"


class StreamError(Exception):
    """The server says within its stream that it failed; the text is the error document's."""


class StreamReader(Protocol):
    """Reads one streamed answer of a vendor's API."""

    def feed(self, value: Any) -> Iterable[Piece]:
        """The pieces in the next event's data.

        Raises:
            Garbage: it is no event of that API.
            StreamError: it says that the server failed.
        """
        ...

    def end(self) -> ChatReply:
        """The reply without its text and calls, once the stream is over.

        Raises:
            Garbage: the stream was not whole.
        """
        ...


class ServerEvents:
    """Cuts a body into the data of its events, as it comes."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []

    def feed(self, more: bytes) -> Iterator[bytes]:
        """The data of each event that ``more`` completes."""
        *lines, self._rest = _LINE_ENDS.split(self._rest + more)
        for line in lines:
            if line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
            elif not line and self._data:
                data, self._data = b"\n".join(self._data), []
                yield data


def spelled(key: str) -> str:
    """A key as a text may hold it, as a regular expression: each character plain, or escaped for JSON or
    for an address."""
    return "".join(f"(?:{'|'.join(map(re.escape, forms))})" for forms in _forms(key))


def _forms(key: str) -> Iterator[tuple[str, ...]]:
    for c in key:
        codes = {f"{ord(c):02x}", f"{ord(c):02X}"}
        yield (c, f"\\{c}", *(f"\\u00{code}" for code in codes), *(f"%{code}" for code in codes))


class Blanker:
    """Blanks a key in a text that comes in parts: what may be a key's beginning waits for more."""

    def __init__(self, key: str | None) -> None:
        self._forms = tuple(_forms(key)) if key is not None and len(key) >= KEY_CHARS else ()
        self._whole = re.compile(spelled(key)) if key is not None and self._forms else None
        self._longest = sum(max(map(len, forms)) for forms in self._forms)
        self._starts = {form[0] for form in self._forms[0]} if self._forms else set[str]()
        self._held = ""

    def feed(self, text: str) -> str:
        """What of the text so far can be said."""
        if self._whole is None:
            return text
        known = self._whole.sub(BLANK, self._held + text)
        window = range(max(0, len(known) - self._longest), len(known))
        begun = (i for i in window if known[i] in self._starts and self._begins(known[i:]))
        at = next(begun, len(known))
        self._held = known[at:]
        return known[:at]

    def flush(self) -> str:
        """The rest: no more comes."""
        rest, self._held = self._held, ""
        return rest

    def _begins(self, text: str) -> bool:
        """Whether ``text`` is the beginning of a key, in any spelling, that is not yet whole."""
        places = {0}
        for forms in self._forms:
            if any(form.startswith(text[at:]) for at in places for form in forms):
                return True
            places = {at + len(form) for at in places for form in forms if text.startswith(form, at)}
            if not places:
                return False
        return False


class Hearing:
    """One streamed answer on its way to whoever listens."""

    def __init__(self, reader: StreamReader, key: str | None, hear: Callable[[Piece], None]) -> None:
        self._reader, self._hear = reader, hear
        self._blanker = Blanker(key)
        #: The call whose arguments come now; None: text does.
        self._at: int | None = None
        self._refused = False
        self._texts: list[str] = []
        self._calls: dict[int, ToolCall] = {}
        self._arguments: dict[int, list[str]] = {}
        self._tokens_in: int | None = None
        #: Whether anything was said that cannot be taken back.
        self.began = False

    def take(self, value: Any) -> None:
        """Takes the next event's data.

        Raises:
            Garbage, StreamError: as ``StreamReader.feed``.
        """
        for piece in self._reader.feed(value):
            if (piece.call, piece.refused) != (self._at, self._refused):
                self._say_rest()
                self._at, self._refused = piece.call, piece.refused
            self._tokens_in = piece.tokens_in if self._tokens_in is None else self._tokens_in
            self._say(piece.begun, self._blanker.feed(piece.text if piece.call is None else piece.arguments))

    def end(self) -> ChatReply:
        """The whole reply.

        Raises:
            Garbage: the stream was not whole.
        """
        reply = self._reader.end()
        self._say_rest()
        calls = tuple(
            replace(begun, arguments="".join(self._arguments[number]) or "{}")
            for number, begun in sorted(self._calls.items())
        )
        finish = "tool_calls" if calls and reply.finish == "stop" else reply.finish
        return replace(reply, text="".join(self._texts), tool_calls=calls, finish=finish)

    def _say_rest(self) -> None:
        self._say(None, self._blanker.flush())

    def _say(self, begun: ToolCall | None, said: str) -> None:
        if not said and begun is None:
            return
        tokens_in = None if self.began else self._tokens_in
        self.began = True
        if self._at is None:
            self._texts.append(said)
            self._hear(Piece(text=said, refused=self._refused, tokens_in=tokens_in))
            return
        if begun is not None:
            self._calls[self._at], self._arguments[self._at] = begun, []
        self._arguments[self._at].append(said)
        self._hear(Piece(call=self._at, begun=begun, arguments=said, tokens_in=tokens_in))
