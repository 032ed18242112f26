"""Tasks are found, chosen by pattern, described by their file and drawn the same way every time."""

import shutil
from pathlib import Path

import pytest

from sandbox.errors import Mistake
from sandbox.limits import Limits
from tasks.facts import read_facts
from tasks.task import all_tasks, load_task, read_task, select

SEED = bytes(range(32))
FACTS = """
[metadata.tidegauge]
task_family = "ml"
version = "1.0.0"
arms = ["plain"]
start = "a"
reference = "b"
bound = "c"
agents = []
[metadata.tidegauge.levels.L0]
human_minutes = 3
"""


#: Every task of the suite with its levels, in suite order.
LEVELS = {
    "judgement/hpo": ["L0", "L1", "L2", "L3"],
    "judgement/scaling": ["L0", "L1", "L2", "L3"],
    "ml/clean": ["L0", "L1", "L2", "L3"],
    "ml/lm": ["L0", "L1", "L2", "L3", "L4"],
    "ml/tab": ["L0", "L1", "L2", "L3"],
    "performance/kernel": ["L0", "L1", "L2", "L3", "L4"],
    "performance/train": ["L0", "L1", "L2", "L3", "L4"],
    "replication/cloud": ["L0"],
    "research/debug": ["L0", "L1", "L2", "L3"],
    "research/fixweights": ["L0", "L1", "L2", "L3"],
    "research/repro": ["L0", "L1", "L2", "L3", "L4"],
    "selfmod/addtool": ["L0", "L1", "L2", "L3"],
    "selfmod/archive": ["L0", "L1", "L2", "L3", "L4"],
    "selfmod/memory": ["L0", "L1", "L2", "L3"],
    "selfmod/repair": ["L0", "L1", "L2", "L3"],
    "selfmod/scaffold": ["L0", "L1", "L2", "L3", "L4"],
}
SUITE = list(LEVELS)
ENTRIES = [f"{task}@{level}" for task, levels in LEVELS.items() for level in levels]


def test_the_suite_holds_these_tasks() -> None:
    assert [task.id for task in all_tasks()] == SUITE
    assert load_task(SUITE[0]) is all_tasks()[0]


def test_an_unknown_task_is_a_mistake_that_lists_the_choices() -> None:
    with pytest.raises(Mistake, match="no task 'ml/tabs'; known: " + ", ".join(SUITE)):
        load_task("ml/tabs")


@pytest.mark.parametrize(
    ("patterns", "chosen"),
    [
        (["ml/[ct]*@L0"], ["ml/clean@L0", "ml/tab@L0"]),
        (["selfmod/scaffold"], [entry for entry in ENTRIES if entry.startswith("selfmod/scaffold@")]),
        (["*"], ENTRIES),
        (["*/scaffold@L0", "ml/tab@L0", "ml/tab@L0"], ["ml/tab@L0", "selfmod/scaffold@L0"]),
    ],
)
def test_patterns_choose_entries_in_suite_order_and_once(patterns: list[str], chosen: list[str]) -> None:
    assert [str(entry) for entry in select(patterns)] == chosen


def test_a_pattern_that_names_nothing_is_a_mistake_with_its_place() -> None:
    with pytest.raises(Mistake) as caught:
        select(["ml/tab@L9"], where="run.yaml", key="tasks.0")
    assert str(caught.value) == (
        "run.yaml: tasks.0: no task matches 'ml/tab@L9'; did you mean ml/tab (L0 to L3)? choices: "
        "judgement/hpo (L0 to L3), judgement/scaling (L0 to L3), ml/clean (L0 to L3), ml/lm (L0 to L4), "
        "ml/tab (L0 to L3), performance/kernel (L0 to L4), performance/train (L0 to L4), replication/cloud (L0), "
        "research/debug (L0 to L3), research/fixweights (L0 to L3), research/repro (L0 to L4), "
        "selfmod/addtool (L0 to L3), selfmod/archive (L0 to L4), selfmod/memory (L0 to L3), "
        "selfmod/repair (L0 to L3), selfmod/scaffold (L0 to L4)"
    )


def test_the_limits_of_the_lowest_level_are_the_defaults() -> None:
    assert [task.limits("L0") for task in all_tasks()] == [Limits()] * len(SUITE)


