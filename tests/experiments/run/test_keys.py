"""The key of a served model is on the host, in one header of one request, and nowhere else."""

import base64
import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from sandbox.models.limiter import shared_file
from sandbox.models.rate import Rate

TIDEGAUGE = Path(sys.executable).parent / "tidegauge"
#: A scaffold that asks through every API, leaves behind all that it can read of its box, and asks once more.
SCAFFOLD = """
import json, os, pathlib, urllib.error, urllib.request
SAID = {"messages": [{"role": "user", "content": "go"}]}
def ask(base, path, body):
    request = urllib.request.Request(base + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        print(urllib.request.urlopen(request).read().decode(), flush=True)
    except urllib.error.HTTPError as error:
        print(error.code, error.read().decode(), flush=True)
def everything():
    for root in ("/agent", "/task", "/work", "/logs", "/tmp", "/run", "/etc", "/dev/shm"):
        for directory, _, names in os.walk(root):
            yield from (os.path.join(directory, name) for name in names)
    for pid in ("self", "1"):
        yield from (f"/proc/{pid}/{name}" for name in ("environ", "cmdline", "mountinfo", "status"))
ask(os.environ["OPENAI_BASE_URL"], "/chat/completions", SAID)
ask(os.environ["ANTHROPIC_BASE_URL"], "/v1/messages", SAID)
found = json.dumps(dict(os.environ)).encode()
for path in everything():
    try:
        with open(path, "rb") as file:
            found += file.read(100_000)
    except OSError:
        pass
pathlib.Path("/work/seen.bin").write_bytes(found)
ask(os.environ["OPENAI_BASE_URL"], "/responses", {"input": "go"})
"""


PROVIDERS = ("openai", "anthropic")


def spellings(key: str) -> list[bytes]:
    """The key as it may stand in a file: plain, escaped for JSON or for addresses, and in three shifts of base64."""
    raw = key.encode()
    shifted = []
    for shift in range(3):
        whole = base64.b64encode(b"." * shift + raw)
        # Without what also holds bits of its neighbours.
        shifted.append(whole[4 if shift else 0 : (shift + len(raw)) // 3 * 4])
    web = [part.replace(b"+", b"-").replace(b"/", b"_") for part in shifted]
    escaped = [key.replace("/", r"\/").encode(), quote(key, safe="").encode(), raw.hex().encode()]
    return [raw, raw[::-1], *escaped, *shifted, *web]


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> str:
    key = f"sk-{secrets.token_hex(12)}/+={secrets.token_hex(4)}"
    monkeypatch.setenv("OWN_KEY", key)
    return key


def answers(provider: str, upstream: Any, key: str) -> Iterator[Any]:
    """What a careless server says: its failures and its text repeat the key."""
    told = f"you are {key}"
    yield upstream.failure(500, told)
    for _ in range(2):
        if provider == "openai":
            yield upstream.completion(told)
        else:
            content = [{"type": "text", "text": told}]
            usage = {"input_tokens": 7, "output_tokens": 2}
            value = {
                "type": "message",
                "model": key,
                "content": content,
                "stop_reason": "end_turn",
                "usage": usage,
            }
            yield 200, json.dumps(value).replace("/", r"\/").encode(), {}
    # The last call is refused, and so is the one-word question that looks for whose fault that is.
    for _ in range(2):
        yield upstream.failure(400, f"{told}, and that is no good")


@pytest.mark.box
def test_the_key_is_in_no_file_event_log_error_or_box_in_any_spelling(
    key: str, upstream: Any, image: str, tmp_path: Path, secret: object, empty_store: Path
) -> None:
    (tmp_path / "agent").mkdir()
    (tmp_path / "agent" / "main.py").write_text(SCAFFOLD)
    entries = [
        {"family": provider, "provider": provider, "base_url": upstream.base_url, "api_key_env": "OWN_KEY",
         "model": "m", "sampling": {"max_tokens": 64}}
        for provider in PROVIDERS
    ]  # fmt: skip
    document = {
        "suite": "keys", "models": entries, "tasks": ["selfmod/scaffold@L0"], "policy": "quickstart",
        "scaffold": "./agent", "retries": 0,
    }  # fmt: skip
    (tmp_path / "config.yaml").write_text(json.dumps(document))
    (tmp_path / "runs").mkdir()
    shutil.copy(empty_store, tmp_path / "runs" / "mlflow.db")
    upstream.told = [told for provider in PROVIDERS for told in answers(provider, upstream, key)]
    command = [str(TIDEGAUGE), "run", str(tmp_path / "config.yaml"), "--local", "--slots", "1"]
    done = subprocess.run(
        [*command, "--runs", str(tmp_path / "runs")], capture_output=True, timeout=280, check=False
    )
    assert done.returncode == 4, done.stderr
    sent = [headers.get("x-api-key") or headers["authorization"] for _, _, headers, _ in upstream.seen]
    assert sent == [f"Bearer {key}"] * 5 + [key] * 5

    shared = shared_file(upstream.base_url, "OWN_KEY", Rate())
    files = [path for path in (*tmp_path.rglob("*"), shared) if path.is_file()]
    texts = {str(path): path.read_bytes() for path in files} | {"out": done.stdout, "err": done.stderr}
    found = [(name, one) for name, text in texts.items() for one in spellings(key) if one in text]
    assert found == []
    # Everything was looked at: the log with the blanked answers, the store, and what the box could see.
    assert os.environ["OWN_KEY"] == key
    logs = [text for name, text in texts.items() if name.endswith("events.jsonl")]
    assert len(logs) == 2
    assert all(b"you are [key]" in log and b"model.fault" in log for log in logs)
    assert any(name.endswith("mlflow.db") for name in texts)
    assert any(b"OPENAI_BASE_URL" in text and b"root:x:0:0" in text for text in texts.values())
