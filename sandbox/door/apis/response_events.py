"""A response of the responses API as the events that make it, and what such a response consists of.

https://platform.openai.com/docs/api-reference/responses-streaming
"""

from dataclasses import dataclass
from typing import Any

from sandbox.door.apis.base import encode
from sandbox.http import Refused
from sandbox.models.base import ChatReply, Piece, ToolCall

Event = tuple[str, dict[str, Any]]


def finished(begun: dict[str, Any], reply: ChatReply, output: list[dict[str, Any]]) -> dict[str, Any]:
    """A response that was ``begun``, with what it came to."""
    cut = reply.finish == "length"
    return {
        **begun, "status": status_of(reply), "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "output": output, "usage": _usage(reply),
    }  # fmt: skip


def status_of(reply: ChatReply) -> str:
    """Whether a response, and what was said last in it, is whole."""
    return "incomplete" if reply.finish == "length" else "completed"


def _usage(reply: ChatReply) -> dict[str, Any] | None:
    if reply.tokens_in is None or reply.tokens_out is None:
        return None
    return {
        "input_tokens": reply.tokens_in,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": reply.tokens_out,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": reply.tokens_in + reply.tokens_out,
    }


@dataclass
class Said:
    """An output item that says something."""

    id: str
    refused: bool
    text: str = ""

    def item(self, status: str) -> dict[str, Any]:
        """Its document."""
        content = [] if status == "in_progress" else [self._part(self.text)]
        head = {"id": self.id, "type": "message", "status": status, "role": "assistant"}
        return {**head, "content": content}

    def begin(self, index: int) -> list[Event]:
        """What is told after the item itself."""
        return [("response.content_part.added", {**self._place(index), "part": self._part("")})]

    def add(self, index: int, said: str) -> Event:
        """A piece of it."""
        self.text += said
        return f"response.{self._kind}.delta", {**self._place(index), "delta": said, **self._more}

    def end(self, index: int) -> list[Event]:
        """What is told before the whole item."""
        place, field = self._place(index), "refusal" if self.refused else "text"
        return [
            (f"response.{self._kind}.done", {**place, field: self.text, **self._more}),
            ("response.content_part.done", {**place, "part": self._part(self.text)}),
        ]

    @property
    def _kind(self) -> str:
        return "refusal" if self.refused else "output_text"

    @property
    def _more(self) -> dict[str, Any]:
        return {} if self.refused else {"logprobs": []}

    def _part(self, text: str) -> dict[str, Any]:
        if self.refused:
            return {"type": "refusal", "refusal": text}
        return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}

    def _place(self, index: int) -> dict[str, Any]:
        return {"item_id": self.id, "output_index": index, "content_index": 0}


@dataclass
class Called:
    """An output item that calls a tool."""

    id: str
    call: ToolCall
    text: str = ""

    def item(self, status: str) -> dict[str, Any]:
        """Its document."""
        head = {"id": self.id, "type": "function_call", "status": status}
        arguments = "" if status == "in_progress" else self.text
        return {**head, "call_id": self.call.id, "name": self.call.name, "arguments": arguments}

    def begin(self, index: int) -> list[Event]:
        """What is told after the item itself."""
        return []

    def add(self, index: int, said: str) -> Event:
        """A piece of its arguments."""
        self.text += said
        told = {"item_id": self.id, "output_index": index, "delta": said}
        return "response.function_call_arguments.delta", told

    def end(self, index: int) -> list[Event]:
        """What is told before the whole item."""
        place = {"item_id": self.id, "output_index": index}
        done = {**place, "name": self.call.name, "arguments": self.text}
        return [("response.function_call_arguments.done", done)]


class ResponseEvents:
    """A stream from ``response.created`` to ``response.completed``, each event numbered from 0.

    What is said ends where something else begins; calls end with the response, since pieces of several may take turns.
    """

    def __init__(self, begun: dict[str, Any], turn: int) -> None:
        """``begun`` is the response before anything is said."""
        self._begun, self._turn = begun, turn
        self._told = 0
        self._items: list[Said | Called] = []
        #: The index of each tool call, by its number; of each item that has ended, its document.
        self._calls: dict[int, int] = {}
        self._done: dict[int, dict[str, Any]] = {}

    def piece(self, piece: Piece) -> list[bytes]:
        """See ``ReplyStream.piece``."""
        events: list[Event] = []
        if piece.begun is not None and piece.call is not None:
            self._calls[piece.call] = len(self._items)
            events += self._begin(Called(f"fc_{self._turn}_{piece.call}", piece.begun))
        elif piece.call is None and not self._says(piece.refused):
            number = sum(isinstance(item, Said) for item in self._items)
            events += self._begin(Said(f"msg_{self._turn}{f'_{number}' * bool(number)}", piece.refused))
        index = len(self._items) - 1 if piece.call is None else self._calls[piece.call]
        if said := piece.text or piece.arguments:
            events.append(self._items[index].add(index, said))
        return self._encoded(events)

    def end(self, reply: ChatReply) -> list[bytes]:
        """See ``ReplyStream.end``."""
        opening = [] if self._items else self.piece(Piece(refused=reply.refused))
        last = len(self._items) - 1
        events: list[Event] = []
        for index, call in zip(self._calls.values(), reply.tool_calls, strict=False):
            if not self._items[index].text:  # a model that said nothing means an empty object
                events.append(self._items[index].add(index, call.arguments))
        for index in range(last + 1):
            events += self._finish(index, status_of(reply) if index == last else "completed")
        whole = finished(self._begun, reply, self._output())
        return [*opening, *self._encoded([*events, (f"response.{whole['status']}", {"response": whole})])]

    def broken(self, refused: Refused) -> list[bytes]:
        """See ``ReplyStream.broken``."""
        error = {"code": refused.reason, "message": refused.message}
        failed = {**self._begun, "status": "failed", "error": error, "output": self._output()}
        return self._encoded([("response.failed", {"response": failed})])

    def _says(self, refused: bool) -> bool:
        """Whether the newest item is one that goes on with such a text."""
        newest = self._items[-1] if self._items else None
        return isinstance(newest, Said) and newest.refused == refused

    def _begin(self, item: Said | Called) -> list[Event]:
        index, before = len(self._items), self._items[-1:]
        events = self._finish(index - 1, "completed") if before and isinstance(before[0], Said) else []
        self._items.append(item)
        added = {"output_index": index, "item": item.item("in_progress")}
        return [*events, ("response.output_item.added", added), *item.begin(index)]

    def _finish(self, index: int, status: str) -> list[Event]:
        """Ends an item, unless it has ended."""
        if index in self._done:
            return []
        item = self._items[index]
        self._done[index] = item.item(status)
        done = {"output_index": index, "item": self._done[index]}
        return [*item.end(index), ("response.output_item.done", done)]

    def _output(self) -> list[dict[str, Any]]:
        return [self._done[index] for index in sorted(self._done)]

    def _encoded(self, events: list[Event]) -> list[bytes]:
        """The server-sent events, with those that open the stream before the first."""
        if self._told == 0:
            opening = [(f"response.{kind}", {"response": self._begun}) for kind in ("created", "in_progress")]
            events = [*opening, *events]
        numbered = list(enumerate(events, self._told))
        self._told += len(numbered)
        return [_event(number, kind, fields) for number, (kind, fields) in numbered]


def _event(number: int, kind: str, fields: dict[str, Any]) -> bytes:
    value = {"type": kind, "sequence_number": number, **fields}
    return f"event: {kind}\ndata: ".encode() + encode(value) + b"\n\n"
