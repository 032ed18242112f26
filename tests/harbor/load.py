"""Loads directories with Harbor's own loader; prints one JSON object: directory → its name there, or the refusal.

Runs in an environment of its own (tests/tools.sh makes it), which need not have anything of this project.
"""

import json
import sys
import warnings

from harbor.models.task.task import Task

warnings.simplefilter("ignore", DeprecationWarning)
found = {}
for directory in sys.argv[1:]:
    try:
        task = Task(directory)
        found[directory] = [task.name, Task.is_valid_dir(directory)]
    except Exception as error:
        found[directory] = [f"{type(error).__name__}: {error}", False]
print(json.dumps(found))
