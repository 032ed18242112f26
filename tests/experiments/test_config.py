"""A config says what to run; whatever is wrong with it is one line with file, key and remedy."""

import json
import sys
from pathlib import Path

import pytest

import experiments
from experiments.planning.config import Config
from experiments.planning.loading import checkpoints_of, load_config
from experiments.pocket.lessons import TASKS
from sandbox.errors import Mistake
from sandbox.models import pocket
from tasks.task import select

GOOD = """
suite: quick
models:
  - family: pocket
    provider: scripted
    script: agent.yaml
    checkpoints: [0, 150, {name: late, step: 2000, script: late.yaml, sampling: {temperature: 1}}]
  - {family: script, provider: scripted, script: agent.yaml}
tasks: ["ml/*@L0"]
limits: {wall: 60s, memory: 512MiB, disk: 64MB, cpu_time: 500ms}
policy: policies/own.yaml
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "c.yaml"
    path.write_text(GOOD)
    return path


def names(config: Config, index: int = 0) -> list[tuple[str, int]]:
    return [(entry.name, entry.step) for entry in checkpoints_of(config.models[index])]


def test_a_number_is_a_checkpoint_and_none_is_the_family_itself(config: Path) -> None:
    loaded = load_config(config)
    assert names(loaded) == [("0", 0), ("150", 150), ("late", 2000)]
    assert names(loaded, 1) == [("script", 0)]


def test_limits_carry_units_and_become_seconds_and_bytes(config: Path) -> None:
    assert load_config(config).limits == {
        "wall": 60.0, "memory": 536_870_912, "disk": 64_000_000, "cpu_time": 0.5,
    }  # fmt: skip


def test_paths_start_from_the_configs_directory(config: Path, tmp_path: Path) -> None:
    loaded = load_config(config)
    assert loaded.models[0].script == str(tmp_path / "agent.yaml")
    assert checkpoints_of(loaded.models[0])[2].script == str(tmp_path / "late.yaml")
    assert loaded.policy == str(tmp_path / "policies/own.yaml")


def test_what_is_left_out_has_the_contracts_defaults(config: Path) -> None:
    loaded = load_config(config)
    assert (loaded.arms, loaded.repeats, loaded.retries, loaded.scaffold) == (["plain"], 1, 2, "minimal")
    assert loaded.sandbox.model_dump() == {
        "runtime": "auto", "image": "episode", "require_sensors": ["cgroup", "runner"], "degraded": False,
    }  # fmt: skip


def test_set_replaces_inside_lists_and_mappings(config: Path) -> None:
    changes = ("repeats=3", "models.0.checkpoints.0=7", "sandbox.runtime=runsc", "models.1.family=other")
    loaded = load_config(config, changes)
    assert (loaded.repeats, loaded.sandbox.runtime, loaded.models[1].family) == (3, "runsc", "other")
    assert names(loaded)[0] == ("7", 7)


def test_a_glob_finds_checkpoints_with_their_steps_in_order(config: Path, tmp_path: Path) -> None:
    for step in (20, 3):
        (tmp_path / f"step-{step}.yaml").write_text("turns: [submit]")
    loaded = load_config(config, (r"models.0.checkpoints={glob: 'step-*', step: 'step-(\d+)'}",))
    assert names(loaded) == [("step-3.yaml", 3), ("step-20.yaml", 20)]
    assert checkpoints_of(loaded.models[0])[0].script == str(tmp_path / "step-3.yaml")


def test_a_command_prints_one_checkpoint_a_line(config: Path) -> None:
    program = 'print(\'{"name": "a", "step": 1}\'); print(\'{"name": "b", "step": 2}\')'
    command = json.dumps({"command": [sys.executable, "-c", program]})
    assert names(load_config(config, (f"models.0.checkpoints={command}",))) == [("a", 1), ("b", 2)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("repaets=2", "repaets: unknown key; did you mean 'repeats'? choices: arms, harbor, limits, models, policy, "
         "profile, ray, repeats, retries, sandbox, scaffold, seed, suite, tasks, tracking, version"),
        ("models.0.provider=pockt", "models.0.provider: 'pockt' is unknown; did you mean 'pocket'? "
         "choices: anthropic, openai, pocket, replay, scripted"),
        ("models.0.rate={requests: 0}", "models.0.rate.requests: must be more than 0; it says 0"),
        ("models.0.checkpoints.2.nmae=x", "models.0.checkpoints.2.nmae: unknown key; did you mean 'name'? choices: "
         "api_key_env, base_url, model, name, price, provider, rate, recorded, run, sampling, script, step, strict"),
        ("models.0.checkpoints.0={name: x}", "models.0.checkpoints.0.step: is missing; add it"),
        ("models.0.checkpoints.1=0", "models.0.checkpoints.1.name: pocket/0 stands twice; "
         "give each checkpoint its own name"),
        ("models.0.checkpoints.1={name: x, step: 0}", "models.0.checkpoints.1.step: step 0 of pocket stands twice; "
         "give each checkpoint its own step"),
        ("models.0.checkpoints=[]", "models.0.checkpoints: must not be empty; it says []"),
        ("models.0.checkpoints={glob: 'x-*', step: '(.)'}", "models.0.checkpoints.glob: 'x-*' finds nothing; "
         "it starts from DIR"),
        ("models.0.checkpoints={command: [./nowhere]}", "models.0.checkpoints.command: cannot be run "
         "(No such file or directory); it starts in DIR"),
        ("repeats=0", "repeats: must be at least 1; it says 0"),
        ("repeats=true", "repeats: is not a whole number; it says True"),
        ("retries=1.5", "retries: is not a whole number; it says 1.5"),
        ("tasks=ml", "tasks: is not a list; it says 'ml'"),
        ("tasks=[]", "tasks: must not be empty; it says []"),
        ("sandbox.runtime=kata", "sandbox.runtime: 'kata' is unknown; choices: auto, runc, runsc"),
        ("limits.wall=3q", "limits.wall: '3q' is not a quantity; "
         "write a number with one of ms, s, m, min, h, for example 60s"),
        ("limits.time=3s", "limits.time: unknown key; known: wall, turns, model_tokens, cpus, cpu_time, memory, "
         "processes, disk, output, events, record"),
        ("limits.cpu_time=61s", "limits.cpu_time: cpu_time 61 s can never be used within wall 60 s × 1 cpus; "
         "lower cpu_time, or raise wall or cpus"),
        ("limits.disk=512MiB", "limits.disk: disk 536870912 B is not below memory 536870912 B, "
         "and the box's disks are charged to its memory; lower disk or raise memory"),
        ("scaffold={from: abc}", "scaffold.from: 'abc' is no id; give the 64 digits of an episode or of a scaffold"),
        ("scaffold={of: abc}", "scaffold: is no scaffold; name a shipped one, a directory, or {from: scaffold id or episode}"),
        ("suite=../x", "suite: does not match ^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$; it says '../x'"),
        ("models.0.sampling={temperature: -1}", "models.0.sampling.temperature: must be at least 0; it says -1"),
    ],
)  # fmt: skip
def test_a_mistake_names_file_key_and_remedy(config: Path, change: str, message: str) -> None:
    with pytest.raises(Mistake) as caught:
        load_config(config, (change,))
    assert str(caught.value) == f"{config}: {message.replace('DIR', str(config.parent))}"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("repeats", "--set: 'repeats' is not KEY=YAML; write for example repeats=2"),
        ("models.7=1", "--set: models.7: '7' is not an index of a list of 2; use 0 to 2"),
        ("suite.x=1", "--set: suite.x: there is no 'x' inside 'quick'; shorten the path"),
        (
            "suite=[}",
            "--set suite:1: expected the node content, but found '}'; correct the YAML at that line",
        ),
    ],
)
def test_a_set_that_leads_nowhere_says_so(config: Path, change: str, message: str) -> None:
    with pytest.raises(Mistake) as caught:
        load_config(config, (change,))
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("suite: a\nsuite: b\n", "c.yaml:2: the key 'suite' stands twice; correct the YAML at that line"),
        ("suite: a\nmodels: [\n", "c.yaml:3: expected the node content, but found '<stream end>'; "
         "correct the YAML at that line"),
        ("- a\n", "c.yaml: is not a mapping; start with suite, models and tasks"),
        ("suite: a\nlimits: 5\n", "c.yaml: limits: is not a mapping; write for example {wall: 60s}"),
    ],
)  # fmt: skip
def test_yaml_that_does_not_read_names_its_line(config: Path, text: str, message: str) -> None:
    config.write_text(text)
    with pytest.raises(Mistake) as caught:
        load_config(config)
    assert str(caught.value) == f"{config.parent}/{message}"


def test_a_config_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(Mistake) as caught:
        load_config(tmp_path / "no.yaml")
    assert str(caught.value) == (
        f"{tmp_path}/no.yaml: cannot be read (No such file or directory); name a readable YAML file"
    )


def test_the_shipped_quickstart_runs_all_pocket_checkpoints_at_all_that_pocket_learned() -> None:
    loaded = load_config(Path(experiments.__file__).parent / "configs" / "quickstart.yaml")
    assert [entry.step for entry in checkpoints_of(loaded.models[0])] == pocket.checkpoints()
    assert [str(entry) for entry in select(loaded.tasks)] == [f"{task}@L0" for task in TASKS]
    assert (len(pocket.checkpoints()), loaded.repeats, loaded.policy) == (8, 4, "quickstart")
