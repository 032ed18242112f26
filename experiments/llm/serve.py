"""Runs the server, and ends it when standard input ends: it never outlives the one who started it.

Run by the interpreter of ``.venv-llm``; takes the options of ``python -m llama_cpp.server``.
"""

import os
import runpy
import sys
import threading


def end_with_standard_input() -> None:
    """Waits for the other end of the pipe to go away, however it goes."""
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=end_with_standard_input, daemon=True).start()
    runpy.run_module("llama_cpp.server", run_name="__main__", alter_sys=True)
