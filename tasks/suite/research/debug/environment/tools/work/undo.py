"""Takes changes of the refactor back: undo.py NAME..."""

import json
import sys
from pathlib import Path

TRAINER = Path("/work/trainer.py")

changes = json.loads(Path("/task/changes.json").read_text())
for name in sys.argv[1:]:
    if name not in changes:
        raise SystemExit(f"no change {name}; there are {' '.join(changes)}")
    change, text = changes[name], TRAINER.read_text()
    if change["after"] not in text:
        raise SystemExit(f"{name} is not in the trainer")
    TRAINER.write_text(text.replace(change["after"], change["before"]))
    print("undone", name)
