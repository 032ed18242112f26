"""Checkpoints by glob and by command: what goes wrong is one line with file, key and remedy."""

import json
import sys
from pathlib import Path

import pytest

from experiments.planning.loading import load_config
from sandbox.errors import Mistake


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "ckpt-12.yaml").write_text("turns: [submit]")
    (tmp_path / "ckpt-last.yaml").write_text("turns: [submit]")
    path = tmp_path / "config.yaml"
    path.write_text("suite: s\ntasks: [ml/tab]\nmodels: [{family: f, provider: scripted}]\n")
    return path


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"glob": "ckpt-*", "step": r"ckpt-(\d+)"}, ".step: no step in 'ckpt-last.yaml'; its group must match digits"),
        ({"glob": "ckpt-*", "step": r"ckpt-(.+)\."}, ".step: no step in 'ckpt-last.yaml'; its group must match digits"),
        ({"glob": "ckpt-*", "step": "ckpt"}, ".step: needs exactly one group, the step; write for example 'step-(\\d+)'"),
        ({"glob": "ckpt-*", "step": "("},
         ".step: is not a regular expression: missing ), unterminated subpattern at position 0"),
        ({"glob": "/etc/*", "step": r"(\d+)"}, ".glob: '/etc/*' finds nothing; it starts from DIR"),
        ({"command": [sys.executable, "-c", "import sys; sys.exit('no\\nserver')"]},
         ".command: ended with 1: server; make it exit with 0"),
        ({"command": [sys.executable, "-c", "print('step 1')"]},
         ".command, line 1 of its output: is not JSON; print {\"name\": …, \"step\": …}"),
        ({"command": [sys.executable, "-c", ""]}, ".command: printed no checkpoint; print one JSON checkpoint a line"),
        ({"command": [sys.executable, "-c", "print('x' * 2**21)"]},
         ".command: printed more than 1 MiB; print one checkpoint a line"),
        ({"command": [sys.executable, "-c", "print('{\"name\": \"a\"}')"]},
         ".command, line 1 of its output: step: is missing; add it"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_form_is_one_line(config: Path, form: object, message: str) -> None:
    with pytest.raises(Mistake) as caught:
        load_config(config, (f"models.0.checkpoints={json.dumps(form)}",))
    assert str(caught.value) == f"{config}: models.0.checkpoints{message.replace('DIR', str(config.parent))}"


def test_a_command_starts_beside_its_config(config: Path) -> None:
    program = 'import pathlib; print(\'{"name": "%s", "step": 1}\' % pathlib.Path(\'ckpt-12.yaml\').stem)'
    form = {"command": [sys.executable, "-c", program]}
    loaded = load_config(config, (f"models.0.checkpoints={json.dumps(form)}",))
    assert loaded.model_dump()["models"][0]["checkpoints"][0]["name"] == "ckpt-12"
