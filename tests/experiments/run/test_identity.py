"""Identities are fixed forms: the literals here may never change without a new format."""

import os
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.record.identity import (
    SECRET_VARIABLE,
    Secret,
    episode_id,
    load_secret,
    read_secret,
    run_hash,
    world_digest,
)
from sandbox.errors import Mistake

SECRET = Secret(b"0123456789abcdef0123456789abcdef", Path("secret"))


def an_episode(**changes: object) -> str:
    parts: dict[str, object] = {
        "task": ["ml/tab", "L0", "1.0.0", "ab" * 32], "arm": "plain", "world_digest": "cd" * 32,
        "family": "pocket", "name": "150", "checkpoint_digest": "ef" * 32, "sampling": {"temperature": 1.0},
        "scaffold": "12" * 32, "limits": {"wall": 60.0, "turns": 20},
    }  # fmt: skip
    return episode_id(**(parts | changes))  # type: ignore[arg-type]


def a_run(**changes: object) -> str:
    parts: dict[str, object] = {
        "suite": "quick", "version": 1, "tasks": [["ml/tab", "L0", "1.0.0", "ab" * 32]], "arms": ["plain"],
        "scaffold": "12" * 32, "limits": {"wall": 60.0}, "sandbox": {"runtime": "auto"}, "seed": 7,
        "fingerprint": "0123456789ab",
    }  # fmt: skip
    return run_hash(**(parts | changes))  # type: ignore[arg-type]


def test_the_seed_of_a_world_is_a_fixed_function_of_the_secret() -> None:
    seed = SECRET.world_seed(7, "ml/tab", "1.0.0", "L0", 0)
    assert seed.hex() == "7cf43a17fac97d32c8c5dbfc7d8130c09f5a2a28a91ff997870273df1d884a1c"
    assert world_digest(seed) == "4a5ec522093fd2b6aeabc442c4d9fa3d311b3c44ea19ef40a6a3131c613cba12"


def test_only_the_major_version_of_a_task_enters_its_worlds() -> None:
    one = SECRET.world_seed(7, "ml/tab", "1.0.0", "L0", 0)
    assert SECRET.world_seed(7, "ml/tab", "1.4.2", "L0", 0) == one
    assert SECRET.world_seed(7, "ml/tab", "2.0.0", "L0", 0) != one


def test_fingerprint_anchor_key_run_and_episode_have_fixed_values() -> None:
    assert SECRET.fingerprint == "4a6e3c352245"
    assert (
        SECRET.anchor_key("ab" * 16).hex()
        == "f48bd9baafb580b969f4d1cfa23e7654c935a32406e62dcb31126e56911c981f"
    )
    assert a_run() == "464341451ef1"
    assert an_episode() == "86e9b3a07fd1c062dd3d93f0ce949adc8a449ae20168c6d104a04ce093fec7cd"


def test_a_whole_number_is_the_same_limit_with_and_without_its_point() -> None:
    assert an_episode(limits={"wall": 60, "turns": 20.0}, sampling={"temperature": 1}) == an_episode()
    assert a_run(limits={"wall": 60}) == a_run()


@pytest.mark.parametrize("part", ["arm", "world_digest", "family", "name", "checkpoint_digest", "scaffold"])
def test_every_part_of_an_episode_counts(part: str) -> None:
    assert an_episode(**{part: "other"}) != an_episode()


@given(st.binary(min_size=16, max_size=64), st.binary(min_size=16, max_size=64))
def test_different_secrets_share_no_world(one: bytes, other: bytes) -> None:
    seeds = [Secret(value, Path()).world_seed(1, "a/b", "1.0", "L0", 0) for value in (one, other)]
    assert (seeds[0] == seeds[1]) == (one == other)


def test_a_secret_never_prints_itself() -> None:
    assert "0123456789abcdef" not in f"{SECRET} {SECRET!r}"


def test_the_first_run_makes_a_secret_that_only_its_owner_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(SECRET_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert read_secret() is None
    made: list[Secret] = []
    makers = [threading.Thread(target=lambda: made.append(load_secret())) for _ in range(8)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    path = tmp_path / "tidegauge" / "secret"
    assert {secret.value for secret in made} == {path.read_bytes().strip()}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(path.parent) == ["secret"]


def test_a_named_secret_that_is_missing_or_short_is_a_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "secret"
    monkeypatch.setenv(SECRET_VARIABLE, str(path))
    with pytest.raises(Mistake, match="does not exist; make the file or unset the variable"):
        load_secret()
    path.write_text("short\n")
    with pytest.raises(Mistake, match="a secret of 5 bytes; put at least 16 random bytes into it"):
        load_secret()
