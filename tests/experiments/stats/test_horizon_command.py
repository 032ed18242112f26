"""``tidegauge horizon`` re-analyses runs made elsewhere, and a run's own checkpoints."""

import json
from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from experiments.cli import run_command
from experiments.reporting.axes import duration

GOOD = {
    "alias": "m1", "task_id": "web/1", "task_family": "web", "human_minutes": 4.0, "score_binarized": 1,
    "score_cont": 0.7, "task_source": "HCAST", "started_at": 1.5e12, "fatal_error_from": None,
}  # fmt: skip


def write(path: Path, *lines: dict[str, Any] | str) -> str:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(texts) + "\n", "utf-8")
    return str(path)


def asked(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    code = run_command(["horizon", *arguments, "--json"])
    said = capsys.readouterr()
    return code, json.loads(said.out) if code == 0 else said.err


def published(agents: dict[str, int]) -> list[dict[str, Any]]:
    """32 families of two tasks, four runs each: success up to an agent's octave, and a few lucky runs."""
    rng = np.random.default_rng(2)
    lines = []
    for agent, most in agents.items():
        for f in range(32):
            for t in range(2):
                octave = (f + 16 * t) % 11
                chance = 1 / (1 + 4.0 ** (octave - most))
                lines += [
                    {**GOOD, "alias": agent, "task_id": f"{f}/{t}", "task_family": f"{f}",
                     "human_minutes": 2.0**octave, "score_binarized": int(rng.random() < chance)}
                    for _ in range(4)
                ]  # fmt: skip
    return lines


def test_runs_made_elsewhere_give_the_contracts_form(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path / "runs.jsonl", *published({"m1": 3, "m2": 6}))
    dates = write(
        tmp_path / "dates.yaml", "date:", "  m1: 2024-01-01", "  m2: 2025-01-01", "  other: 2020-02-02"
    )
    code, document = asked(capsys, file, "--dates", dates, "--draws", "400", "--compare", "m2", "m1")
    assert code == 0
    first = document["agents"]["m1"]
    assert {"p50", "p50_ci", "p80", "p80_ci", "runs", "draws_skipped"} <= first.keys()
    assert (first["runs"], first["tasks"], first["task_families"], first["draws_skipped"]) == (256, 64, 32, 0)
    assert first["p50_ci"][0] < first["p50"] < first["p50_ci"][1]
    assert first["p50"] == pytest.approx(8, rel=0.5)
    assert first["p80"] < first["p50"] < document["agents"]["m2"]["p50"]
    low, high = document["doubling_days_ci"]
    # Three octaves in a year.
    assert document["doubling_days"] == pytest.approx(122, rel=0.3) and low < document["doubling_days"] < high
    assert document["doubling"] == {"agents": ["m1", "m2"], "cause": None}
    assert document["comparison"]["probability"] == 1.0
    assert document["comparison"]["ratio"] == pytest.approx(document["agents"]["m2"]["p50"] / first["p50"])


def test_published_runs_with_their_own_weights_give_an_exact_optimisers_horizons(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The weights that METR publishes with its runs, by scikit-learn; here each agent met other tasks, unevenly often."""
    rng = np.random.default_rng(4)
    lines = [line for line in published({"m1": 2, "m2": 5, "m3": 8}) if rng.random() < 0.7]
    of_task = Counter((line["alias"], line["task_id"]) for line in lines)
    of_family = Counter((alias, task.split("/")[0]) for alias, task in of_task)
    for line in lines:
        alias, runs = line["alias"], of_task[line["alias"], line["task_id"]]
        line["invsqrt_task_weight"] = 1 / (runs * of_family[alias, line["task_family"]] ** 0.5)
    code, document = asked(capsys, write(tmp_path / "runs.jsonl", *lines), "--draws", "0")
    assert code == 0
    for agent in ("m1", "m2", "m3"):
        mine = [line for line in lines if line["alias"] == agent]
        weights = np.array([line["invsqrt_task_weight"] for line in mine])
        model = LogisticRegression(C=1e5, tol=1e-10, max_iter=100_000, solver="newton-cholesky")
        model.fit(
            np.log2([[line["human_minutes"]] for line in mine]),
            [line["score_binarized"] for line in mine],
            sample_weight=weights / weights.sum(),
        )
        for share, key in ((0.5, "p50_fit"), (0.8, "p80_fit")):
            octaves = (np.log(share / (1 - share)) - model.intercept_[0]) / model.coef_[0, 0]
            assert document["agents"][agent][key] == pytest.approx(2**octaves, rel=1e-6)


def test_a_picture_has_a_row_for_each_agent_in_the_order_of_their_dates(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [*published({"late": 6, "<b>early": 3}), {**GOOD, "alias": "lucky"}]
    dates = write(tmp_path / "dates.yaml", "late: 2025-01-01", "'<b>early': 2024-01-01")
    picture = tmp_path / "horizons.svg"
    arguments = ("--draws", "200", "--dates", dates, "--plot", str(picture))
    code, document = asked(capsys, write(tmp_path / "runs.jsonl", *lines), *arguments)
    root = ElementTree.fromstring(picture.read_text("utf-8"))
    said = [element.text or "" for element in root.iter()]
    rows = ["<b>early · 2024-01-01", "late · 2025-01-01", "lucky"]
    assert code == 0 and [text for text in said if text in rows] == rows
    assert "no horizon: none of 1 runs failed" in said
    hovered = [text for text in said if text.startswith("late, p50: ")]
    (low, high), p50 = document["agents"]["late"]["p50_ci"], document["agents"]["late"]["p50"]
    assert hovered == [f"late, p50: {duration(p50)} [{duration(low)}, {duration(high)}]"]
    dots = {e.attrib["class"]: float(e.attrib["cx"]) for e in root.iter() if e.tag.endswith("circle")}
    assert dots["p80"] < dots["p50"]


def test_the_penalty_is_a_parameter(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The strong penalty flattens the slope, which lowers p80 of the same p50."""
    file = write(tmp_path / "runs.jsonl", *published({"m1": 5}))
    slopes = [
        asked(capsys, file, "--lambda", penalty, "--draws", "0")[1]["agents"]["m1"]["slope"]
        for penalty in ("1e-5", "0.1")
    ]
    assert slopes[0] < slopes[1] < 0


def test_without_draws_there_is_a_point_and_the_cause(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path / "runs.jsonl", *published({"m1": 5}))
    agent = asked(capsys, file, "--draws", "0")[1]["agents"]["m1"]
    assert agent["p50"] is not None and agent["p50_ci"] is None
    assert agent["causes"]["p50_ci"] == "no interval without draws"


def test_the_text_shows_intervals_causes_and_growth(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [*published({"m1": 5}), {**GOOD, "alias": "m\x1b[2J0", "score_binarized": 0}]
    assert run_command(["horizon", write(tmp_path / "r.jsonl", *lines), "--draws", "300"]) == 0
    out = capsys.readouterr().out
    assert "m1" in out and "m[2J0, p50 and p80: no horizon: none of 1 runs succeeded" in out
    assert "doubling time: no dates" in out and "\x1b" not in out


def without(key: str) -> dict[str, Any]:
    return {k: v for k, v in GOOD.items() if k != key}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "FILE:3: is not JSON; each line"),
        ("[1]", "FILE:3: is not a JSON object; each line"),
        (without("alias"), "FILE:3: agent: is missing; each line"),
        (without("task_id"), "FILE:3: task_id: is missing; each line"),
        ({**GOOD, "task_family": 7}, "FILE:3: task_family: is not a name; write a text that is not empty"),
        (without("human_minutes"), "FILE:3: human_minutes: is missing; each line"),
        ({**GOOD, "human_minutes": 0}, "FILE:3: human_minutes: 0 is no length; write minutes above 0"),
        ({**GOOD, "human_minutes": "4"}, "FILE:3: human_minutes: is not a number; write a number, without quotes"),
        ('{"alias": "m", "task_id": "t", "task_family": "f", "human_minutes": NaN, "score_cont": 1}',
         "FILE:3: human_minutes: nan is no length; write minutes above 0"),
        ({**GOOD, "human_minutes": 10**400}, "FILE:3: human_minutes: is too large; write a number of this world"),
        ({**without("score_binarized"), "score_cont": None}, "FILE:3: score_binarized: is missing; each line"),
        ({**GOOD, "score_binarized": 0.5},
         "FILE:3: score_binarized: 0.5 is neither 0 nor 1; use score_cont for shares"),
        ({**without("score_binarized"), "score_cont": 1.2},
         "FILE:3: score_cont: 1.2 lies outside 0 to 1; scale it to 0 to 1"),
        ({**GOOD, "human_minutes": 5},
         "FILE:3: human_minutes: task 'web/1' has 5 here and 4 in line 1; a task has one length"),
        ({**GOOD, "task_family": "net"},
         "FILE:3: task_family: task 'web/1' is of 'net' here and of 'web' in line 1; a task has one family"),
    ],
)  # fmt: skip
def test_a_broken_line_is_one_line_with_file_line_key_and_remedy(
    line: dict[str, Any] | str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path / "runs.jsonl", GOOD, "", line)
    code, said = asked(capsys, file)
    assert code == 1
    assert said.startswith("tidegauge: " + message.replace("FILE", file)) and said.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("m1: soon", "m1: 'soon' is no date; write YYYY-MM-DD"),
        (
            "m1: 2024-13-40",
            "holds a date that does not exist (month must be in 1..12); write agent: YYYY-MM-DD",
        ),
        ("- 1", "is not a mapping; write agent: YYYY-MM-DD, one a line"),
        ("{", "is neither YAML nor JSON; write agent: YYYY-MM-DD"),
    ],
)
def test_broken_dates_are_one_line(
    text: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dates = write(tmp_path / "dates.yaml", text)
    code, said = asked(capsys, write(tmp_path / "r.jsonl", GOOD), "--dates", dates)
    assert (code, said) == (1, f"tidegauge: {dates}: {message}\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gone.jsonl"], "gone.jsonl: cannot be read (No such file or directory); name a file"),
        (["gone"], "runs: no run 'gone'; there is none yet: tidegauge run CONFIG makes one"),
        (["r.jsonl", "--compare", "m1", "m9"], "--compare: no agent 'm9'; there are: m1"),
        (["empty.jsonl"], "empty.jsonl: holds no run; each line"),
        (["r.jsonl", "--plot", "x.png"], "--plot: 'x.png' is no name of an SVG file; end it in .svg"),
        (["r.jsonl", "--plot", "no/x.svg"], "--plot: no/x.svg: No such file or directory; name a file"),
        (["r.jsonl", "--lambda", "0"], "Invalid value for '--lambda': 0.0 is not in the range"),
    ],
)
def test_a_mistake_on_the_line_is_one_line(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "r.jsonl", GOOD)
    write(tmp_path / "empty.jsonl", "")
    code, said = asked(capsys, *arguments)
    assert code == 1 and said.startswith(f"tidegauge: {message}") and said.count("\n") == 1
