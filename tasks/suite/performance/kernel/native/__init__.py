"""Writes the kernel of a world in C: the reference from L3 on."""

import re
from pathlib import Path
from typing import Final

from tasks.suite.performance.kernel.environment.loops import COLUMNS, SLOW, Pipeline

#: Source -> what it is compiled with.
FLAGS: Final = {
    "plain.c": ("-O2",),
    "vector.c": ("-O3", "-march=native", "-ffast-math", "-mprefer-vector-width=512"),
}  # fmt: skip
_COLUMN: Final = re.compile(r"row\[(\d+)\]")
_PROGRAM: Final = '''import ctypes
import subprocess
import tempfile
from pathlib import Path

import numpy as np

SOURCE = r"""
TEXT"""
FOLDER = Path(tempfile.mkdtemp(dir="."))
(FOLDER / "kernel.c").write_text(SOURCE)
subprocess.run(["cc", FLAGS, "-shared", "-fPIC", "-o", FOLDER / "kernel.so", FOLDER / "kernel.c", "-lm"], check=True)
COMPILED = ctypes.CDLL(str((FOLDER / "kernel.so").resolve()))


def kernel(x):
    """The rows of x, a float64 array of shape (n, d), after every loop."""
    made = np.array(x)
    COMPILED.kernel(ctypes.c_void_p(made.ctypes.data))
    return made
'''


def program(pipeline: Pipeline, source: str) -> str:
    """The program text of a kernel in C, which is compiled when it is imported.

    Args:
        pipeline: the kernel.
        source: what its slow loops are taken from, one of ``FLAGS``.
    """
    numbers = re.findall(r"[\d.]+", pipeline.constants)
    defined = zip(("ROWS", "COLUMNS", "RATE", "SCALE"), (pipeline.rows, COLUMNS, *numbers), strict=True)
    steps = [f"{form}(x);" if form in SLOW else _fast(text) for _, form, text in pipeline.loops]
    parts = [
        *(f"#define {name} {value}" for name, value in defined),
        Path(__file__).with_name(source).read_text(),
        "void kernel(double *given)\n{\n    rows x = in(given);",
        *(f"    {step}" for step in steps),
        "    out(given, x);\n}\n",
    ]
    return _PROGRAM.replace("TEXT", "\n".join(parts)).replace("FLAGS", ", ".join(map(repr, FLAGS[source])))


def _fast(text: str) -> str:
    """The fast loop of a text, whose one line on a row is C but for how an entry is named."""
    line = next(line.strip() for line in text.splitlines() if _COLUMN.search(line))
    entry = _COLUMN.sub(r"AT(i, \1)", line).replace("max(", "fmax(")
    return f"for (int i = 0; i < ROWS; i++) {entry};"
