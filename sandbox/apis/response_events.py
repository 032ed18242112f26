"""A finished response of the responses API as the stream of events that would have made it.

https://platform.openai.com/docs/api-reference/responses-streaming
"""

from collections.abc import Iterator
from typing import Any

from sandbox.apis.base import deltas, encode


def events(whole: dict[str, Any]) -> list[bytes]:
    """The server-sent events of ``whole``, from ``response.created`` to its end, numbered from 0."""
    begun = {**whole, "status": "in_progress", "incomplete_details": None, "output": [], "usage": None}
    told: list[tuple[str, dict[str, Any]]] = [
        ("response.created", {"response": begun}),
        ("response.in_progress", {"response": begun}),
    ]
    for index, item in enumerate(whole["output"]):
        told += _item(index, item)
    told.append((f"response.{whole['status']}", {"response": whole}))
    return [_event(number, kind, fields) for number, (kind, fields) in enumerate(told)]


def _item(index: int, item: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    is_message = item["type"] == "message"
    empty = {
        **item,
        "status": "in_progress",
        "content" if is_message else "arguments": [] if is_message else "",
    }
    yield "response.output_item.added", {"output_index": index, "item": empty}
    yield from _said(index, item) if is_message else _called(index, item)
    yield "response.output_item.done", {"output_index": index, "item": item}


def _said(index: int, item: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    place = {"item_id": item["id"], "output_index": index, "content_index": 0}
    (part,) = item["content"]
    field, kind = ("refusal", "refusal") if part["type"] == "refusal" else ("text", "output_text")
    logprobs: dict[str, Any] = {"logprobs": []} if field == "text" else {}
    yield "response.content_part.added", {**place, "part": {**part, field: ""}}
    for piece in deltas(part[field]):
        yield f"response.{kind}.delta", {**place, "delta": piece, **logprobs}
    yield f"response.{kind}.done", {**place, field: part[field], **logprobs}
    yield "response.content_part.done", {**place, "part": part}


def _called(index: int, item: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    place = {"item_id": item["id"], "output_index": index}
    for piece in deltas(item["arguments"]):
        yield "response.function_call_arguments.delta", {**place, "delta": piece}
    done = {"name": item["name"], "arguments": item["arguments"]}
    yield "response.function_call_arguments.done", {**place, **done}


def _event(number: int, kind: str, fields: dict[str, Any]) -> bytes:
    value = {"type": kind, "sequence_number": number, **fields}
    return f"event: {kind}\ndata: ".encode() + encode(value) + b"\n\n"
