"""A calibration is kept on the machine where it was taken, and goes into every run that it holds for."""

import json
import os
from pathlib import Path
from typing import Any, Final

from experiments.record import durable
from experiments.record.anchors import Anchors
from experiments.record.ledger import LEDGER, read_records
from experiments.record.records import LedgerLine
from sandbox.canonical import canonical, digest, sha256
from sandbox.errors import StorageFault
from sandbox.sensors.probe import probe

#: In the run directory.
CALIBRATION: Final = "calibration.json"
ANCHOR: Final = "calibration"
_ROOT: Final = Path(__file__).parents[2]
#: What turns an attempt into findings, besides the image: monitors and the host's side of the sensors.
_SOURCES: Final = (
    "monitors/**/*.py", "sandbox/sensors/**/*.py", "sandbox/scaffold.py", "sandbox/episode/*.py",
    "sandbox/codes.py", "sandbox/vocabulary.py", "experiments/calibration/**/*",
)  # fmt: skip


def basis(image: str, runtime: str) -> dict[str, Any]:
    """What a calibration holds for: digest of the monitors and the corpus, image, runtime, sensors.

    Args:
        image: its id.
        runtime: the container runtime.
    """
    files = sorted({path for pattern in _SOURCES for path in _ROOT.glob(pattern) if _counts(path)})
    sources = [[path.relative_to(_ROOT).as_posix(), sha256(path.read_bytes())] for path in files]
    sensors = {name: found.absent is None for name, found in probe().items()}
    return {"monitors": digest(sources), "image": image, "runtime": runtime, "sensors": sensors}


def _counts(path: Path) -> bool:
    return path.is_file() and path.suffix != ".pyc"


def find(holds_for: dict[str, Any]) -> dict[str, Any] | None:
    """The calibration that is kept for ``holds_for``, or None."""
    try:
        document = json.loads(place(holds_for).read_bytes())
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) and document.get("basis") == holds_for else None


def keep(document: dict[str, Any]) -> None:
    """Keeps a calibration in the user's state directory, if that takes it."""
    path = place(document["basis"])
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        durable.replace(path, canonical(document))
    except (OSError, StorageFault):
        return  # the next `tidegauge calibrate` takes it again


def place(holds_for: dict[str, Any]) -> Path:
    """Where a calibration is kept: in the user's state directory, which no box sees."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "tidegauge" / "calibration" / f"{digest(holds_for)}.json"


def store(directory: Path, anchors: Anchors) -> None:
    """Puts into a run the calibration of the boxes that it ran in; removes one that does not hold for them.

    Anchored first; the empty text anchors that there is none.

    Raises:
        StorageFault: the disk refused it.
    """
    lines = read_records(directory / LEDGER, LedgerLine)
    boxes = {(line.box.image, line.box.runtime) for line in lines}
    document = find(basis(*boxes.pop())) if len(boxes) == 1 else None
    text = "" if document is None else canonical(document).decode("utf-8")
    if anchors.texts(ANCHOR)[-1:] != [text] and (text or anchors.texts(ANCHOR)):
        anchors.append(ANCHOR, [text])
    if text:
        durable.replace(directory / CALIBRATION, text.encode("utf-8"))
    else:
        (directory / CALIBRATION).unlink(missing_ok=True)
