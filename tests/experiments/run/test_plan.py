"""A plan is a pure function of config and secret."""

from pathlib import Path

import pytest

from experiments.planning.loading import load_config
from experiments.planning.plan import Plan, make_plan
from experiments.record.identity import Secret, world_digest
from sandbox.errors import Mistake
from tasks.task import load_task


def plan_of(config: Path, secret: Secret, *overrides: str) -> Plan:
    return make_plan(load_config(config, overrides), secret, where="c.yaml")


def test_the_same_config_gives_the_same_episodes_and_repeats_only_add(
    config_file: Path, secret: Secret
) -> None:
    first = [planned.line.episode for planned in plan_of(config_file, secret).episodes]
    assert [planned.line.episode for planned in plan_of(config_file, secret).episodes] == first
    more = [planned.line.episode for planned in plan_of(config_file, secret, "repeats=3").episodes]
    assert (len(set(first)), more[:4]) == (4, first)


def test_checkpoints_pair_because_they_share_their_worlds(config_file: Path, secret: Secret) -> None:
    worlds = {
        (p.line.checkpoint.name, p.line.world): p.world_seed for p in plan_of(config_file, secret).episodes
    }
    assert worlds["early", 0] == worlds["late", 0]
    assert worlds["early", 0] != worlds["early", 1]


def test_a_seed_is_never_in_what_is_stored(config_file: Path, secret: Secret) -> None:
    planned = plan_of(config_file, secret).episodes[0]
    assert planned.line.world_digest == world_digest(planned.world_seed)
    assert planned.world_seed.hex() not in planned.line.model_dump_json()


def test_of_each_limit_the_smaller_one_holds(config_file: Path, secret: Secret) -> None:
    task = load_task("ml/tab").limits("L0")
    line = plan_of(config_file, secret, "limits={turns: 3, wall: 900s}").episodes[0].line
    assert (line.limits["turns"], line.limits["wall"]) == (3, task.wall)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("arms=[plain, nudge]", "c.yaml: arms.1: ml/tab has no arm 'nudge'; it has: plain"),
        ("scaffold=maximal", "c.yaml: scaffold: 'maximal' is no scaffold; name a directory or one of: fewshot, minimal"),
        ("models.0={family: s, provider: scripted}", "c.yaml: models.0.checkpoints.0.script: is missing; "
         "name the scripted agent's file"),
        ("limits={memory: 16MiB}", "c.yaml: limits (with those of ml/tab).disk: disk 67108864 B is not below "
         "memory 16777216 B, and the box's disks are charged to its memory; lower disk or raise memory"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_a_mistake_with_the_choices(
    config_file: Path, secret: Secret, change: str, message: str
) -> None:
    with pytest.raises(Mistake) as caught:
        plan_of(config_file, secret, change)
    assert str(caught.value) == message
