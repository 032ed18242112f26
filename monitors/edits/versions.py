"""The edits that lead from one version of a scaffold to another."""

from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import Final

from monitors.edits import data, facts, prose, python
from monitors.edits.constants import constants
from monitors.edits.edit import Direction, Edit, File
from monitors.edits.embedded import embedded
from monitors.edits.endpoints import endpoints
from monitors.edits.enforced import enforced, unread
from monitors.edits.facts import Fact
from monitors.edits.hunk import hunk, shown
from monitors.edits.limits import stem
from monitors.edits.loops import loops
from monitors.edits.loosened import loosened
from monitors.edits.names import aliases_of
from monitors.edits.reach import reach, shell
from monitors.edits.residue import code_edits
from monitors.edits.roles import Role, role_of
from monitors.edits.silencing import silencing
from monitors.edits.telemetry import Journal, journal, telemetry

Version = Mapping[str, File]

#: Bytes of one version that are looked into, code first; files beyond, by path, are not.
MAX_BYTES: Final = 524_288
#: Edits that are told of one pair of versions.
MAX_EDITS: Final = 500
#: Bytes of two versions above which their edits are not kept.
_KEPT_BYTES: Final = 262_144
#: Why what a file does cannot be told.
_OPAQUE: Final = {Role.FOREIGN: "code in another language", Role.BINARY: "a file that is no text"}


def edits(before: Version, after: Version) -> list[Edit]:
    """What changed from ``before`` to ``after``, by path; at most ``MAX_EDITS``.

    Never raises, whatever the files hold: one that is none of its form is compared by its lines.
    """
    sides = tuple(before.items()), tuple(after.items())
    small = sum(len(file.content or b"") for side in sides for _, file in side) <= _KEPT_BYTES
    return list(_kept(*sides) if small else _compared(before, after))


@lru_cache(maxsize=64)
def _kept(before: tuple[tuple[str, File], ...], after: tuple[tuple[str, File], ...]) -> tuple[Edit, ...]:
    """Kept, because the episodes of a run often edit the same scaffold in the same way."""
    return tuple(_compared(dict(before), dict(after)))


def _compared(before: Version, after: Version) -> list[Edit]:
    old, new = _within(before), _within(after)
    # Of a file that is none of its form nobody can say that something in it is gone.
    broken = {path for path, file in (*before.items(), *after.items()) if not is_read(file)}
    broken |= (before.keys() - old.keys()) | (after.keys() - new.keys())
    both = _limits(old).keys() & _limits(new).keys()
    found = list(facts.compare(_facts(old, broken, both), _facts(new, broken, both), _declared(new)))
    for path in sorted(before.keys() | after.keys()):
        found += _of_file(path, before.get(path), after.get(path), old, new, found)
        if len(found) > MAX_EDITS:
            break
    return sorted(found, key=lambda edit: (-edit.severity, edit.path))[:MAX_EDITS]


def _within(version: Version) -> dict[str, bytes]:
    """The contents that are looked into."""
    left, found = MAX_BYTES, {}
    for path, file in sorted(version.items(), key=lambda item: (not item[0].endswith(".py"), item[0])):
        if file.content is not None and len(file.content) <= left:
            left -= len(file.content)
            found[path] = file.content
    return found


def is_read(file: File) -> bool:
    """Whether what a file holds can be told: it is kept, within the bounds, and of its form if it has one."""
    if file.content is None:
        return False
    match role_of(file.path, file.content):
        case Role.CODE | Role.TOOL:
            return python.parse(file.content) is not None
        case Role.SETTINGS | Role.SCHEMA:
            return data.parse(file.path, file.content) is not data.UNPARSED
    return True


def _limits(version: Mapping[str, bytes]) -> dict[str, Fact]:
    """The limits that a version's settings state, by what they bound."""
    settings = [
        (path, content) for path, content in version.items() if role_of(path, content) is Role.SETTINGS
    ]
    stated = [fact for path, content in settings for fact in facts_of(path, content, Journal())]
    return {stem(fact.key): fact for fact in stated if fact.kind == "config.limit"}


def _facts(version: Mapping[str, bytes], broken: set[str], limits: Collection[str]) -> Iterator[Fact]:
    """The facts of a version; ``limits`` is what the settings of both versions bound."""
    whole = {path: content for path, content in version.items() if path not in broken}
    code = [python.parse(content) for path, content in whole.items() if _is_code(path, content)]
    trees = [tree for tree in code if tree is not None]
    known = journal(trees)
    for path, content in whole.items():
        yield from facts_of(path, content, known)
    stated = _limits(whole)
    yield from unread((stated[name] for name in sorted(limits) if name in stated), trees)
    for path, content in version.items():
        if path in broken and _is_code(path, content) and python.parse(content) is None:
            yield _opaque(path, "code that cannot be read")


def _is_code(path: str, content: bytes) -> bool:
    return role_of(path, content) in (Role.CODE, Role.TOOL)


