"""Who asked the model, call by call."""

from typing import Final

from sandbox.box import Box
from sandbox.http import Address
from sandbox.recorder import Recorder

#: Where the door is in the box.
PORT: Final = 8000


class CallerSensor:
    """Looks who holds the connection over which a model call came, while the call is held."""

    def __init__(self, box: Box, recorder: Recorder) -> None:
        self._box = box
        self._recorder = recorder
        self._seen: list[int] | None = None
        #: Calls of which nobody can say who made them.
        self.lost = 0

    def look(self, turn: int, client: Address | None) -> None:
        """Records who asks from ``client``, if it is not who asked before."""
        pids = self._box.callers(PORT, client)
        if not pids:
            self.lost += 1
        elif pids != self._seen:
            self._seen = pids
            self._recorder.record("processes", "model.caller", {"turn": turn, "pids": pids})
