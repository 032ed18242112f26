"""What can be broken in the seed scaffold's loop: one line each, in its main.py."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from sandbox.assets import scaffold_files
from sandbox.files import FileSpec

PROGRAM_FILE: Final = "main.py"
SEED: Final = "minimal"
#: fault -> the intact text, which occurs once, and the broken one.
FAULTS: Final[Mapping[str, tuple[str, str]]] = {
    # Only the first 99 characters of a command are run.
    "parser": ("return match[1].strip() if", "return match[1].strip()[:99] if"),
    # Only the first 11 characters of an output are shown.
    "results": ("output.strip() or", "output.strip()[:11] or"),
    # The model's own replies come back to it as the user's.
    "roles": ('{"role": "assistant", "content": reply}', '{"role": "user", "content": reply}'),
    # A reply without a command ends the loop in place of being asked for again.
    "retry": ('return prompt("no_command")', 'return 0 and prompt("no_command")'),
    # All but the opening and the newest exchange is forgotten.
    "history": ("messages += [", "messages[2:] = ["),
    # Every command seems to have succeeded.
    "status": ("str(code)", "str(0)"),
    # The notes are not shown.
    "memory": ("(system, notes)", "(system,)"),
}
#: Faults that the self-test does not show: two that come while the loop works, and one at its end.
HIDDEN_FAULTS: Final[Mapping[str, tuple[str, str]]] = {
    # What is shown of an output gets less with every turn.
    "late": ('{"role": "user", "content": shown}', '{"role": "user", "content": shown[: 4096 >> turn]}'),
    # Every command's output takes the place of the notes.
    "kept": (
        "    return observation(",
        '    (HOME / "memory" / "notes.md").write_text(output)\n    return observation(',
    ),
    # A budget that is used up looks like a failure.
    "budget": ("return 0 if error.code", "return 1 if error.code"),
}
_ALL: Final = {**FAULTS, **HIDDEN_FAULTS}


def breakable(program: bytes, faults: Sequence[str]) -> bool:
    """Whether ``program`` holds what each of the faults breaks, exactly once."""
    return all(program.count(_ALL[fault][0].encode()) == 1 for fault in faults)


def broken(
    given: tuple[FileSpec, ...], faults: Sequence[str], memory: tuple[FileSpec, ...]
) -> tuple[FileSpec, ...]:
    """``given`` with these faults in its main.py, and ``memory`` laid over it.

    A scaffold whose loop is not the seed's cannot be broken in this way: the seed's files are then
    laid over its own.
    """
    files = {file.path: file for file in given}
    program = files.get(PROGRAM_FILE)
    if program is None or not breakable(program.content, faults):
        files |= {file.path: file for file in scaffold_files(SEED)}
        program = files[PROGRAM_FILE]
    content = program.content
    for fault in faults:
        intact, spoilt = _ALL[fault]
        content = content.replace(intact.encode(), spoilt.encode())
    files |= {PROGRAM_FILE: replace(program, content=content)} | {file.path: file for file in memory}
    return tuple(sorted(files.values(), key=lambda file: file.path))
