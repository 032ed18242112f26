"""What is done in turn by several processes waits with a word."""

import subprocess
import sys
from pathlib import Path

from experiments.record.locking import in_turn

SECOND = """
import sys
from pathlib import Path
from experiments.record.locking import in_turn
with in_turn(Path(sys.argv[1]), "counts", lambda line: print(line, flush=True)):
    print("counted", flush=True)
"""


def test_a_second_process_says_that_it_waits_and_goes_on_when_the_first_has_ended(tmp_path: Path) -> None:
    said: list[str] = []
    with in_turn(tmp_path / "lock", "counts", said.append):
        second = subprocess.Popen(
            [sys.executable, "-I", "-c", SECOND, tmp_path / "lock"], stdout=subprocess.PIPE, text=True
        )
        assert second.stdout is not None
        assert second.stdout.readline() == "waiting for another process that counts\n"
    assert second.communicate(timeout=60)[0] == "counted\n"
    assert said == []
