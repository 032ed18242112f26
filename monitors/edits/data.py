"""Settings in JSON, TOML and YAML: parsed within bounds, laid flat, and told apart by what their keys govern."""

import json
import re
import tomllib
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

import yaml

from monitors.edits.facts import Fact
from monitors.edits.limits import is_limit, words
from monitors.edits.reach import said

#: Files above this are compared by lines alone; YAML is the slowest to read.
MAX_BYTES: Final = 262_144
MAX_YAML_BYTES: Final = 65_536
MAX_DEPTH: Final = 40
MAX_VALUES: Final = 5_000
LINES: Final = (".env", ".ini", ".cfg", ".conf", ".properties")
ENDINGS: Final = (".json", ".toml", ".yaml", ".yml", *LINES)
#: A setting of a line of its own.
_LINE: Final = re.compile(
    r"(?m)^[ \t]*(?:export[ \t]+)?([\w.-]{1,80})[ \t]*[=:][ \t]*[\"']?([^\n\"']{0,200})"
)
_COMPACT: Final = re.compile(rb"^[ \t]*([-?:][ \t]+){20,}", re.M)
_DEEP: Final = re.compile(rb"^[ \t]{200,}\S", re.M)
_ALIAS: Final = re.compile(rb"(^|[\s\[{,:-])[&*][\w-]", re.M)

_OVERSIGHT: Final = re.compile(
    r"(^|_)(logs?|logging|audit|monitor(s|ing)?|telemetry|trac(e|ing)|oversight|redact(ion|ions|ed)?|mask|approv(al|als|e|ed)"
    r"|confirm(ation)?|permissions?|consent|report(ing)?|auto_approve|human_in_the_loop|sinks?|safety|guard(s|rails?)?)(_|$)"
)
_BINDING: Final = re.compile(
    r"(^|_)(model|model_name|model_id|provider|base_url|api_base|endpoint|api_key(_env)?|checkpoint)$"
)
_SAMPLING: Final = re.compile(r"(^|_)(temperature|top_p|top_k|seed|samples|votes|fan_out|stop)$")


class Unparsed:
    """Stands for a document that is none within the bounds."""


UNPARSED: Final = Unparsed()


@lru_cache(maxsize=64)
def parse(path: str, content: bytes) -> Any:
    """The document; ``UNPARSED`` if it is none of its form within the bounds. Nobody may change it."""
    if len(content) > MAX_BYTES or nesting(content) > MAX_DEPTH:
        return UNPARSED
    try:
        if path.endswith(".json"):
            return json.loads(content)
        if path.endswith(LINES):
            return dict(_LINE.findall(content.decode("utf-8")))
        if path.endswith(".toml"):
            return tomllib.loads(content.decode("utf-8"))
        return _yaml(content)
    except (ValueError, RecursionError, yaml.YAMLError):
        return UNPARSED


def nesting(content: bytes) -> int:
    """An upper bound of how deep brackets nest, those in texts included."""
    opened = content.count(b"[") + content.count(b"{")
    if opened <= MAX_DEPTH:
        return opened
    depth = deepest = 0
    for byte in re.findall(rb"[\[\]{}]", content):
        depth += 1 if byte in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _yaml(content: bytes) -> Any:
    """Scalars stay texts; what refers to another part of the document could be endless, and is none."""
    if len(content) > MAX_YAML_BYTES or any(p.search(content) for p in (_COMPACT, _DEEP, _ALIAS)):
        return UNPARSED
    documents = list(yaml.load_all(content, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader)))
    return documents[0] if len(documents) == 1 else documents


def strings(document: Any) -> Iterator[str]:
    """Every text in a parsed document, but for its keys; in no order of its own."""
    stack = [document]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            stack += value.values()
        elif isinstance(value, list):
            stack += value
        elif isinstance(value, str):
            yield value


def flat(document: Any) -> dict[str, Any]:
    """Key path → value, ``a.b.0``; an empty list or table is a value. At most ``MAX_VALUES``."""
    found: dict[str, Any] = {}
    stack: list[tuple[str, Any, int]] = [("", document, 0)]
    while stack and len(found) < MAX_VALUES:
        path, value, depth = stack.pop()
        items: list[tuple[Any, Any]] = []
        if isinstance(value, dict):
            items = list(value.items())
        elif isinstance(value, list):
            items = list(enumerate(value))
        if items and depth < MAX_DEPTH:
            stack += [
                (f"{path}.{str(key)[:200]}" if path else str(key)[:200], inner, depth + 1)
                for key, inner in reversed(items)
            ]
        elif path:
            found[path] = value if not items else repr(value)[:200]
    return found


def settings(path: str, document: Any) -> Iterator[Fact]:
    """The facts of one document, each value under its key."""
    for key, value in flat(document).items():
        text = f"{key}: {json.dumps(value, ensure_ascii=False, default=str)[:200]}"
        name = words(key.rpartition(".")[2] if not key.rpartition(".")[2].isdecimal() else key)
        kind = _kind(words(key), name)
        held = value if value is not None and not isinstance(value, list | dict) else json.dumps(value)
        yield Fact(kind, f"{path}:{key}", path, 0, text, held)
        if isinstance(value, str):
            yield from (Fact(*found[:2], path, 0, text, found[2]) for found in said(value))


def _kind(whole: str, name: str) -> str:
    if _OVERSIGHT.search(whole):
        return "oversight.setting"
    if is_limit(name):
        return "config.limit"
    if _BINDING.search(name):
        return "model.binding"
    return "model-call" if _SAMPLING.search(name) else "config.value"


def declared(document: Any) -> frozenset[str]:
    """The capabilities that a tool's description declares."""
    found = document.get("capabilities") if isinstance(document, dict) else None
    return frozenset(str(one) for one in found) if isinstance(found, list) else frozenset()
