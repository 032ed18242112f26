"""An agent program of the official clients alone: every way to ask, and what came of each, as JSON in /work."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anthropic
import openai

CHAT = [{"role": "user", "content": "go"}]
SCHEMA = {"type": "object", "properties": {"command": {"type": "string"}}}
FUNCTION = {"name": "run", "description": "Runs.", "parameters": SCHEMA}
ONE, OTHER = openai.OpenAI(), anthropic.Anthropic()
seen: dict[str, Any] = {}


def attempt(name: str, ask: Callable[[], Any]) -> None:
    try:
        seen[name] = ask()
    except (openai.APIStatusError, anthropic.APIStatusError) as error:
        seen[name] = [type(error).__name__, error.status_code, error.body]


def chat() -> Any:
    return ONE.chat.completions.create(model="any", messages=CHAT).choices[0].message.content


def chat_stream() -> Any:
    options = {"include_usage": True}
    parts = list(ONE.chat.completions.create(model="any", messages=CHAT, stream=True, stream_options=options))
    return [
        "".join(p.choices[0].delta.content or "" for p in parts if p.choices),
        parts[-1].usage.total_tokens,
    ]


def chat_tools() -> Any:
    """Calls a tool and hands its result back."""
    tools = [{"type": "function", "function": FUNCTION}]
    message = ONE.chat.completions.create(model="any", messages=CHAT, tools=tools).choices[0].message
    (call,) = message.tool_calls
    result = {"role": "tool", "tool_call_id": call.id, "content": "a.txt"}
    after = ONE.chat.completions.create(model="any", messages=[*CHAT, message, result], tools=tools)
    return [call.function.name, json.loads(call.function.arguments), after.choices[0].message.content]


def responses() -> Any:
    return ONE.responses.create(model="any", input="go", instructions="Be brief.").output_text


def responses_stream() -> Any:
    with ONE.responses.stream(model="any", input="go") as stream:
        kinds = [event.type for event in stream]
        return [kinds[0], kinds[-1], stream.get_final_response().output_text]


def responses_tools() -> Any:
    tools = [{"type": "function", **FUNCTION, "strict": False}]
    asked: list[Any] = [{"role": "user", "content": "go"}]
    first = ONE.responses.create(model="any", input=asked, tools=tools)
    (call,) = (item for item in first.output if item.type == "function_call")
    asked += [*first.output, {"type": "function_call_output", "call_id": call.call_id, "output": "a.txt"}]
    return [call.name, json.loads(call.arguments), ONE.responses.create(model="any", input=asked).output_text]


def responses_memory() -> Any:
    return ONE.responses.create(model="any", input="go", previous_response_id="resp_1").output_text


def messages() -> Any:
    message = OTHER.messages.create(model="any", max_tokens=50, system="Be brief.", messages=CHAT)
    return [message.content[0].text, message.stop_reason, message.usage.output_tokens]


def messages_stream() -> Any:
    with OTHER.messages.stream(model="any", max_tokens=50, messages=CHAT) as stream:
        text = "".join(stream.text_stream)
        return [text, stream.get_final_message().stop_reason]


def messages_tools() -> Any:
    tools = [{"name": "run", "description": "Runs.", "input_schema": SCHEMA}]
    with OTHER.messages.stream(model="any", max_tokens=50, messages=CHAT, tools=tools) as stream:
        first = stream.get_final_message()
    (use,) = (block for block in first.content if block.type == "tool_use")
    result = {"type": "tool_result", "tool_use_id": use.id, "content": "a.txt"}
    asked = [*CHAT, {"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
    after = OTHER.messages.create(model="any", max_tokens=50, messages=asked, tools=tools)
    return [first.stop_reason, use.name, use.input, after.content[0].text]


def counted() -> Any:
    return OTHER.messages.count_tokens(model="any", messages=CHAT).input_tokens


for ask in (
    chat, chat_stream, chat_tools, responses, responses_stream, responses_tools, responses_memory,
    messages, messages_stream, messages_tools, counted,
):  # fmt: skip
    attempt(ask.__name__, ask)
attempt("models", lambda: [[one.id for one in ONE.models.list()], [one.id for one in OTHER.models.list()]])
attempt("embeddings", lambda: ONE.embeddings.create(model="any", input="go").data)
Path("/work/seen.json").write_text(json.dumps(seen))
