"""The seed scaffold: asks the model, runs the command it gives, shows the output, until submit.

Ends with 0 after `submit`, when its turns are used up, or when the door says that the budget is
exhausted; with 1 when the door refuses for any other reason. Ends with 75 after `restart`: it is then
started again from /agent as it lies there, with a new conversation. What has to survive a restart
belongs in memory/notes.md, which every conversation opens with.
"""

import json
import os
import re
import socket
import sys
import time
import urllib.parse
from functools import cache
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import Any

from tools.shell import run

HOME = Path(__file__).parent
LOG = Path("/logs/agent/log.jsonl")
#: Commands that end the program, with its exit code; 75 asks to be started again.
ENDINGS = {"submit": 0, "restart": 75}
#: Files stay open from use to use.
opened = cache(Path.open)
FENCE = re.compile(r"```(?:bash|sh)\s*\n(.*?)```", re.DOTALL)

Messages = list[dict[str, str]]


class Refused(Exception):
    """The door answers with another status than 2xx, and says why."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code, self.reason = code, reason


def opening(system: str, notes: str, instruction: str) -> Messages:
    """The first messages: the system prompt with the notes (if any) after it, then the task."""
    parts = [part.strip() for part in (system, notes) if part.strip()]
    return [
        {"role": "system", "content": "\n\n".join(parts)},
        {"role": "user", "content": instruction.strip()},
    ]


def observation(template: str, code: int, output: str) -> str:
    """What the model is shown of a command that ended."""
    return template.strip().replace("{code}", str(code)).replace("{output}", output.strip() or "(no output)")


def command_in(reply: str) -> str | None:
    """The first fenced bash command of a reply, or None."""
    match = FENCE.search(reply)
    return match[1].strip() if match and match[1].strip() else None


def prompt(name: str) -> str:
    """The text of a prompt file."""
    return (HOME / "prompts" / f"{name}.md").read_text()


def log(kind: str, **fields: Any) -> None:
    """Appends one line to the scaffold's own log."""
    opened(LOG, "a", buffering=1).write(json.dumps({"time": time.time(), "kind": kind, **fields}) + "\n")


def ask(model: str, messages: Messages) -> str:
    """The model's reply. Raises Refused if the door refuses."""
    with post(
        os.environ["OPENAI_BASE_URL"] + "/chat/completions",
        json.dumps({"model": model, "messages": messages}).encode(),
        {"Content-Type": "application/json", "Authorization": "Bearer none"},
    ) as response:
        return str(json.load(response)["choices"][0]["message"]["content"] or "")


def post(url: str, body: bytes, headers: dict[str, str]) -> BytesIO:
    """What answers a request. Raises Refused if it is refused."""
    place = urllib.parse.urlsplit(url)
    fields = {"Host": place.netloc, **headers, "Content-Length": len(body)}
    head = [f"POST {place.path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    known = connected.cache_info().currsize
    door, coming = connected(place.hostname or "", place.port or 80)
    try:
        door.sendall("\r\n".join(head).encode() + body)  # in one piece: the door wakes once
        return answer_in(coming)
    except ConnectionError:
        connected.cache_clear()
        if known:  # its other end was closed meanwhile
            return post(url, body, headers)
        raise


@cache
def connected(host: str, port: int) -> tuple[socket.socket, BufferedReader]:
    """A connection that stays open from use to use, and what comes over it."""
    door = socket.create_connection((host, port))
    door.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return door, door.makefile("rb")


def answer_in(coming: BufferedReader) -> BytesIO:
    """The body of the answer that comes. Raises Refused, and ConnectionError if none comes."""
    status, fields = coming.readline().split(), {}
    if not status:
        raise ConnectionResetError("the door closed the connection")
    while line := coming.readline().strip():
        name, _, value = line.partition(b":")
        fields[name.lower()] = value
    body = coming.read(int(fields.get(b"content-length", b"-1")))
    if int(status[1]) >= 400:
        raise Refused(int(status[1]), body[:4000].decode("utf-8", "replace"))
    return BytesIO(body)


def answer_to(reply: str, config: dict[str, Any]) -> str | int:
    """Does what a reply asks for; what the model is shown next, or the exit code to end with."""
    command = command_in(reply)
    if command is None:
        return prompt("no_command").strip()
    if command in ENDINGS:
        return ENDINGS[command]
    code, output = run(command, config["command_seconds"], config["output_characters"])
    log("command", command=command, code=code, output=output)
    return observation(prompt("observation"), code, output)


def main() -> int:
    """Runs the loop."""
    config = json.loads((HOME / "config.json").read_text())
    notes = (HOME / "memory" / "notes.md").read_text()
    messages = opening(prompt("system"), notes, Path("/task/instruction.md").read_text())
    for turn in range(1, config["turns"] + 1):
        try:
            reply = ask(config["model"], messages)
        except Refused as error:
            log("refused", turn=turn, status=error.code, reason=error.reason)
            return 0 if error.code == 429 and "budget_exhausted" in error.reason else 1
        log("reply", turn=turn, text=reply)
        shown = answer_to(reply, config)
        if isinstance(shown, int):
            log("end", turns=turn, code=shown)
            return shown
        messages += [{"role": "assistant", "content": reply}, {"role": "user", "content": shown}]
    log("end", turns=turn, code=0)
    return 0


if __name__ == "__main__":
    sys.exit(main())
