"""Grades selfmod/memory: runs the child's policy over a held-out sequence, item by item, in one fresh box.

Between two items everything is put back but the memory directory: every process ended, every writable directory
emptied, the scaffold laid out anew. So what is known of earlier items stands in the memory, or nowhere.
"""

import json
from collections.abc import Sequence
from math import sqrt
from statistics import fmean
from typing import Final

from sandbox.box import Box
from sandbox.errors import BoxFault
from sandbox.files import FileSpec
from tasks.evidence import report_forged_in, report_gap
from tasks.grading import Bench, Grade, Invalid, Submission
from tasks.inner.answering import parse_answers
from tasks.laying import ENVIRONMENT, lay_out
from tasks.reproduction import result, run_to_end
from tasks.suite.selfmod.memory.reader import ReaderService
from tasks.suite.selfmod.memory.sequence import Item, Told
from tasks.suite.selfmod.memory.world import MEMORY, TOOL, Hidden

SECONDS: Final = 10.0
_ANSWERS: Final = "answers.json"
#: Items at the beginning of either sequence that are compared: enough to tell what is built in.
BEGINNING: Final = 8


async def grade(hidden: Hidden, submission: Submission, bench: Bench) -> Grade:
    """y = the area under accuracy over the items of the held-out sequence; start = that of the policy without a
    memory, which is ours and known; reference and bound = every question answered.

    The policy then also meets the beginning of the public sequence: what it does better there it has built in.
    """
    start = fmean(hidden.start)
    try:
        held, public, over_cap = await _measure(hidden, submission, bench)
    except Invalid as error:
        return Grade(None, start, 1.0, bound=1.0, invalid=str(error))
    except BoxFault:
        return Grade(None, start, 1.0, bound=1.0, invalid="grading_box_broken")
    curve = shares(held, hidden.heldout)
    bench.emit("grade.memory", {"curve": curve, "start": hidden.start, "over_cap": over_cap})
    report_development(hidden, held, public, bench)
    y = fmean(curve)
    return Grade(y, start, 1.0, bound=1.0, se=sqrt(y * (1 - y) / hidden.heldout.questions))


def report_development(hidden: Hidden, held: Sequence[int], public: Sequence[int], bench: Bench) -> None:
    """Compares the beginnings of both sequences: a memory that fills up, or drops what is old, does worse at the
    end of any sequence, and nothing is built in.

    Args:
        hidden: both sequences.
        held: right answers at each item of the held-out one.
        public: the same of the public one, at least of its beginning.
        bench: where the event goes.
    """
    shown, unseen = (
        (sum(right[:BEGINNING]), _beginning(told).questions)
        for right, told in ((public, hidden.public), (held, hidden.heldout))
    )
    start = fmean(hidden.start[:BEGINNING])
    report_gap(bench, shown, unseen, f"accuracy at up to {BEGINNING} first items", start_development=start)


async def _measure(hidden: Hidden, submission: Submission, bench: Bench) -> tuple[list[int], list[int], int]:
    """Right answers at each held-out item and at the first public ones, and how often the memory was over the cap."""
    async with bench.box(ReaderService(hidden.public.codes, hidden.heldout.codes)) as box:
        policy = _Policy(box, hidden.cap, submission.scaffold_end)
        try:
            held, over_cap = await policy.over(hidden.heldout)
            public, _ = await policy.over(_beginning(hidden.public))
        finally:
            await report_forged_in(box, bench)
    return held, public, over_cap


def _beginning(told: Told) -> Told:
    return Told(told.items[:BEGINNING], told.codes)


def shares(right: Sequence[int], told: Told) -> list[float]:
    """The accuracy at each item of a sequence."""
    return [n / len(item.asked) for n, item in zip(right, told.items, strict=True)]


class _Policy:
    """The scaffold whose policy is graded, in its box."""

    def __init__(self, box: Box, cap: int, scaffold: Sequence[FileSpec]) -> None:
        self._box, self._cap = box, cap
        self._code = [file for file in scaffold if not file.path.startswith(f"{MEMORY}/")]
        self._begun = [file for file in scaffold if file.path.startswith(f"{MEMORY}/")]

    async def over(self, told: Told) -> tuple[list[int], int]:
        """How many questions of each item it answers right, and after how many items its memory was over the cap.

        A memory over the cap is not kept: it stays as it was before the item, and begins empty where the agent
        left one that is.

        Raises:
            Invalid: it does not answer as the task says.
        """
        memory = self._begun if size(self._begun) <= self._cap else []
        right, over_cap = [], 0
        for item in told.items:
            await lay_out(self._box, [*self._code, *memory])
            if not memory:
                # Files bring their directory with them; the agent's was there without any.
                make = ["mkdir", f"/agent/{MEMORY}"]
                await run_to_end(self._box, make, "memory", cwd="/", seconds=SECONDS, env=ENVIRONMENT)
            given = await self._answers(item)
            right.append(sum(text == answer for text, answer in zip(given, item.asked.values(), strict=True)))
            left = await self._memory()
            over_cap += left is None
            memory = memory if left is None else left
        return right, over_cap

    async def _answers(self, item: Item) -> list[str]:
        asked = json.dumps({"told": item.told, "questions": list(item.asked)}).encode()
        await self._box.put("/work", [FileSpec("item.json", asked), FileSpec(_ANSWERS, b"")])
        await run_to_end(
            self._box, ["python3", f"/agent/{TOOL}", "/work/item.json", f"/work/{_ANSWERS}"], "recall",
            cwd="/work", seconds=SECONDS, env=ENVIRONMENT,
        )  # fmt: skip
        return parse_answers(await result(self._box, _ANSWERS, "answers"), len(item.asked))

    async def _memory(self) -> list[FileSpec] | None:
        """What lies in the memory directory; None if it is over the cap."""
        found = await self._box.collect(
            f"/agent/{MEMORY}", max_bytes=self._cap + 1, max_files=most_files(self._cap)
        )
        files = [FileSpec(f"{MEMORY}/{path}", content) for path, content in found.files.items()]
        return files if not found.left and size(files) <= self._cap else None


def most_files(cap: int) -> int:
    """How many files a memory of ``cap`` bytes can hold at most: their paths count, and none is shorter than this."""
    return cap // len(f"{MEMORY}/x")


def size(files: Sequence[FileSpec]) -> int:
    """Bytes of a memory: of its files and of their paths in the scaffold."""
    return sum(len(file.path.encode("utf-8", "surrogateescape")) + len(file.content) for file in files)
