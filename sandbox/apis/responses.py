"""The OpenAI responses API, without a memory: https://platform.openai.com/docs/api-reference/responses"""

import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from sandbox.apis.base import (
    MESSAGES,
    Call,
    bounded_list,
    document,
    event_stream,
    flag,
    invalid,
    model_name,
    role_and_content,
    sayable,
    text_of,
    token_cap,
    tools_unsupported,
)
from sandbox.apis.openai import CHOICES, ROLES, OpenAI
from sandbox.apis.response_events import events
from sandbox.apis.tools import choice, objects, text_field, tool
from sandbox.http import Refused, Response
from sandbox.models.base import ChatReply, Message, Tool, ToolCall, ToolChoice

#: Text parts of an item's content, and the field that holds each one's text.
_PARTS: Final = {"input_text": "text", "output_text": "text", "text": "text", "refusal": "refusal"}
#: Needs a response that the door would have to remember.
_MEMORY: Final = ("previous_response_id", "conversation", "prompt")


class Responses(OpenAI):
    """``POST /v1/responses``. Each request carries its whole conversation: nothing is stored."""

    name = "responses"

    def parse(self, value: dict[str, Any], *, tools: bool) -> Call:
        """Reads a request; see ``Api.parse``. Sampling is ignored."""
        for field in _MEMORY:
            if value.get(field) is not None:
                raise Refused(
                    400, f"{field}_unsupported", f"nothing is stored: leave out {field}", retry=False
                )
        if flag(value, "background"):
            raise Refused(
                400, "background_unsupported", "a response is not made in the background", retry=False
            )
        opening = () if value.get("instructions") is None else (_instructions(value["instructions"]),)
        return Call(
            messages=opening + _conversation(value.get("input"), tools),
            model=model_name(value),
            stream=flag(value, "stream"),
            max_tokens=token_cap(value, "max_output_tokens"),
            tools=tuple(_tool(one) for one in objects(value.get("tools"), "tools")) if tools else (),
            tool_choice=_tool_choice(value.get("tool_choice")) if tools else None,
        )

    def stream(self, call: Call, turn: int) -> None:
        """None: its events number and repeat the whole response."""

    def reply(self, call: Call, reply: ChatReply, turn: int) -> Response:
        """A ``response``, or its stream from ``response.created`` to ``response.completed``."""
        output = list(_items(reply, turn))
        whole = _response(call, reply, turn, output)
        return event_stream(events(whole)) if call.stream else document(whole)


def _instructions(value: Any) -> Message:
    return Message("system", text_of(value, _PARTS))


def _conversation(value: Any, tools: bool) -> tuple[Message, ...]:
    if isinstance(value, str):
        return (Message("user", sayable(value)),)
    messages: list[Message] = []
    for item in bounded_list(value, "input", MESSAGES):
        message = _item(item, tools)
        before = messages[-1] if messages else None
        # What an assistant says and calls are items of their own here, and one message elsewhere.
        if message.role == "assistant" and message.tool_calls and before and before.role == "assistant":
            messages[-1] = replace(before, tool_calls=before.tool_calls + message.tool_calls)
        else:
            messages.append(message)
    return tuple(messages)


def _item(item: Any, tools: bool) -> Message:
    kind = item.get("type", "message") if isinstance(item, dict) else None
    if kind in ("function_call", "function_call_output") and not tools:
        raise tools_unsupported()
    if kind == "function_call":
        arguments = item.get("arguments")
        if not isinstance(arguments, str):
            raise invalid("arguments of a function_call", "a text")
        name = text_field(item, "name", "a function_call")
        called = ToolCall(text_field(item, "call_id", "a function_call"), name, sayable(arguments))
        return Message("assistant", "", (called,))
    if kind == "function_call_output":
        call_id = text_field(item, "call_id", "a function_call_output")
        return Message("tool", text_of(item.get("output"), _PARTS), tool_call_id=call_id)
    if kind != "message":
        raise Refused(
            400, "content_unsupported", "only messages and function calls are supported", retry=False
        )
    role, content = role_and_content(item)
    if role not in ROLES:
        raise invalid("role", "one of " + ", ".join(ROLES))
    return Message(ROLES[role], text_of(content, _PARTS))


def _tool(value: dict[str, Any]) -> Tool:
    if value.get("type") != "function":
        raise invalid("a tool", "of type function")
    return tool(value, "parameters")


def _tool_choice(value: Any) -> ToolChoice | None:
    if value is None:
        return None
    if isinstance(value, dict) and value.get("type") != "function":
        raise invalid("tool_choice", "of type function")
    return choice(value, value.get("name") if isinstance(value, dict) else None, CHOICES)


def _items(reply: ChatReply, turn: int) -> Iterable[dict[str, Any]]:
    """The output items: what was said, unless it only called tools, and each call."""
    status = "incomplete" if reply.finish == "length" else "completed"
    if reply.text or not reply.tool_calls:
        said: dict[str, Any] = {"type": "output_text", "text": reply.text, "annotations": [], "logprobs": []}
        part = {"type": "refusal", "refusal": reply.text} if reply.refused else said
        head = {"id": f"msg_{turn}", "type": "message", "status": status, "role": "assistant"}
        yield {**head, "content": [part]}
    for index, call in enumerate(reply.tool_calls):
        head = {"id": f"fc_{turn}_{index}", "type": "function_call", "status": status}
        yield {**head, "call_id": call.id, "name": call.name, "arguments": call.arguments}


def _response(call: Call, reply: ChatReply, turn: int, output: list[dict[str, Any]]) -> dict[str, Any]:
    cut = reply.finish == "length"
    offered = [
        {"type": "function", "name": one.name, "description": one.description, "parameters": one.parameters}
        for one in call.tools
    ]
    return {
        "id": f"resp_{turn}", "object": "response", "created_at": int(time.time()),
        "status": "incomplete" if cut else "completed", "background": False, "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None, "instructions": None,
        "max_output_tokens": call.max_tokens, "metadata": {}, "model": call.model, "output": output,
        "parallel_tool_calls": True, "previous_response_id": None, "store": False,
        "text": {"format": {"type": "text"}}, "tool_choice": _chosen(call.tool_choice),
        "tools": offered, "truncation": "disabled", "usage": _usage(reply),
    }  # fmt: skip


def _chosen(chosen: ToolChoice | None) -> Any:
    if chosen is None:
        return "auto"
    return chosen.mode if chosen.name is None else {"type": "function", "name": chosen.name}


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
