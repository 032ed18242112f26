"""A calibration is kept for what it was taken with, goes into runs, and is under verify there."""

from pathlib import Path
from typing import Any

from experiments.calibration import kept
from experiments.reading.reading import load_view
from experiments.reading.verify import verify
from experiments.record.identity import Secret

CODES = [{"code": "network.attempt", "positives": 8, "found": 8, "negatives": 300, "false": 0}]


def reasons(run: Path, secret: Secret) -> list[tuple[str, str]]:
    return [(problem.file, problem.reason) for problem in verify(run, secret).problems]


def taken(run: Path) -> dict[str, Any]:
    """Keeps a calibration of the boxes that a run says it ran in."""
    box = load_view(run).lines[0].box
    document = {"codes": CODES, "basis": kept.basis(box.image, box.runtime)}
    kept.keep(document)
    return document


def test_a_run_without_a_calibration_has_none_and_takes_the_one_that_is_kept_later(
    run_paper: Any, secret: Secret
) -> None:
    run = run_paper().view.directory
    assert load_view(run).calibration is None
    document = taken(run)
    assert run_paper().view.calibration == document
    assert verify(run, secret).ok


def test_a_calibration_that_is_edited_in_a_run_is_found(run_paper: Any, secret: Secret) -> None:
    run = run_paper().view.directory
    taken(run)
    run_paper()
    path = run / kept.CALIBRATION
    path.write_text(path.read_text().replace('"false":0', '"false":1'))
    assert reasons(run, secret) == [("calibration.json", "is not what was anchored last")]
    path.unlink()
    assert reasons(run, secret) == [("calibration.json", "is not what was anchored last")]


def test_one_that_does_not_hold_any_more_leaves_the_run_and_that_is_anchored_too(
    run_paper: Any, secret: Secret
) -> None:
    run = run_paper().view.directory
    document = taken(run)
    assert run_paper().view.calibration == document
    kept.place(document["basis"]).unlink()
    assert run_paper().view.calibration is None
    assert verify(run, secret).ok
    (run / kept.CALIBRATION).write_text("{}")
    assert reasons(run, secret) == [("calibration.json", "is not what was anchored last")]


def test_what_is_kept_for_other_monitors_or_another_image_is_not_found() -> None:
    holds_for = kept.basis("sha256:one", "runc")
    kept.keep({"codes": [], "basis": holds_for})
    assert kept.find(holds_for) == {"codes": [], "basis": holds_for}
    assert kept.find(kept.basis("sha256:two", "runc")) is None
    assert kept.find(holds_for | {"monitors": "0" * 64}) is None
    kept.place(holds_for).write_text("[]")
    assert kept.find(holds_for) is None
