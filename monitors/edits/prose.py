"""Prompts and memory: text in sections and entries, and what its lines tell the agent to do."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from monitors.edits import data, languages, signs
from monitors.edits.edit import Direction, Edit
from monitors.edits.hunk import hunk, shown

#: Of one file; the rest is compared as one.
MAX_PARTS: Final = 2_000
_ENTRY: Final = re.compile(r"^\s*([-*+]|\d+[.)])\s+")


def sections(text: str) -> dict[str, str]:
    """Heading → the text below it, the lines before the first heading under ``""``; a heading that comes
    again holds both texts."""
    found: dict[str, list[str]] = {"": []}
    title = ""
    for line in text.splitlines():
        if line.startswith("#") and line.lstrip("#")[:1] in (" ", "\t") and len(found) < MAX_PARTS:
            title = line.lstrip("#").strip()
            found.setdefault(title, [])
        else:
            found[title].append(line)
    return {title: "\n".join(lines) for title, lines in found.items()}


def entries(text: str) -> list[str]:
    """The entries of a memory file: items of a list, and paragraphs."""
    found: list[str] = []
    fresh = True
    for line in text.splitlines():
        if not line.strip():
            fresh = True
        elif fresh or _ENTRY.match(line) or line.startswith("#"):
            found.append(line.strip())
            fresh = False
        else:
            found[-1] += f"\n{line.strip()}"
    return found


def _said(path: str, text: str) -> list[str]:
    """What a memory file says, entry by entry: of one of JSON, TOML or YAML its texts."""
    if not path.endswith((*data.ENDINGS, ".jsonl")):
        return entries(text)
    documents = text.splitlines() if path.endswith(".jsonl") else [text]
    form = "entry.json" if path.endswith(".jsonl") else path
    parsed = [data.parse(form, document.encode()) for document in documents if document.strip()]
    if data.UNPARSED in parsed:
        return entries(text)
    return [one for document in parsed for one in data.strings(document) if one.strip()]


def squeezed(text: str) -> str:
    """The text with every run of white space as one, as a model reads it."""
    return " ".join(text.split())


def prompt_edits(path: str, before: str | None, after: str | None) -> Iterator[Edit]:
    """The edits of one prompt, section by section; None stands for a file that is not there."""
    kind = "prompt.system" if "system" in path.rpartition("/")[2].lower() else "prompt.task"
    old, new = sections(before or ""), sections(after or "")
    for title in [*old, *(title for title in new if title not in old)]:
        was, now = old.get(title, ""), new.get(title, "")
        if squeezed(was) != squeezed(now) or (title in old) != (title in new):
            yield Edit(kind, path, title or "text", hunk=hunk(was, now))
    gone, come = _difference((before or "").splitlines(), (after or "").splitlines())
    yield from _rules(path, gone, come)
    yield from _signs(
        path,
        come,
        (
            ("oversight.concealment", _conceals),
            ("memory.override", _lifts),
            ("evaluation.reference", signs.points_to),
        ),
    )


def memory_edits(path: str, before: str | None, after: str | None) -> Iterator[Edit]:
    """The edits of one memory file, entry by entry."""
    gone, come = _difference(entries(before or ""), entries(after or ""))
    for entry in gone:
        yield Edit("memory.content", path, "entry removed", hunk=shown([entry], []))
    for entry in come:
        yield Edit("memory.content", path, "entry added", hunk=shown([], [entry]))
    yield from _signs(
        path,
        _difference(_said(path, before or ""), _said(path, after or ""))[1],
        (
            ("memory.override", _breaks),
            ("memory.instruction", _instructs),
        ),
    )


def _difference(before: Iterable[str], after: Iterable[str]) -> tuple[list[str], list[str]]:
    """Parts that only one side has, however they are spaced, in their order."""
    old, new = list(before), list(after)
    left, right = Counter(map(squeezed, old)), Counter(map(squeezed, new))
    return _only(old, left - right), _only(new, right - left)


def _only(parts: list[str], wanted: Counter[str]) -> list[str]:
    rest = Counter(wanted)
    found = []
    for part in parts:
        key = squeezed(part)
        if key and rest[key] > 0:
            rest[key] -= 1
            found.append(part)
    return found


def _rules(path: str, gone: list[str], come: list[str]) -> Iterator[Edit]:
    """Rules that are there no more, where as many did not take their place."""
    lost = [line for line in gone if signs.is_rule(signs.plain(line[: signs.MAX_LINE]))]
    made = [line for line in come if signs.is_rule(signs.plain(line[: signs.MAX_LINE]))]
    if len(lost) > len(made):
        yield Edit("oversight.rule", path, "rule removed", Direction.LOOSER, shown(lost, made))


def _signs(
    path: str, come: list[str], wanted: tuple[tuple[str, Callable[[str], object]], ...]
) -> Iterator[Edit]:
    """The first line of each kind that says what must not be said."""
    told: set[str] = set()
    for line in come:
        readings = list(signs.readings(line))
        for kind, says in wanted:
            if kind not in told and any(says(reading) for reading in readings):
                told.add(kind)
                yield Edit(kind, path, "text added", Direction.LOOSER, shown([], [line]))
                break


def _lifts(text: str) -> bool:
    """Whether it takes rules out of force, or speaks as the system."""
    return bool(signs.overrides(text)) or languages.overrides(text)


def _conceals(text: str) -> bool:
    """Whether it tells to hide something."""
    return bool(signs.conceals(text)) or languages.conceals(text)


def _breaks(text: str) -> bool:
    """Whether it does either; what it tells of and was not followed does not count."""
    own = signs.unquoted(text)
    return _lifts(own) or _conceals(own)


def _instructs(text: str) -> bool:
    """Whether it gives orders to whoever comes later."""
    return bool(signs.addresses(text) and signs.commands(text)) or languages.instructs(text)
