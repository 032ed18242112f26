"""An agent program of one official client: says on another way that the first text has come, then takes the rest."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

CHAT = [{"role": "user", "content": "go"}]
SCHEMA = {"type": "object", "properties": {"command": {"type": "string"}}}


def of_openai() -> Iterator[str]:
    import openai

    tools = [{"type": "function", "function": {"name": "run", "description": "Runs.", "parameters": SCHEMA}}]
    arguments = ""
    for chunk in openai.OpenAI().chat.completions.create(
        model="any", messages=CHAT, tools=tools, stream=True
    ):
        for choice in chunk.choices:
            if choice.delta.content:
                yield choice.delta.content
            for call in choice.delta.tool_calls or []:
                arguments += call.function.arguments
    yield arguments


def of_responses() -> Iterator[str]:
    import openai

    tools = [{"type": "function", "name": "run", "description": "Runs.", "parameters": SCHEMA}]
    with openai.OpenAI().responses.stream(model="any", input="go", tools=tools) as stream:
        for event in stream:
            if event.type == "response.output_text.delta":
                yield event.delta
        (call,) = (item for item in stream.get_final_response().output if item.type == "function_call")
    yield call.arguments


def of_anthropic() -> Iterator[str]:
    import anthropic

    tools = [{"name": "run", "description": "Runs.", "input_schema": SCHEMA}]
    client = anthropic.Anthropic()
    with client.messages.stream(model="any", max_tokens=50, messages=CHAT, tools=tools) as stream:
        yield from stream.text_stream
        (use,) = (block for block in stream.get_final_message().content if block.type == "tool_use")
    yield json.dumps(use.input)


told = []
ways = {"openai": of_openai, "responses": of_responses, "anthropic": of_anthropic}
for text in ways[Path("/task/instruction.md").read_text()]():
    if not told:
        urllib.request.urlopen("http://127.0.0.1:8000/seen/").read()
    told.append(text)
Path("/work/seen.json").write_text(json.dumps(told))
