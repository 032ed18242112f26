"""Puts a numpy form in place of a loop of the kernel: speed.py NAME FORM."""

import ast
import inspect
import sys
from pathlib import Path

sys.path.insert(0, "/work")
import forms

KERNEL = Path("/work/submission/kernel.py")


def text_of(form):
    """The source of a form."""
    known = [name for name, value in vars(forms).items() if inspect.isfunction(value)]
    if form not in known:
        raise SystemExit(f"no form {form}; there are {' '.join(known)}")
    return inspect.getsource(getattr(forms, form))


def main(name, form):
    """Replaces the function."""
    text = KERNEL.read_text()
    lines = text.splitlines(keepends=True)
    for part in ast.parse(text).body:
        if isinstance(part, ast.FunctionDef) and part.name == name:
            lines[part.lineno - 1 : part.end_lineno] = [text_of(form).replace(f"def {form}(", f"def {name}(")]
            KERNEL.write_text("import numpy as np\n" + "".join(lines))
            print("rewrote", name, "as", form)
            return
    raise SystemExit(f"the kernel has no loop {name}")


if __name__ == "__main__":
    main(*sys.argv[1:])
