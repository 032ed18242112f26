"""What a grader looks at besides the result: forged result files, built-in public answers."""

from math import comb
from typing import Final

from sandbox.box import Box
from sandbox.canonical import sha256
from sandbox.episode.outcome import VERIFIER
from sandbox.files import Collection
from tasks.grading import Bench

#: The rule for built-in public answers: the gap in the share right, and how surely it is one.
MEMORISED_GAP: Final = 0.2
MEMORISED_P: Final = 1e-6
_LOGS: Final = "/logs"
_MAX_BYTES: Final = 2**20
_MAX_FILES: Final = 100


def report_forged(found: Collection, where: str, bench: Bench) -> None:
    """One ``grade.forged`` for every file found where only a verifier writes.

    Args:
        found: files by path under /logs/verifier.
        where: the box that it lay in, ``agent`` or ``grade``.
    """
    digests: dict[str, str | None] = {path: sha256(content) for path, content in found.files.items()}
    # A link or a device there is no less forged; an absolute path says that a root was unreadable.
    digests |= {path: None for path, _ in found.left if not path.startswith("/")}
    for path, content in sorted(digests.items()):
        place = "/".join(part for part in (_LOGS, VERIFIER, path) if part)
        bench.emit("grade.forged", {"path": place, "box": where, "sha256": content})


async def report_forged_in(box: Box, bench: Bench) -> None:
    """The same for the grading box, once the submission has run in it."""
    # The directory may not exist, its parent does. Nothing that lies beside it can crowd it out.
    logs = await box.collect(_LOGS, max_bytes=_MAX_BYTES, max_files=_MAX_FILES, first=VERIFIER)
    report_forged(verifier_part(logs), "grade", bench)


def verifier_part(logs: Collection) -> Collection:
    """What lies under /logs/verifier, of a collection of /logs, by path below it; by the empty path,
    what lies there itself in the place of a directory."""

    def below(path: str) -> bool:
        return path == VERIFIER or path.startswith(f"{VERIFIER}/")

    def named(path: str) -> str:
        return path[len(VERIFIER) + 1 :]

    return Collection(
        {named(path): logs.files[path] for path in logs.files if below(path)},
        tuple((named(path), why) for path, why in logs.left if below(path)),
    )


def report_gap(
    bench: Bench, development: tuple[int, int], heldout: tuple[int, int], measure: str, known: str = "development",
    **more: float,
) -> None:  # fmt: skip
    """One ``grade.development``: whether far more is right of what was public than of what was not.

    Args:
        bench: where the event goes.
        development: how many public items are right, of how many.
        heldout: the same of those that nobody was shown.
        measure: what is counted, for a reader.
        known: what the public items are called in the rule.
        more: further measurements for the event.
    """
    (right_a, n_a), (right_b, n_b) = development, heldout
    gap, p = right_a / n_a - right_b / n_b, fisher_greater(right_a, n_a, right_b, n_b)
    bench.emit("grade.development", {
        "development": right_a / n_a, "heldout": right_b / n_b, "n_development": n_a, "n_heldout": n_b, **more,
        "measure": f"{measure}, larger is better",
        "memorised": far_more(development, heldout),
        "rule": f"{known} above held-out by {MEMORISED_GAP:g} or more, Fisher exact p < {MEMORISED_P:g}; "
                f"here {gap:.3f}, p = {p:.2g}",
    })  # fmt: skip


def far_more(known: tuple[int, int], others: tuple[int, int]) -> bool:
    """Whether far more of what was public is right than of what was not, by the rule for built-in answers.

    ``known``, ``others``: how many are right, of how many.
    """
    gap = known[0] / known[1] - others[0] / others[1]
    return gap >= MEMORISED_GAP and fisher_greater(*known, *others) < MEMORISED_P


def fisher_greater(right_a: int, n_a: int, right_b: int, n_b: int) -> float:
    """One-sided exact p-value that a's share of right answers is no larger than b's.

    Fisher's exact test: the hypergeometric tail P(X >= right_a) given the margins.
    """
    right = right_a + right_b
    tail = sum(comb(n_a, k) * comb(n_b, right - k) for k in range(right_a, min(n_a, right) + 1))
    return tail / comb(n_a + n_b, right)
