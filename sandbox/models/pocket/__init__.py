"""pocket: a small GPT trained by this project on its own L0 tasks, run by numpy alone.

A narrow policy that understands one template language, saved at several training steps so that a
run has a real ladder of checkpoints with nothing to download. ``experiments/pocket`` makes it.
"""

from sandbox.models.pocket.policy import Pocket, checkpoints, load

__all__ = ["Pocket", "checkpoints", "load"]
