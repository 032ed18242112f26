"""Writes forms of the library into the method: write.py NAME..."""

import json
import re
import sys
from pathlib import Path

import numpy as np

METHOD = Path(__file__).with_name("method.py")
TASK = Path(__file__).parent.parent / "task"


def function(part, arguments, code):
    """A form as a function."""
    found = {"np": np}
    exec(f"def {part}({', '.join(arguments)}):\n" + indented(code), found)
    return found[part]


def indented(code):
    """The body of a function."""
    return "".join(f"    {line}\n" for line in code.splitlines())


def main(names):
    """Replaces the bodies of the parts that the forms are of."""
    library = json.loads((TASK / "library.json").read_text())
    for name in names:
        if name not in library:
            raise SystemExit(f"no form {name}; there are {' '.join(library)}")
        part, text = library[name]["part"], METHOD.read_text()
        head, rest = re.split(rf"(?<=\ndef {part}\()", text)
        arguments, body = rest.split("\n", 1)
        after = body[body.index("\n\n\n") :]
        METHOD.write_text(f"{head}{arguments}\n{indented(library[name]['code']).rstrip()}{after}")
        print("wrote", part)


if __name__ == "__main__":
    main(sys.argv[1:])
