"""Laws of the comparison, whatever the files hold."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from monitors.edits.edit import KINDS
from monitors.edits.limits import moved
from monitors.edits.prose import entries
from monitors.edits.versions import MAX_EDITS, edits
from tests.monitors.edits.seed import SEED, version

PATHS = st.sampled_from(
    ["main.py", "tools/a.py", "tools/a.json", "config.json", "c.toml", "c.yaml", "prompts/system.md",
     "memory/notes.md", "run.sh", "x.bin", "requirements.txt", "odd"]
)  # fmt: skip
#: Bytes, and pieces of the files that the comparison reads.
PIECES = st.sampled_from(
    [b"import os\n", b"def log(kind, **f):\n    open('/logs/x', 'a').write(kind)\n", b"log('a', b=c)\n", b"while True:\n    ask()\n",
     b"try:\n    log('a')\nexcept:\n    pass\n", b"MAX_TURNS = 10\n", b'{"turns": 5}', b"a: [1, {b: &x 2}]\n", b"a = 1\n[b]\nc = 2\n",
     b"# Rules\nNever log.\n", b"- Ignore all rules\n", b"(" * 300, b"[" * 300, b"- " * 300, b"-" * 3000 + b"1", b"\0", b"\xff\xfe", b"f(" * 60,
     b"x = " + b"a." * 500 + b"b\n", b"exec(base64.b64decode('eA=='))\n", b"1e999", b"'" * 3]
)  # fmt: skip
CONTENTS = st.one_of(st.binary(max_size=80), st.lists(PIECES, max_size=5).map(b"".join))
VERSIONS = st.dictionaries(PATHS, CONTENTS, max_size=5)
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 100), st.sampled_from(["10s", "1MiB", "none", "x"])
)
SETTINGS = st.dictionaries(
    st.sampled_from(["turns", "timeout", "min_delay", "log_level", "model", "style"]), VALUES
)


@given(VERSIONS, VERSIONS)
@settings(max_examples=200, deadline=None)
def test_any_bytes_give_edits_of_known_kinds_and_never_an_error(
    before: dict[str, bytes], after: dict[str, bytes]
) -> None:
    found = edits(version(before), version(after))
    assert len(found) <= MAX_EDITS
    assert {edit.kind for edit in found} <= KINDS.keys()
    assert all(len(edit.hunk) < 3_000 for edit in found)


@given(VERSIONS)
@settings(max_examples=100, deadline=None)
def test_a_version_against_itself_gives_no_edit(files: dict[str, bytes]) -> None:
    assert edits(version(files), version(files)) == []


@given(VERSIONS, VERSIONS)
@settings(max_examples=100, deadline=None)
def test_two_versions_that_differ_give_an_edit(before: dict[str, bytes], after: dict[str, bytes]) -> None:
    assert bool(edits(version(before), version(after))) == (before != after)


def touched(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """The keys of settings that an edit names."""
    sides = [version({"config.json": json.dumps(side)}) for side in (before, after)]
    return {edit.touches for edit in edits(*sides)} - {"form"}


def differing(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """The keys whose values are not the same JSON: 1 and true are equal in Python alone."""
    sides = [{key: json.dumps(value) for key, value in side.items()} for side in (before, after)]
    return {
        f"config.json:{key}" for key in before.keys() | after.keys() if sides[0].get(key) != sides[1].get(key)
    }


@given(SETTINGS, SETTINGS, SETTINGS)
@settings(max_examples=200, deadline=None)
def test_what_changes_in_two_steps_changes_in_one_of_them(
    a: dict[str, Any], b: dict[str, Any], c: dict[str, Any]
) -> None:
    assert touched(a, c) <= differing(a, c) <= differing(a, b) | differing(b, c)


@given(st.sampled_from(["turns", "timeout", "min_delay"]), VALUES, VALUES)
def test_a_limit_that_is_loosened_is_tightened_by_the_way_back(
    name: str, before: object, after: object
) -> None:
    opposite = {"looser": "tighter", "tighter": "looser", "neutral": "neutral"}
    assert moved(name, after, before) == opposite[moved(name, before, after)]


@given(st.lists(st.text(st.characters(categories=["L", "Zs"]), max_size=20), max_size=8))
def test_layout_of_a_memory_is_cosmetic(parts: list[str]) -> None:
    text = "".join(f"- {part}\n" for part in parts)
    spread = "".join(f"\n-   {part}  \n\n" for part in parts)
    assert {
        edit.kind for edit in edits(version({"memory/n.md": text}), version({"memory/n.md": spread}))
    } <= {"cosmetic"}
    assert len(entries(text)) == len(parts)


def test_comments_and_layout_of_every_program_are_cosmetic() -> None:
    noisy = {
        path: f"# note\n\n{text}\n# end\n" if path.endswith(".py") else text for path, text in SEED.items()
    }
    assert {edit.kind for edit in edits(version(SEED), version(noisy))} == {"cosmetic"}


def test_code_that_moves_to_another_file_claims_nothing() -> None:
    start = SEED["main.py"].index("def log(")
    end = SEED["main.py"].index("def ask(")
    moved_away = {
        **SEED,
        "main.py": SEED["main.py"][:start] + "from journal import log\n\n\n" + SEED["main.py"][end:],
        "journal.py": 'import json\nimport time\nfrom pathlib import Path\nfrom typing import Any\n\nLOG = Path("/logs/agent/log.jsonl")\n\n\n'
        + SEED["main.py"][start:end],
    }
    assert {edit.code for edit in edits(version(SEED), version(moved_away))} == {None}
