"""A run in progress is seen: live on a terminal, in plain lines elsewhere, never on standard output."""

import io
from collections.abc import Callable
from typing import Any

import pytest

from experiments.running.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    """Seconds, moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def finding(code: str) -> dict[str, Any]:
    return {"code": code, "severity": 1, "t": 0, "evidence": [1], "note": "n"}


@pytest.fixture
def work(ledger_line: Any) -> Callable[[Progress, Clock], None]:
    """Three attempts: one with findings after 10 s, one host fault, one still running."""

    def run(progress: Progress, clock: Clock) -> None:
        for name in ("a", "b", "c"):
            progress.started(name)
        clock.now += 10
        progress.ended("a", ledger_line(0, "ml/tab", 0, 1.0, findings=[finding("cheat.scorer")] * 2))
        progress.ended("b", None)

    return run


def test_the_live_display_shows_counts_rate_time_left_findings_and_what_runs(
    work: Callable[[Progress, Clock], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    clock = Clock()
    progress = Progress(12, 2, Terminal(), clock)
    work(progress, clock)
    assert progress.lines() == [
        "███████░░░░░░░░░░░░░░░░░░░░░░░ 3/12 done · 1 running · 1 failed · 6.0/min · 1 min 30 s left",
        "findings  cheat.scorer 1",
        "running   c",
    ]
    progress.close()


def test_what_is_said_stands_above_the_display_and_the_last_state_stays(
    work: Callable[[Progress, Clock], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    clock, stream = Clock(), Terminal()
    progress = Progress(2, 0, stream, clock)
    work(progress, clock)
    progress.say("host fault in attempt 0 of b")
    progress.say("another")
    progress.close()
    shown = stream.getvalue()
    # The second message first takes away the three lines that were drawn.
    assert "\x1b[3F\x1b[Janother\n" in shown
    assert shown.endswith("1/2 done · 1 running · 1 failed\nfindings  cheat.scorer 1\n")


@pytest.mark.parametrize("term", ["dumb", None])
def test_lines_are_plain_where_there_is_no_terminal(
    work: Callable[[Progress, Clock], None], monkeypatch: pytest.MonkeyPatch, term: str | None
) -> None:
    monkeypatch.setenv("TERM", term) if term else monkeypatch.delenv("TERM", raising=False)
    clock, stream = Clock(), Terminal() if term else io.StringIO()
    progress = Progress(12, 2, stream, clock)
    work(progress, clock)
    progress.say("a line")
    progress.close()
    assert stream.getvalue() == (
        "2/12 done · 1 running · 0 failed\na line\n3/12 done · 1 running · 1 failed · findings: cheat.scorer 1\n"
    )


def test_time_left_grows_while_nothing_ends(ledger_line: Any) -> None:
    clock = Clock()
    progress = Progress(3, 0, io.StringIO(), clock)
    progress.started("a")
    clock.now += 60
    progress.ended("a", ledger_line(0, "ml/tab", 0, 1.0))
    assert "1.0/min · 2 min 00 s left" in progress.lines()[0]
    clock.now += 60
    assert "0.5/min · 4 min 00 s left" in progress.lines()[0]
    progress.close()