@pytest.mark.parametrize("task_id", SUITE)
def test_each_task_ships_null_mid_ref_at_least_two_cheats_and_a_benign_agent(task_id: str) -> None:
    names = set(load_task(task_id).agents("L0"))
    assert {"null", "mid", "ref"} <= names
    assert sum(name.startswith("cheat_") for name in names) >= 2
    assert sum(name.startswith("benign_") for name in names) == 1


@pytest.mark.parametrize("task_id", SUITE)
def test_each_task_is_in_harbor_form(task_id: str) -> None:
    directory = load_task(task_id).directory
    for part in (
        "task.toml",
        "instruction.md",
        "environment/Dockerfile",
        "tests/test.sh",
        "solution/solve.sh",
    ):
        assert (directory / part).is_file(), part


@pytest.mark.parametrize("task_id", SUITE)
def test_an_instruction_fits_a_small_context(task_id: str) -> None:
    assert len((load_task(task_id).directory / "instruction.md").read_text().split()) <= 80


@pytest.mark.parametrize("task_id", SUITE)
def test_a_seed_gives_the_same_world_byte_for_byte_and_another_seed_another(task_id: str) -> None:
    task = load_task(task_id)
    assert task.draw(SEED, "L0", "plain").files == task.draw(SEED, "L0", "plain").files
    assert task.draw(SEED, "L0", "plain").files != task.draw(bytes(32), "L0", "plain").files


@pytest.mark.parametrize("task_id", SUITE)
def test_worlds_lay_out_task_and_work_only(task_id: str) -> None:
    paths = [file.path for file in load_task(task_id).draw(SEED, "L0", "plain").files]
    assert "task/instruction.md" in paths
    assert {path.split("/")[0] for path in paths} <= {"task", "work"}
    assert len(paths) == len(set(paths))


def test_an_unknown_level_or_arm_is_a_mistake() -> None:
    with pytest.raises(Mistake, match="no level 'L9'; known: L0"):
        load_task("ml/tab").draw(SEED, "L9", "plain")
    with pytest.raises(Mistake, match="no arm 'nudged'; known: plain"):
        load_task("ml/tab").draw(SEED, "L0", "nudged")


def test_the_digest_covers_every_file_of_the_task() -> None:
    digests = {task.tree_digest for task in all_tasks()}
    assert len(digests) == len(SUITE)
    assert all(len(digest) == 64 for digest in digests)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "not a task: no such file"),
        ("[metadata]", "metadata.tidegauge: missing"),
        ("[metadata", "not TOML"),
        (FACTS + "colour = 1", "metadata.tidegauge.levels.L0.colour: Extra inputs are not permitted"),
        (FACTS + "limits = {wall = '1 week'}", "limits.wall: '1 week' is not a quantity"),
        (FACTS + "limits = {cpu_time = '90s'}", "can never be used"),
        (FACTS.replace("[]", "['null']"), "agents/null.yaml does not exist"),
        (FACTS.replace('bound = "c"', 'bound = "c"\ncheats = ["cheat.unheard"]'), "unknown finding code"),
        (
            FACTS + "[metadata.tidegauge.acts]\nacts_a = 'credential.use'",
            "for each agent acts_* and for no other",
        ),
    ],
)
def test_a_task_file_of_another_form_is_a_mistake(tmp_path: Path, text: str | None, problem: str) -> None:
    if text is not None:
        (tmp_path / "task.toml").write_text(text)
    with pytest.raises(Mistake) as caught:
        read_facts(tmp_path)
    assert problem in str(caught.value)


def test_a_level_may_have_scripts_of_its_own(tmp_path: Path) -> None:
    directory = tmp_path / "suite" / "ml" / "tab"
    shutil.copytree(load_task("ml/tab").directory, directory)
    (directory / "agents" / "L0").mkdir(exist_ok=True)
    (directory / "agents" / "L0" / "mid.yaml").write_text("turns: [submit]")
    agents = read_task(directory, tmp_path / "suite", "tasks.suite").agents("L0")
    assert agents["mid"] == directory / "agents" / "L0" / "mid.yaml"
    assert agents["null"] == directory / "agents" / "null.yaml"


def test_a_file_that_a_world_draws_takes_the_place_of_the_tasks_own() -> None:
    task = load_task("research/fixweights")
    own = (task.directory / "instruction.md").read_bytes()
    lowest, next_ = (
        {file.path: file.content for file in task.draw(SEED, level, "plain").files} for level in ("L0", "L1")
    )
    assert lowest["task/instruction.md"] == own != next_["task/instruction.md"]
