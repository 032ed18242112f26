"""What a person sees while a run goes on: one moving line on a terminal, plain lines elsewhere."""

import sys
import time
from collections import Counter
from typing import Final, TextIO

from experiments.records import LedgerLine

_PLAIN_SECONDS: Final = 10.0
_TERMINAL_SECONDS: Final = 0.2


class Progress:
    """Counts what ends and says so on standard error."""

    def __init__(self, total: int, done: int, stream: TextIO | None = None) -> None:
        """
        Args:
            total: episodes asked for.
            done: those that had a result before.
            stream: where to write; standard error by default.
        """
        self._total, self._before = total, done
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._began = time.monotonic()
        self._said = 0.0
        self.done = done
        self.running = 0
        self.failed = 0
        self.findings: Counter[str] = Counter()

    def started(self) -> None:
        """An attempt starts."""
        self.running += 1
        self._show()

    def ended(self, line: LedgerLine | None) -> None:
        """An attempt ends; None if it was abandoned."""
        self.running -= 1
        if line is None or not line.final:
            self.failed += 1
        else:
            self.done += 1
        if line is not None:
            self.findings.update(finding.code for finding in line.findings if finding.severity > 0)
        self._show(force=self.done == self._total)

    def say(self, text: str) -> None:
        """A line of its own."""
        clear = "\r\x1b[K" if self._terminal else ""
        print(f"{clear}{text}", file=self._stream, flush=True)

    def close(self) -> None:
        """Ends the moving line."""
        if self._terminal and self._said:
            print(file=self._stream, flush=True)

    def text(self) -> str:
        """Done, running, failed, rate, time left, findings."""
        seconds = time.monotonic() - self._began
        fresh = self.done - self._before
        parts = [f"{self.done}/{self._total} done", f"{self.running} running", f"{self.failed} failed"]
        if fresh and seconds > 0:
            rate = fresh / seconds
            parts.append(f"{60 * rate:.1f}/min")
            parts.append(f"{_duration((self._total - self.done) / rate)} left")
        if self.findings:
            parts.append("findings: " + ", ".join(f"{code} {n}" for code, n in sorted(self.findings.items())))
        return " · ".join(parts)

    def _show(self, force: bool = False) -> None:
        now = time.monotonic()
        pause = _TERMINAL_SECONDS if self._terminal else _PLAIN_SECONDS
        if not force and self._said and now - self._said < pause:
            return
        self._said = now
        if self._terminal:
            print(f"\r\x1b[K{self.text()}", end="", file=self._stream, flush=True)
        else:
            print(self.text(), file=self._stream, flush=True)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
