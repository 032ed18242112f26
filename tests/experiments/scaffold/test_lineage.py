"""The lineage of scaffolds, from run directories with known versions and gains."""

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from experiments.reading.reading import load_view
from experiments.reporting.lineage_svg import MAX_NODES, lineage_svg
from experiments.reporting.report import html
from experiments.results import lineage as lineages
from experiments.results.disclosure import disclosure
from experiments.results.lineage import Lineage, lineage
from experiments.tracking.tracked import common
from monitors.edits.edit import Edit
from tests.experiments.scaffold.handmade import BOTH, TURNS, VOTES, Files, Run, content_id
from tests.monitors.edits.seed import SEED


@pytest.fixture
def first(tmp_path: Path) -> Run:
    return Run(tmp_path, "first", 1)


def node(found: Lineage, files: Files) -> dict[str, Any]:
    (one,) = [node.as_json() for node in found.nodes if node.id == content_id(files)]
    return one


def test_a_version_is_one_however_it_was_laid_out_and_whoever_made_it(first: Run) -> None:
    first.episode(SEED, VOTES)
    first.episode(SEED, VOTES, world=1)
    first.episode(SEED, SEED)
    found = lineage(first.path)
    assert len(found.nodes) == 2 and len(found.edges) == 1
    assert node(found, SEED) | {"id": ""} == {
        "id": "", "origin": "given", "depth": 0, "effective_depth": 0, "debt": 0, "canary": None, "started": 3, "ended": 1,
    }  # fmt: skip
    assert found.edges[0].as_json()["episodes"] == [first.digest("first 0"), first.digest("first 1")]


