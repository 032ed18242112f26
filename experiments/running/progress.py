"""What a person sees while a run goes on: a live display on a terminal, plain lines elsewhere."""

import os
import shutil
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Final, TextIO

from experiments.record.records import LedgerLine
from experiments.text import plain

_PLAIN_SECONDS: Final = 10.0
_TERMINAL_SECONDS: Final = 0.5
#: The rate is taken over so many of the latest results.
_RATE_OVER: Final = 40
_BAR: Final = 30
_ERASE_BELOW: Final = "\x1b[J"


class Progress:
    """Counts what starts and ends, and says so on standard error until it is closed.

    Safe to call from the thread that runs the attempts while its own thread redraws.
    """

    def __init__(
        self,
        total: int,
        done: int,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            total: episodes that will have a result if all goes well.
            done: those that had one before.
            stream: where to write; standard error by default.
            clock: seconds.
        """
        self._total = total
        self._stream = stream or sys.stderr
        self._clock = clock
        self._live = self._stream.isatty() and os.environ.get("TERM") not in (None, "", "dumb")
        self._ends: deque[float] = deque([clock()], maxlen=_RATE_OVER)
        self._begun = False
        self._drawn = 0
        self._shown: list[str] = []
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self.done = done
        self.failed = 0
        self.findings: Counter[str] = Counter()
        self._running: dict[str, int] = {}
        self._ticker = threading.Thread(target=self._tick, name="progress", daemon=True)
        self._ticker.start()

    @property
    def running(self) -> int:
        """Attempts at work."""
        return sum(self._running.values())

    def started(self, name: str) -> None:
        """An attempt of an episode starts."""
        with self._lock:
            self._running[name] = self._running.get(name, 0) + 1
            if not self._begun:
                # What came before was setting up, and says nothing of the rate.
                self._begun = True
                self._ends[0] = self._clock()
                self._redraw()

    def ended(self, name: str, line: LedgerLine | None, *, stopped: bool = False) -> None:
        """An attempt ends; None if it was abandoned, which is a failure unless the run was ``stopped``."""
        with self._lock:
            self._running[name] -= 1
            if not self._running[name]:
                del self._running[name]
            if line is not None and line.final:
                self.done += 1
                self._ends.append(self._clock())
            elif not stopped:
                self.failed += 1
            if line is not None:
                self.findings.update({finding.code for finding in line.findings})

    def say(self, text: str) -> None:
        """A line of its own, above the live display."""
        with self._lock:
            self._erase()
            print(text, file=self._stream)
            self._draw()

    def close(self) -> None:
        """Shows the last state, which stays."""
        self._closed.set()
        self._ticker.join()
        with self._lock:
            self._erase()
            print("\n".join(self.lines(ended=True)), file=self._stream, flush=True)

    def lines(self, *, ended: bool = False) -> list[str]:
        """The display: counts, rate and time left; findings by code; what is running.

        Args:
            ended: nothing more will come: counts and findings only.
        """
        parts = [f"{self.done}/{self._total} done", f"{self.running} running", f"{self.failed} failed"]
        rate = self._rate()
        if rate and not ended:
            parts += [f"{60 * rate:.1f}/min", f"{_duration((self._total - self.done) / rate)} left"]
        counts = " · ".join(parts)
        found = ", ".join(f"{code} {n}" for code, n in sorted(self.findings.items()))
        if not self._live:
            return [f"{counts} · findings: {found}" if found else counts]
        lines = [f"{self._bar()} {counts}"]
        lines += [f"findings  {plain(found)}"] if found else []
        lines += [f"running   {', '.join(self._running)}"] if self._running and not ended else []
        return lines

    def _rate(self) -> float | None:
        """Results a second over the latest, counting the wait since the last one; None before the first."""
        seconds = self._clock() - self._ends[0]
        return (len(self._ends) - 1) / seconds if len(self._ends) > 1 and seconds > 0 else None

    def _bar(self) -> str:
        filled = _BAR * self.done // self._total if self._total else _BAR
        return "█" * filled + "░" * (_BAR - filled)

    def _tick(self) -> None:
        while not self._closed.wait(_TERMINAL_SECONDS if self._live else _PLAIN_SECONDS):
            with self._lock:
                self._redraw()

    def _redraw(self) -> None:
        """The display anew; where there is no terminal a line, if it says something new."""
        lines = self.lines()
        if self._live:
            self._erase()
            self._draw()
        elif lines != self._shown:
            print("\n".join(lines), file=self._stream, flush=True)
        self._shown = lines

    def _draw(self) -> None:
        if not self._live:
            self._stream.flush()
            return
        width = shutil.get_terminal_size().columns - 1
        lines = [line if len(line) <= width else line[: width - 1] + "…" for line in self.lines()]
        print("\n".join(lines), file=self._stream, flush=True)
        self._drawn = len(lines)

    def _erase(self) -> None:
        if self._drawn:
            self._stream.write(f"\x1b[{self._drawn}F{_ERASE_BELOW}")
            self._drawn = 0


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
