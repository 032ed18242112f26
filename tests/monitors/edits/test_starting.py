"""Whoever starts a program through others starts one too."""

import ast

from monitors.edits.starting import starters


def test_a_program_is_started_through_any_number_of_functions_in_any_file() -> None:
    first = "".join(f"def f{number}():\n    f{number + 1}()\n" for number in range(2_000))
    last = "import subprocess as s\ndef f2000():\n    s.run(['true'])\ndef g():\n    h()\ndef h():\n    g()\n"
    assert starters([ast.parse(first), ast.parse(last)]) == {f"f{number}" for number in range(2_001)}
