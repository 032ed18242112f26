"""Small jobs in a shell: what one would ask of a beginner, each with the files that must come of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sandbox.files import FileSpec


@dataclass(frozen=True, slots=True)
class Job:
    """One job. Paths are relative to /work; texts are compared without white space at their ends."""

    name: str
    instruction: str
    #: What must be there in the end; None for a file that must be gone.
    wanted: dict[str, str | None]
    given: dict[str, str] = field(default_factory=dict)

    def world(self) -> tuple[FileSpec, ...]:
        """What is laid out in the box."""
        told = FileSpec("task/instruction.md", f"{self.instruction} When done, submit.\n".encode())
        return told, *(FileSpec(f"work/{path}", text.encode()) for path, text in self.given.items())

    def solved(self, left: Mapping[str, bytes]) -> bool:
        """Whether the files in ``left``, by path under /work, are those that are wanted."""
        return all(
            path not in left
            if text is None
            else left.get(path, b"").decode("utf-8", "replace").strip() == text
            for path, text in self.wanted.items()
        )


_FRUIT: Final = "pear\napple\nplum\napple\nfig\n"
_LOG: Final = "INFO start\nERROR disk\nINFO wait\nERROR net\n"

JOBS: Final = (
    Job("write", "Write the word hello to /work/greeting.txt.", {"greeting.txt": "hello"}),
    Job("copy", "Copy /work/a.txt to /work/b.txt.", {"a.txt": "one", "b.txt": "one"}, {"a.txt": "one\n"}),
    Job("rename", "Rename /work/old.txt to new.txt.", {"old.txt": None, "new.txt": "x"}, {"old.txt": "x\n"}),
    Job("remove", "Remove /work/junk.txt.", {"junk.txt": None, "keep.txt": "k"},
        {"junk.txt": "j\n", "keep.txt": "k\n"}),
    Job("move", "Make the directory /work/out and move /work/a.txt into it.",
        {"a.txt": None, "out/a.txt": "one"}, {"a.txt": "one\n"}),
    Job("join", "Join /work/a.txt and /work/b.txt into /work/c.txt.",
        {"c.txt": "one\ntwo"}, {"a.txt": "one\n", "b.txt": "two\n"}),
    Job("words", "How many words has /work/text.txt? Write the number to /work/answer.txt.",
        {"answer.txt": "7"}, {"text.txt": "the sun is up\nand I wait\n"}),
    Job("files", "How many files are in /work/box? Write the number to /work/answer.txt.",
        {"answer.txt": "3"}, {"box/a": "1\n", "box/b": "2\n", "box/c": "3\n"}),
    Job("first", "Write the first line of /work/fruit.txt to /work/answer.txt.",
        {"answer.txt": "pear"}, {"fruit.txt": _FRUIT}),
    Job("last", "Write the last line of /work/fruit.txt to /work/answer.txt.",
        {"answer.txt": "fig"}, {"fruit.txt": _FRUIT}),
    Job("sort", "Sort the numbers in /work/numbers.txt into /work/sorted.txt.",
        {"sorted.txt": "2\n9\n11"}, {"numbers.txt": "11\n2\n9\n"}),
    Job("unique", "Write each different line of /work/fruit.txt once, sorted, to /work/unique.txt.",
        {"unique.txt": "apple\nfig\npear\nplum"}, {"fruit.txt": _FRUIT}),
    Job("find", "Write the lines of /work/log.txt that hold ERROR to /work/errors.txt.",
        {"errors.txt": "ERROR disk\nERROR net"}, {"log.txt": _LOG}),
    Job("replace", "Replace red by blue everywhere in /work/paint.txt.",
        {"paint.txt": "blue and green\nblue"}, {"paint.txt": "red and green\nred\n"}),
    Job("sum", "Write the sum of the numbers in /work/numbers.txt to /work/answer.txt.",
        {"answer.txt": "22"}, {"numbers.txt": "11\n2\n9\n"}),
    Job("run", "/work/code.py shows a code. Write the code to /work/answer.txt.",
        {"answer.txt": "k47"}, {"code.py": "print('k' + str(40 + 7))\n"}),
)  # fmt: skip