def test_the_lineage_says_the_same_spread_over_processes(first: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    looser = {**SEED, "config.yaml": "limits: {turns: 999}\n"}
    for world, child in enumerate((VOTES, TURNS, BOTH, looser)):
        first.episode(SEED, child, world=world)
    first.episode(VOTES, BOTH, world=9)
    here = lineage(first.path).as_json()
    assert len(here["edges"]) == 5
    monkeypatch.setattr(lineages, "WORTHWHILE", 0)
    assert lineage(first.path).as_json() == here


def test_gains_are_paired_by_world_with_an_interval(first: Run) -> None:
    rows = [(0.5, 0.9), (0.55, 0.8), (0.6, 1.0), (0.65, 0.9), (0.7, 0.9), (0.6, 0.9)]
    for world, (y, dev) in enumerate(rows):
        first.episode(SEED, VOTES, world=world, y=y, begin=0.2, dev=(0.2, dev))
    (edge,) = lineage(first.path).edges
    held, gap = edge.gain_held, edge.overfit_gap
    # Gains 0.3 to 0.5: mean 0.4, s = 0.0707; Student's half-width 2.571 s / √6 = 0.074, the bootstrap's 0.086.
    assert [round(value or 0, 3) for value in (held.mean, held.low, held.high)] == [0.4, 0.314, 0.486]
    assert (held.n, held.clusters) == (6, 6)
    assert edge.gain_dev.mean == pytest.approx(0.7) and gap.mean == pytest.approx(0.3)
    assert edge.effective


def test_gains_elsewhere_are_of_episodes_begun_with_the_one_and_the_other(tmp_path: Path, first: Run) -> None:
    first.episode(SEED, VOTES, y=0.5)
    second = Run(tmp_path, "second", 2)
    for world, (before, after) in enumerate([(0.2, 0.5), (0.3, 0.5), (0.4, 0.8)]):
        first.episode(SEED, SEED, world=world, y=0.0, task="ml/tab", strict=before, turns=4)
        second.episode(VOTES, VOTES, world=world, y=0.0, task="ml/tab", strict=after, turns=7)
    second.episode(
        VOTES, VOTES, world=9, y=0.0, task="ml/tab", strict=0.0
    )  # nobody began with the other there
    second.episode(VOTES, VOTES, y=0.0, strict=0.0)  # at home, where the edit was made
    (edge,) = lineage(first.path, second.path).edges
    moved = edge.gain_transfer
    # Gains 0.3, 0.2, 0.4, and none is over 2: Gaffke's interval.
    assert [round(value or 0, 3) for value in (moved.mean, moved.low, moved.high)] == [0.3, -1.328, 1.503]
    assert (moved.n, moved.clusters) == (3, 3)
    turns = edge.behaviour["turns"]
    assert (turns.mean, turns.n) == (2.25, 4), (
        "three more in each of three worlds, as many in the one at home"
    )
    told = edge.as_json()
    assert told["behaviour"]["commands"]["cause"] == "not measured: no episodes began with both"
    assert told["gain_rate"] == {"per_edit": 0.3, "per_1k_tokens": 0.3 / 0.11, "per_hour": None}
    (alone,) = lineage(first.path).edges
    assert alone.as_json()["gain_transfer"]["cause"] == (
        "not measured: no episodes began with both at a task of another family"
    )


def test_an_edit_that_was_taken_back_says_so(first: Run) -> None:
    first.episode(SEED, VOTES)
    first.episode(VOTES, SEED, world=1)
    first.episode(SEED, TURNS, world=2)
    back = {(edge.parent, edge.child): edge.taken_back for edge in lineage(first.path).edges}
    seed, votes, turns = map(content_id, (SEED, VOTES, TURNS))
    assert back == {(seed, votes): True, (votes, seed): True, (seed, turns): False}


def test_an_edge_has_the_standard_error_of_its_gain_over_the_questions_where_every_episode_tells_it(
    first: Run,
) -> None:
    first.episode(SEED, VOTES, world=0, y=0.5, paired=(0.25, 0.03))
    first.episode(SEED, VOTES, world=1, y=0.5, paired=(0.35, 0.04))
    (edge,) = lineage(first.path).edges
    assert edge.gain_held.mean == pytest.approx(0.3)
    assert edge.as_json()["held_se"] == pytest.approx(0.025)
    first.episode(SEED, VOTES, world=2, y=0.5)
    assert lineage(first.path).edges[0].as_json()["held_se"] is None


def test_what_was_not_measured_is_a_cause_and_no_number(first: Run) -> None:
    first.episode(SEED, VOTES, y=0.5)
    (edge,) = lineage(first.path).edges
    assert edge.gain_held.mean == pytest.approx(0.3) and edge.gain_held.low is None
    assert edge.as_json()["gain_held"]["cause"] == "no interval from one world"
    assert edge.as_json()["gain_dev"] == {
        "mean": None, "low": None, "high": None, "n": 0, "worlds": 0,
        "cause": "not measured: no grading on development material",
    }  # fmt: skip
    assert edge.as_json()["cost"] == {
        "tokens_in": 100, "tokens_out": 10, "turns": 2, "cpu_s": None, "wall_s": None, "cost": None,
    }  # fmt: skip
    assert not edge.effective


def test_a_later_run_continues_the_line_and_inherits_the_debt_until_it_is_taken_back(
    first: Run, tmp_path: Path
) -> None:
    for world, y in enumerate([0.5, 0.55, 0.6, 0.65, 0.7]):
        first.episode(SEED, TURNS, world=world, y=y)
    second, third = Run(tmp_path, "second", 2), Run(tmp_path, "third", 3)
    second.episode(TURNS, BOTH)
    third.episode(BOTH, VOTES)
    found = lineage(third.path, first.path, second.path)
    facts = {name: node(found, files) for name, files in (("turns", TURNS), ("both", BOTH), ("votes", VOTES))}
    assert {name: (one["depth"], one["effective_depth"], one["debt"]) for name, one in facts.items()} == {
        "turns": (1, 1, 1), "both": (2, 1, 1), "votes": (3, 1, 0),
    }  # fmt: skip
    assert (found.depth, found.effective_depth) == (3, 1)
    assert dict(next(edge.codes for edge in found.edges if edge.child == content_id(TURNS))) == {
        "scaffold.limits": 1
    }


def test_a_version_that_was_given_is_no_descendant_of_what_led_back_to_it(first: Run) -> None:
    first.episode(SEED, VOTES)
    first.episode(VOTES, SEED)
    assert {one.origin for one in lineage(first.path).nodes} == {"given"}


@pytest.mark.parametrize(
    ("path", "touches", "prose", "share"),
    [
        ("config.json", "config.json:", "i changed nothing", 0.0),
        ("main.py", "form", "performance remains as it was", 0.0),
        ("main.py", "run.answer_to", "i rewrote answer_to.", 1.0),
        ("tools/shell.py", "lines", "see `shell.py`", 1.0),
    ],
)
def test_an_edit_was_told_of_where_its_file_or_what_it_touches_is_a_word(
    path: str, touches: str, prose: str, share: float
) -> None:
    assert disclosure([Edit("code", path, touches)], [prose])["named"] == share


def test_disclosure_is_what_was_named_in_prose_and_not_in_commands(first: Run, tmp_path: Path) -> None:
    first.episode(SEED, TURNS, said="I raise the turns.\n```bash\nsed main.py\n```")
    assert lineage(first.path).edges[0].disclosure == {"named": 1.0, "claims_named": 1.0, "cause": None}
    second = Run(tmp_path, "second", 2)
    second.episode(SEED, TURNS, said="```bash\nsed turns config.json\n```")
    assert lineage(second.path).edges[0].disclosure == {
        "named": None, "claims_named": None, "cause": "nothing was written beside commands",
    }  # fmt: skip


def test_an_end_that_was_not_taken_is_counted_and_gives_no_edge(first: Run) -> None:
    first.episode(SEED, None)
    first.episode(SEED, VOTES, status="infrastructure")
    found = lineage(first.path)
    assert (len(found.edges), found.unread) == (0, 1)


def test_the_picture_is_one_svg_that_says_what_it_shows(first: Run) -> None:
    first.episode(SEED, TURNS, y=0.5)
    picture = lineage_svg(lineage(first.path))
    root = ET.fromstring(picture)
    texts = [element.text or "" for element in root.iter()]
    assert "Lineage of scaffolds: 2 versions, 1 made by agents, depth 1, effective depth 0" in texts
    assert "+0.30" in texts
    assert any("oversight debt 1" in text for text in texts)
    assert 'class="edge claim"' in picture and 'class="node debt"' in picture
    assert "script" not in picture and "href" not in picture


def test_a_picture_of_many_versions_is_bounded_and_says_so(first: Run) -> None:
    for number in range(MAX_NODES + 5):
        first.episode(SEED, {**SEED, "a.md": str(number)})
    picture = lineage_svg(lineage(first.path))
    assert picture.count("<rect") == MAX_NODES
    assert "; 6 not drawn" in picture


def test_a_run_without_edits_has_a_picture_too(first: Run) -> None:
    assert ET.fromstring(lineage_svg(lineage(first.path))) is not None


def test_the_report_draws_it_with_what_each_change_was_worth(first: Run) -> None:
    for world, y in enumerate([0.5, 0.55, 0.6, 0.65, 0.7, 0.6]):
        first.episode(SEED, VOTES, world=world, y=y, begin=0.2)
    page = html(load_view(first.path, check=False), None)
    assert page.count('<svg xmlns="http://www.w3.org/2000/svg" class="lineage"') == 1
    assert "2 versions, depth 1, effective depth 1." in page
    assert "+0.40 [+0.31, +0.49]" in page


def test_the_tracking_server_gets_it_as_a_picture_and_as_data(first: Run) -> None:
    first.episode(SEED, SEED)
    assert common(load_view(first.path, check=False), None).lineage == {}
    first.episode(SEED, VOTES, world=1)
    given = common(load_view(first.path, check=False), None).lineage
    assert given["lineage.svg"].startswith("<svg xmlns=") and '"depth":1' in given["lineage.json"]
