"""What `make llm` runs: installs the model, serves it on loopback, runs a config over it, stops it.

    python -m experiments.llm [--port N] [--config FILE] [option of `tidegauge run` ...]
    python -m experiments.llm --serve [--port N]      # only serves, until Ctrl-C

Exit codes are those of `tidegauge run`.
"""

import argparse
import contextlib
import signal
import sys
from pathlib import Path
from typing import Final

from experiments.cli import INTERRUPTED, MISTAKE, run_command
from experiments.llm.installed import HERE
from experiments.llm.server import PORT, serving
from sandbox.errors import Mistake

CONFIG: Final = Path(__file__).parents[1] / "configs" / "llm.yaml"


def main() -> int:
    """Reads the command line and does what it asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--port", type=int, default=PORT, help=f"of the server (default {PORT})")
    parser.add_argument("--serve", action="store_true", help="only serve, until Ctrl-C")
    parser.add_argument("--config", type=Path, default=CONFIG, help="its first model is the served one")
    given, rest = parser.parse_known_args()
    try:
        HERE.install(_say)
        with serving(HERE, given.port) as url:
            return _until_interrupted(url) if given.serve else _run(given.config, url, rest)
    except Mistake as mistake:
        _say(str(mistake))
        return MISTAKE
    except KeyboardInterrupt:
        _say("interrupted")
        return INTERRUPTED


def _run(config: Path, url: str, options: list[str]) -> int:
    """One episode at a time: the model answers one request at a time, and a conversation that is not
    interleaved with others is read once and not at every turn."""
    address = f"models.0.base_url={url}"
    _say_serving(url)
    return run_command(["run", str(config), "--local", "--slots", "1", "--set", address, *options])


def _until_interrupted(url: str) -> int:
    with contextlib.suppress(KeyboardInterrupt):
        _say_serving(url)
        signal.pause()
    return 0


def _say_serving(url: str) -> None:
    _say(f"serving SmolLM2-135M-Instruct at {url}")


def _say(line: str) -> None:
    print(f"llm: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
