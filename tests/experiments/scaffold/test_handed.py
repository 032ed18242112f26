"""``scaffold: {from: …}``: what an earlier episode made is what the next ones begin with."""

from pathlib import Path

import pytest

from experiments.planning.handed import handed_scaffold
from sandbox.errors import Mistake
from sandbox.files import manifest_of, read_tree
from tests.experiments.scaffold.handmade import TURNS, VOTES, Run, content_id
from tests.monitors.edits.seed import SEED


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path, "a" * 62, 1)


def laid_out(run: Run, wanted: str) -> str:
    """Id of what is laid out for ``wanted``."""
    return manifest_of(read_tree(handed_scaffold(wanted, run.path.parent, where="c.yaml"))).id


def test_an_episode_hands_on_what_it_ended_with(run: Run) -> None:
    episode = run.episode(SEED, VOTES)
    assert laid_out(run, episode) == content_id(VOTES)


def test_a_scaffold_is_found_by_its_id_at_either_end(run: Run) -> None:
    run.episode(SEED, VOTES)
    assert laid_out(run, run.version_id("start", SEED)) == content_id(SEED)
    assert laid_out(run, run.version_id("end", VOTES)) == content_id(VOTES)


def test_what_was_handed_on_is_laid_out_once_and_checked(run: Run) -> None:
    episode = run.episode(SEED, VOTES)
    place = handed_scaffold(episode, run.path.parent, where="c.yaml")
    assert handed_scaffold(episode, run.path.parent, where="c.yaml") == place
    (place / "main.py").write_text("changed")
    with pytest.raises(Mistake, match="is not what was handed on any more"):
        handed_scaffold(episode, run.path.parent, where="c.yaml")


def test_what_a_stopped_episode_made_is_not_handed_on(run: Run) -> None:
    episode = run.episode(SEED, TURNS, status="stopped")
    with pytest.raises(Mistake, match="comes from an episode that was stopped"):
        laid_out(run, episode)


def test_a_file_that_is_not_kept_or_leaves_the_scaffold_is_refused(run: Run, tmp_path: Path) -> None:
    first = run.episode(SEED, {**SEED, "x.md": "gone"})
    (run.path / "blobs" / run.digest("gone")).unlink()
    second = run.episode(SEED, {**SEED, "../../out.md": "out"})
    for episode, message in ((first, "does not keep 'x.md'"), (second, "is no path of a scaffold")):
        with pytest.raises(Mistake, match=message):
            laid_out(run, episode)
    assert not (tmp_path / "out.md").exists()
    assert list((tmp_path / ".scaffolds").iterdir()) == []


def test_an_id_that_nobody_has_is_told(run: Run) -> None:
    with pytest.raises(Mistake, match="no episode and no scaffold 0000"):
        laid_out(run, "0" * 64)
