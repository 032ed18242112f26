"""A check's result, and how a set of results compares with a stored one."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final, Literal, get_args

Result = Literal["held", "failed", "untestable", "accepted"]
RESULTS: Final = frozenset(get_args(Result))
#: A result and its reason.
Outcome = tuple[Result, str]
#: Characters of a reason that are kept.
_DETAIL: Final = 300


@dataclass(frozen=True, slots=True)
class Check:
    """One promise of the box, tried.

    ``held``: the attempt was refused. ``failed``: it was not, or could not be made for a reason of ours.
    ``untestable``: this kernel lacks what would be attempted. ``accepted``: information shows that only
    another set-up would hide; the reason names the remedy.
    """

    name: str
    result: Result
    detail: str
    #: What is attempted, in words.
    meaning: str = ""

    @property
    def kind(self) -> str:
        """The part of the name before the dot."""
        return self.name.partition(".")[0]

    def as_json(self) -> dict[str, str]:
        """The form of contract.md section 1."""
        return {"name": self.name, "result": self.result, "detail": self.detail, "meaning": self.meaning}


def tried(name: str, meaning: str, attempt: Callable[[], Outcome]) -> Check:
    """The check that ``attempt`` makes; one that breaks has failed, for it has shown nothing."""
    try:
        result, detail = attempt()
    except PermissionError as error:
        return Check(name, "untestable", f"the host refused to look: {error}"[:_DETAIL], meaning)
    except Exception as error:
        return Check(name, "failed", f"the check broke: {type(error).__name__}: {error}"[:_DETAIL], meaning)
    return Check(name, result, detail[:_DETAIL], meaning)


def holds(condition: bool, detail: str) -> Outcome:
    """Held or failed by a condition."""
    return ("held" if condition else "failed"), detail


def baselines() -> list[str]:
    """The container runtimes that this version has a baseline for."""
    names = (entry.name for entry in resources.files("sandbox.selftest").iterdir())
    found = (re.fullmatch(r"baseline-(\w+)\.json", name) for name in names)
    return sorted(match[1] for match in found if match)


def baseline(runtime: str) -> dict[str, Result]:
    """Name -> result of each check as this version shipped it for a container runtime."""
    file = resources.files("sandbox.selftest") / f"baseline-{runtime}.json"
    found: dict[str, Result] = json.loads(file.read_text("utf-8"))
    return found


def regressions(checks: Iterable[Check], stored: Mapping[str, Result]) -> list[str]:
    """What is worse than the stored results, a line each.

    Worse is: failed; accepted where it held; or not tried at all. What turned untestable is not: the
    kernel here lacks it.
    """
    found = {check.name: check for check in checks}
    worse = [f"{name}: was not tried" for name in stored if name not in found]
    for check in found.values():
        before = stored.get(check.name)
        fell = check.result == "failed" and before != "failed"
        if fell or (check.result == "accepted" and before not in ("accepted", "failed")):
            worse.append(
                f"{check.name}: {check.result}, {before or 'not in the baseline'} before: {check.detail}"
            )
    return worse


def checks_of(document: Mapping[str, Any]) -> list[Check]:
    """The checks of a stored document.

    Raises:
        ValueError: it has another form.
    """
    try:
        found = [Check(c["name"], c["result"], c["detail"], c.get("meaning", "")) for c in document["checks"]]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("not a self-test's document") from error
    if not all(check.result in RESULTS for check in found):
        raise ValueError("a check has no known result")
    return found
