"""`tidegauge rescan` over event logs that another program made in our form."""

import json
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from experiments.cli import run_command

LIMIT = {"limit": "turns", "granted": 20, "used": 20}
CONNECT = {"call": "connect", "family": "inet", "address": "192.0.2.7", "port": 80, "pid": 5, "count": 1}


def chained(*facts: tuple[str, str, dict[str, Any]]) -> bytes:
    """A log as another program writes it, by contract.md section 5 alone."""
    lines, prev = [], "0" * 64
    for seq, (source, kind, data) in enumerate(facts):
        body = {"seq": seq, "t": seq * 1000, "source": source, "kind": kind, "data": data, "prev": prev}
        text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        prev = sha256(text.encode()).hexdigest()
        whole = json.dumps(body | {"hash": prev}, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        lines.append(whole.encode() + b"\n")
    return b"".join(lines)


def rescanned(capsys: pytest.CaptureFixture[str], directory: Path) -> tuple[int, Any]:
    capsys.readouterr()
    code = run_command(["rescan", str(directory), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_each_log_of_another_program_gives_its_findings_and_its_coverage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.events.jsonl").write_bytes(chained(("gateway", "limit", LIMIT)))
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "events.jsonl").write_bytes(chained(("notify", "net.connect", CONNECT)))
    code, said = rescanned(capsys, tmp_path)
    assert (code, said["ok"], said["problems"]) == (0, True, [])
    found = {name: [finding["code"] for finding in log["findings"]] for name, log in said["logs"].items()}
    assert found == {"a.events.jsonl": ["resource.tokens"], "deep/events.jsonl": ["network.attempt"]}
    # No sensor said that it was there.
    assert said["logs"]["deep/events.jsonl"]["coverage"]["network.attempt"] == 0.0
    assert run_command(["rescan", str(tmp_path)]) == 0
    assert "a.events.jsonl: resource.tokens 1 [0] turns: 20 used of 20\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        (chained(("gateway", "limit", LIMIT), ("gateway", "limit", {"limit": "turns"})), 2,
         "monitor resource failed on limit: KeyError"),
        (chained(("gateway", "limit", LIMIT)).replace(b"20", b"21", 1), 1, "hash does not match the line"),
        (chained(("gateway", "nothing", {})), 1, "unknown event gateway/nothing"),
        (chained(("gateway", "limit", LIMIT))[:-1], 1, "the last line is torn"),
        (json.dumps({"seq": 0}).encode() + b"\n", 1, "not an event: needs exactly seq, t, source, kind, data, prev, hash"),
    ],
)  # fmt: skip
def test_a_malformed_log_is_rejected_with_file_line_and_reason_and_the_others_are_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, line: int, reason: str
) -> None:
    (tmp_path / "bad.events.jsonl").write_bytes(content)
    (tmp_path / "good.events.jsonl").write_bytes(chained(("gateway", "limit", LIMIT)))
    code, said = rescanned(capsys, tmp_path)
    assert (code, said["ok"]) == (2, False)
    assert said["problems"] == [{"file": "bad.events.jsonl", "line": line, "reason": reason}]
    assert list(said["logs"]) == ["good.events.jsonl"]


def test_many_logs_are_told_in_the_order_of_their_paths_whichever_processor_read_them(tmp_path: Path) -> None:
    good = chained(*[("gateway", "limit", LIMIT)] * 200)
    for number in range(60):
        (tmp_path / f"{number:02}.events.jsonl").write_bytes(good[:-1] if number % 20 == 0 else good)
    command = [Path(sys.executable).with_name("tidegauge"), "rescan", tmp_path, "--json"]
    said = json.loads(subprocess.run(command, capture_output=True, check=False).stdout)
    assert [(problem["file"], problem["line"]) for problem in said["problems"]] == [
        ("00.events.jsonl", 200), ("20.events.jsonl", 200), ("40.events.jsonl", 200),
    ]  # fmt: skip
    assert list(said["logs"]) == [f"{number:02}.events.jsonl" for number in range(60) if number % 20]
    assert {len(log["findings"]) for log in said["logs"].values()} == {1}


def test_a_directory_without_logs_and_a_name_of_nothing_are_told_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rescanned(capsys, tmp_path)[1]["problems"][0]["reason"].startswith("no event log")
    assert run_command(["rescan", "nothing", "--runs", str(tmp_path)]) == 1
    assert "no run 'nothing'" in capsys.readouterr().err
