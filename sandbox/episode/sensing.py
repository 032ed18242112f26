"""What becomes known of an episode's sensors, recorded."""

from collections.abc import Iterable

from sandbox.box import Box
from sandbox.errors import HostFault
from sandbox.recorder import Recorder


class Sensing:
    """Records the states of one episode's sensors and keeps the last of each."""

    def __init__(self, recorder: Recorder, states: dict[str, str]) -> None:
        """``states``: where each sensor's state is kept, by its name."""
        self._recorder, self._states = recorder, states

    def begin(self, box: Box, required: Iterable[str]) -> None:
        """What each sensor's canary showed.

        Raises:
            HostFault: one that is ``required`` is absent.
        """
        found = {**box.sensors, "scaffold": None}
        for name, absent in found.items():
            detail = "its canary was seen" if absent is None else absent
            self._tell(name, "up" if absent is None else "absent", detail, 0)
        for name in required:
            if (absent := found.get(name, "this version has none")) is not None:
                raise HostFault(f"required sensor {name} is absent: {absent}", "sensor")

    def lose(self, name: str, detail: str, lost: int) -> None:
        """A sensor has missed so much, and why."""
        self._tell(name, "lost", detail, lost)

    def _tell(self, name: str, state: str, detail: str, lost: int) -> None:
        self._states[name] = state
        data = {"name": name, "state": state, "detail": detail, "lost": lost}
        self._recorder.record("harness", "sensor", data)
