"""The OpenAI responses API, without a memory: https://platform.openai.com/docs/api-reference/responses"""

import time
from collections.abc import Iterable
from typing import Any, Final

from sandbox.door.apis.base import Call, ReplyStream, document, whole_stream
from sandbox.door.apis.openai import CHOICES, ROLES, OpenAI
from sandbox.door.apis.reading import (
    MESSAGES,
    bounded_list,
    flag,
    invalid,
    model_name,
    role_and_content,
    sayable,
    text_of,
    token_cap,
    tools_unsupported,
)
from sandbox.door.apis.response_events import Called, ResponseEvents, Said, finished, status_of
from sandbox.door.apis.tools import choice, objects, text_field, tool
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

    def stream(self, call: Call, turn: int) -> ReplyStream:
        """See ``Api.stream``."""
        return ResponseEvents(_begun(call, turn), turn)

    def reply(self, call: Call, reply: ChatReply, turn: int) -> Response:
        """A ``response``, or its stream from ``response.created`` to ``response.completed``."""
        if call.stream:
            return whole_stream(self.stream(call, turn), reply)
        return document(finished(_begun(call, turn), reply, list(_items(reply, turn))))


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
            messages[-1] = before._replace(tool_calls=before.tool_calls + message.tool_calls)
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
    status = status_of(reply)
    if reply.text or not reply.tool_calls:
        yield Said(f"msg_{turn}", reply.refused, reply.text).item(status)
    for index, call in enumerate(reply.tool_calls):
        yield Called(f"fc_{turn}_{index}", call, call.arguments).item(status)


def _begun(call: Call, turn: int) -> dict[str, Any]:
    """The response before anything was said."""
    offered = [
        {"type": "function", "name": one.name, "description": one.description, "parameters": one.parameters}
        for one in call.tools
    ]
    return {
        "id": f"resp_{turn}", "object": "response", "created_at": int(time.time()), "status": "in_progress",
        "background": False, "error": None, "incomplete_details": None, "instructions": None,
        "max_output_tokens": call.max_tokens, "metadata": {}, "model": call.model, "output": [],
        "parallel_tool_calls": True, "previous_response_id": None, "store": False,
        "text": {"format": {"type": "text"}}, "tool_choice": _chosen(call.tool_choice),
        "tools": offered, "truncation": "disabled", "usage": None,
    }  # fmt: skip


def _chosen(chosen: ToolChoice | None) -> Any:
    if chosen is None:
        return "auto"
    return chosen.mode if chosen.name is None else {"type": "function", "name": chosen.name}