@lru_cache(maxsize=64)
def facts_of(path: str, content: bytes, known: Journal) -> tuple[Fact, ...]:
    """The facts of one file; ``known`` is what the version logs with."""
    match role_of(path, content):
        case Role.CODE | Role.TOOL:
            tree = python.parse(content)
            if tree is None:
                return ()
            lines = content.decode("utf-8", "replace").splitlines()
            aliases = aliases_of(tree)
            return (
                *telemetry(tree, aliases, known, path, lines),
                *silencing(tree, aliases, known, path, lines),
                *reach(tree, aliases, path, lines),
                *constants(tree, path, lines),
                *enforced(tree, path, lines),
                *loosened(tree, path, lines),
                *loops(tree, path, lines),
                *embedded(tree, path, lines),
                *endpoints(tree, path, lines),
            )
        case Role.SHELL:
            return tuple(shell(content.decode("utf-8", "replace"), path))
        case Role.SETTINGS:
            document = data.parse(path, content)
            return () if document is data.UNPARSED else tuple(data.settings(path, document))
        case Role.FOREIGN | Role.BINARY as role:
            return (_opaque(path, _OPAQUE[role]),)
    return ()


def _opaque(path: str, what: str) -> Fact:
    return Fact("capability", f"{what}: {path}", path, 0, path)


def _declared(version: Mapping[str, bytes]) -> frozenset[str]:
    """The capabilities that a version's tools declare; of one that declares the network, the hosts that it names too."""
    found: frozenset[str] = frozenset()
    for path, content in version.items():
        match role_of(path, content):
            case Role.SCHEMA:
                found |= data.declared(data.parse(path, content))
            case Role.TOOL:
                found |= (own := python.declared(content))
                named = (fact.key for fact in facts_of(path, content, Journal()))
                found |= {key for key in named if "network" in own and key.startswith("host ")}
    return found


def _of_file(
    path: str, before: File | None, after: File | None, old: Mapping[str, bytes], new: Mapping[str, bytes],
    known: list[Edit],
) -> Iterator[Edit]:  # fmt: skip
    """What changed in one file beside the facts in ``known``."""
    if before and after and before.mode != after.mode:
        yield Edit("mode", path, f"{before.mode:o} to {after.mode:o}")
    if (before and before.digest) == (after and after.digest):
        return
    if (before and path not in old) or (after and path not in new):
        if role_of(path, None) in (Role.CODE, Role.TOOL):
            yield Edit("capability", path, "code that cannot be read", Direction.LOOSER)
        else:
            yield Edit("unread", path, "too large, or not kept")
        return
    was, now = old.get(path), new.get(path)
    told = [edit for edit in known if edit.path == path]
    yield from _by_role(path, was, now, told)


def _by_role(path: str, was: bytes | None, now: bytes | None, told: list[Edit]) -> Iterator[Edit]:
    role = role_of(path, now if now is not None else was)
    old, new = _text(was), _text(now)
    match role:
        case Role.CODE | Role.TOOL:
            yield from code_edits(path, role is Role.TOOL, was, now, told)
        case Role.PROMPT:
            yield from _or_cosmetic(path, list(prose.prompt_edits(path, old, new)))
        case Role.MEMORY:
            yield from _or_cosmetic(path, list(prose.memory_edits(path, old, new)))
        case Role.SETTINGS:
            yield from _settings(path, was, now, told)
        case Role.SCHEMA:
            yield from _or_cosmetic(path, list(_schema(path, was, now)))
        case Role.DEPENDENCIES:
            yield Edit("deps", path, "dependencies", hunk=hunk(old or "", new or ""))
        case Role.BINARY | Role.CACHE:
            yield Edit("file", path, _coming(was, now))
        case _:
            yield Edit("text", path, "lines", hunk=hunk(old or "", new or ""))


def _text(content: bytes | None) -> str | None:
    return None if content is None else content.decode("utf-8", "replace")


def _coming(was: bytes | None, now: bytes | None) -> str:
    return "added" if was is None else "removed" if now is None else "changed"


def _or_cosmetic(path: str, found: list[Edit]) -> list[Edit]:
    return found or [Edit("cosmetic", path, "form")]


def _settings(path: str, was: bytes | None, now: bytes | None, told: list[Edit]) -> Iterator[Edit]:
    """Beside the facts of its keys, a document that is new, gone, none, or laid out anew."""
    documents = [None if side is None else data.parse(path, side) for side in (was, now)]
    if data.UNPARSED in documents:
        yield Edit("text", path, "lines; it does not parse", hunk=hunk(_text(was) or "", _text(now) or ""))
    elif was is None or now is None:
        yield Edit("file", path, _coming(was, now))
    elif not told:
        yield Edit("cosmetic", path, "form")


def _schema(path: str, was: bytes | None, now: bytes | None) -> Iterator[Edit]:
    """A tool's description, key by key."""
    if was is None or now is None:
        yield Edit(
            "tool.add" if was is None else "tool.remove",
            path,
            "description",
            hunk=hunk(_text(was) or "", _text(now) or ""),
        )
        return
    documents = [data.parse(path, was), data.parse(path, now)]
    if data.UNPARSED in documents:
        yield Edit("text", path, "lines; it does not parse", hunk=hunk(_text(was) or "", _text(now) or ""))
        return
    old, new = (data.flat(document) for document in documents)
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key) or (key in old) != (key in new):
            sides = [[f"{key}: {side[key]}"] if key in side else [] for side in (old, new)]
            yield Edit("tool.schema", path, key, Direction.NEUTRAL, shown(*sides))
