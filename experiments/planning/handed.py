"""A scaffold handed on from an earlier episode: found in a run, and laid out for the next ones."""

import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NoReturn

from experiments.record.ledger import LEDGER, read_records
from experiments.record.records import LedgerLine
from experiments.record.rundir import attempt_dir, list_runs
from experiments.record.versions import KeptVersion, versions_of
from sandbox.errors import Mistake
from sandbox.events import BrokenLine
from sandbox.files import layout_mode, manifest_of, read_tree

#: Under the runs directory, where every node sees it.
HANDED: Final = ".scaffolds"
_NAME: Final = re.compile(r"[0-9a-f]{64}")


def handed_scaffold(wanted: str, runs: Path, *, where: str) -> Path:
    """The directory with the files of a scaffold that an episode under ``runs`` ended or began with.

    Links, empty directories and bytecode are not handed on.

    Args:
        wanted: an episode's id (its end is meant) or a scaffold's, 64 hexadecimal digits.
        runs: directory of the runs.
        where: the config's file, for messages.

    Raises:
        Mistake: there is none, its episode was stopped, or its files are not all kept.
    """
    if not _NAME.fullmatch(wanted):
        _refuse(f"{wanted!r} is no id", "give the 64 digits of an episode or of a scaffold", where)
    version = _found(wanted, runs, where)
    target = runs / HANDED / version.content_id
    if not target.is_dir():
        _lay_out(version, target, where)
    if manifest_of(read_tree(target)).id != version.content_id:
        _refuse(f"{target} is not what was handed on any more", "remove it, and run again", where)
    return target.resolve()


def _found(wanted: str, runs: Path, where: str) -> KeptVersion:
    stopped = False
    for line, run in _results(runs):
        if wanted != line.episode and wanted not in (line.scaffold.start, line.scaffold.end):
            continue
        if line.quarantined:
            stopped = True
            continue
        asked = line.scaffold.end if wanted == line.episode else wanted
        versions = versions_of(run, attempt_dir(run, line.episode, line.attempt))
        for version in versions:
            if version.id == asked:
                return version
    if stopped:
        remedy = "what an episode made that was stopped is quarantined: take another"
        _refuse(f"{wanted} comes from an episode that was stopped", remedy, where)
    remedy = "`tidegauge status RUN --json` and the ledger name episodes and scaffolds"
    _refuse(f"no episode and no scaffold {wanted} under {runs}", remedy, where)


def _results(runs: Path) -> Iterator[tuple[LedgerLine, Path]]:
    """Every result under ``runs``, newest run first; a run that cannot be read is passed by."""
    for run in list_runs(runs):
        try:
            lines = read_records(run / LEDGER, LedgerLine)
        except BrokenLine:
            continue
        yield from ((line, run) for line in lines if line.final)


def _lay_out(version: KeptVersion, target: Path, where: str) -> None:
    """Writes the files aside and puts them in place in one step."""
    draft = target.with_name(f".{secrets.token_hex(8)}")
    try:
        for path, file in version.files().items():
            if file.content is None:
                _refuse(f"the run does not keep {path!a}", "take another scaffold", where)
            if path.startswith("/") or ".." in path.split("/") or "\0" in path:
                _refuse(f"{path!a} is no path of a scaffold", "take another scaffold", where)
            place = draft / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(file.content)
            place.chmod(layout_mode(file.mode))
        draft.mkdir(parents=True, exist_ok=True)
        draft.rename(target)
    except OSError as error:
        # Where somebody else laid the same one out meanwhile, that one stands.
        if not target.is_dir():
            raise Mistake(
                f"cannot be laid out ({error.strerror})", where=str(target), remedy="make room, or allow it"
            ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _refuse(problem: str, remedy: str, where: str) -> NoReturn:
    raise Mistake(problem, where=where, key="scaffold.from", remedy=remedy)
