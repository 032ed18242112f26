"""Which process started which is read from the log alone."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from monitors.processes import Process, lineage
from sandbox.events import GENESIS, Event


def told(*facts: tuple[str, dict[str, Any]]) -> list[Event]:
    """Events, one a millisecond."""
    return [
        Event(number, 1_000 * number, "notify", kind, data, GENESIS, GENESIS)
        for number, (kind, data) in enumerate(facts)
    ]


def run(pid: int, ppid: int | None, started: int | None, *argv: str, kind: str = "process.exec") -> tuple[str, dict[str, Any]]:  # fmt: skip
    return kind, {"pid": pid, "ppid": ppid, "started": started, "path": argv[0], "argv": list(argv)}


def start(pid: int) -> tuple[str, dict[str, Any]]:
    return "program.start", {"pid": pid, "argv": ["python3"]}


def test_a_tree_of_programs_is_told_from_the_root() -> None:
    tree = lineage(
        told(
            start(13),
            run(13, 1, 100, "python3", "main.py"),
            run(15, 13, 120, "bash", "-c", "sleep 9 &"),
            run(16, 15, 121, "sleep", "9"),
        )
    )
    assert [(one.pid, one.parent, one.orphan, one.programs) for one in tree] == [
        (13, None, False, [["python3", "main.py"]]),
        (15, 0, False, [["bash", "-c", "sleep 9 &"]]),
        (16, 1, False, [["sleep", "9"]]),
    ]
    assert tree[2].as_json() == {
        "pid": 16, "started": 121, "parent": 1, "orphan": False, "programs": [["sleep", "9"]],
        "first": 3_000, "last": 3_000, "evidence": [3],
    }  # fmt: skip


def test_a_search_along_the_path_and_later_looks_are_one_program() -> None:
    (process,) = lineage(
        told(start(13), run(13, 1, 100, "a", "b"), run(13, 1, 100, "a", "b"), run(13, 1, 100, "a", "b", kind="process"),
             run(13, 1, 100, "", kind="process"))
    )  # fmt: skip
    assert (process.programs, process.evidence) == ([["a", "b"]], [1, 2, 3, 4])


def test_a_process_that_becomes_another_program_stays_itself() -> None:
    (process,) = lineage(told(start(13), run(13, 1, 100, "bash"), run(13, 1, 100, "python3")))
    assert process.programs == [["bash"], ["python3"]]


def test_a_number_that_is_used_again_is_another_process() -> None:
    tree = lineage(told(start(13), run(13, 1, 100, "a"), run(15, 13, 120, "b"), run(15, 13, 900, "b")))
    assert [(one.pid, one.started) for one in tree] == [(13, 100), (15, 120), (15, 900)]


def test_the_runner_becomes_the_parent_of_an_orphan_and_did_not_start_it() -> None:
    tree = lineage(told(start(13), run(13, 1, 100, "a"), run(17, 1, 150, "b"), run(18, None, 160, "c")))
    assert [(one.pid, one.parent, one.orphan) for one in tree] == [
        (13, None, False), (17, None, True), (18, None, True),
    ]  # fmt: skip


def test_who_loses_its_parent_later_keeps_it() -> None:
    tree = lineage(told(start(13), run(13, 1, 100, "a"), run(17, 13, 150, "b"), run(17, 1, 150, "c")))
    assert (tree[1].parent, tree[1].orphan) == (0, False)


def test_a_process_between_two_is_known_by_its_child() -> None:
    tree = lineage(told(start(13), run(13, 1, 100, "a"), run(17, 16, 150, "b")))
    assert [(one.pid, one.parent, one.orphan, one.programs) for one in tree] == [
        (13, None, False, [["a"]]), (16, None, True, []), (17, 1, False, [["b"]]),
    ]  # fmt: skip


def test_processes_of_a_grading_box_are_not_the_agents() -> None:
    assert lineage(told(("box.create", {"role": "grade"}), start(13), run(13, 1, 100, "a"))) == []


FACTS = st.lists(
    st.builds(
        run, st.integers(2, 6), st.one_of(st.none(), st.integers(1, 6)), st.one_of(st.none(), st.integers(0, 3)),
        st.sampled_from("ab"), kind=st.sampled_from(["process", "process.exec"]),
    ) | st.builds(start, st.integers(2, 6)),
    max_size=30,
)  # fmt: skip


@given(FACTS)
def test_whatever_is_told_gives_a_forest_that_holds_each_event_once(
    facts: list[tuple[str, dict[str, Any]]],
) -> None:
    events = told(*facts)
    tree: list[Process] = lineage(events)
    assert all(one.parent is None or one.parent < index for index, one in enumerate(tree))
    evidence = [seq for one in tree for seq in one.evidence]
    assert sorted(evidence) == [event.seq for event in events if event.kind != "program.start"]
