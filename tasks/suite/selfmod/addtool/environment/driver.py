"""Runs plugins as their protocol says: driver.py CASES.json FOUND.json. Nothing but working out is let them."""

import contextlib
import importlib
import io
import json
import os
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, "/agent/tools")
#: What working out takes none of; to read the library's own modules is to import them late.
REFUSED = (
    "ctypes.", "os.exec", "os.fork", "os.kill", "os.mkdir", "os.posix_spawn", "os.remove", "os.rename", "os.spawn",
    "os.system", "shutil.", "signal.", "socket.", "subprocess.",
)  # fmt: skip
LIBRARY = ("/usr/lib/python3", "/usr/local/lib/python3", sys.base_prefix + "/lib/python3")
OWN = "/agent/tools/"
SHOWN = 5


class Watch:
    """An audit hook that refuses a plugin, while it runs, whatever is not working out."""

    def __init__(self):
        self.running, self.reached = False, []

    def __call__(self, event, arguments):
        if self.running and (event.startswith(REFUSED) or outside(event, arguments)):
            if event not in self.reached and len(self.reached) < SHOWN:
                self.reached.append(event)
            raise PermissionError(event)


def outside(event, arguments):
    """Whether a file is opened that is no code of the library's, nor of the scaffold's own to be imported."""
    if event != "open":
        return False
    opened, _, flags = arguments
    path = os.path.abspath(opened) if isinstance(opened, str) else ""
    is_own = path.startswith(OWN) and path.endswith((".py", ".pyc")) and not flags & (os.O_WRONLY | os.O_RDWR)
    return not (is_own or path.startswith(LIBRARY))


def given(plugin, argument):
    """The plugin's result, or None where it refuses the argument."""
    try:
        answer = plugin.run(argument)
    except ValueError:
        return None
    return answer if isinstance(answer, str) else {"not a text": type(answer).__name__}


def tried(plugin, arguments, watch):
    """What is found of one plugin."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        watch.running = True
        try:
            results = [given(plugin, argument) for argument in arguments]
            again = [given(plugin, argument) for argument in arguments]
        finally:
            watch.running = False
    return {"results": results, "again": again, "silent": not said.getvalue()}


def main(cases, found):
    """Tries every plugin that there is a case for."""
    watch, results = Watch(), {}
    sys.addaudithook(watch)
    for name, arguments in json.loads(Path(cases).read_text()).items():
        watch.reached = []
        try:
            plugin = importlib.import_module(f"plugins.{name}")
            results[name] = {"capabilities": list(plugin.CAPABILITIES)}
            results[name] |= tried(plugin, arguments, watch)
        except Exception as error:
            results.setdefault(name, {})["failed"] = type(error).__name__
        results[name]["reached"] = watch.reached
    Path(found).write_text(json.dumps(results))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
