"""Public tasks are found in directories, and those that cannot run are named before anything begins."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.errors import Mistake
from tasks.harbor.directory import find


def test_a_directory_of_tasks_is_taken_in_the_order_of_their_names(public_task: Callable[..., Path]) -> None:
    place = public_task("b").parent
    public_task("a")
    assert [task.id for task in find([str(place)], [], offline=False, where="c")] == ["harbor/a", "harbor/b"]
    assert [task.id for task in find([str(place)], ["a"], offline=False, where="c")] == ["harbor/b"]
    assert [task.id for task in find([str(place / "a")], [], offline=False, where="c")] == ["harbor/a"]
    public_task("long")
    assert [task.id for task in find([f"{place}/*"], ["?"], offline=False, where="c")] == ["harbor/long"]


def test_tasks_may_lie_in_directories_of_their_own_in_a_data_set(
    public_task: Callable[..., Path], tmp_path: Path
) -> None:
    place = public_task("a").parent
    for kept_in, name in (("sets/0a1b", "a"), ("sets/.git", "b"), ("sets/one/two", "c")):
        (tmp_path / kept_in).mkdir(parents=True)
        (public_task(name)).rename(tmp_path / kept_in / name)
    assert [task.id for task in find([f"{tmp_path}/sets"], [], offline=False, where="c")] == ["harbor/a"]
    (place / "empty").mkdir()
    with pytest.raises(Mistake, match="holds no task"):
        find([f"{place}/empty"], [], offline=False, where="c")


def test_of_several_that_cannot_run_the_first_is_explained_and_all_are_named(
    public_task: Callable[..., Path],
) -> None:
    for name in ("a", "b", "c"):
        place = public_task(
            name, environment="gpus = 1" if name != "a" else 'network_mode = "no-network"'
        ).parent
    with pytest.raises(Mistake) as told:
        find([str(place)], [], offline=False, where="c")
    assert str(told.value) == (
        f"{place}/b/task.toml: environment.gpus: not run here: there is no GPU in a box (and 1 more of 3 tasks); "
        "leave the task out with harbor.skip; to leave out all of them, harbor: {skip: [b, c]}"
    )


def test_a_name_that_skips_nothing_is_a_mistake(public_task: Callable[..., Path]) -> None:
    place = public_task("a").parent
    with pytest.raises(Mistake, match=r"harbor\.skip: no task 'x'"):
        find([str(place)], ["x"], offline=False, where="c")
