"""Whatever runs are given, the answer is a document of finite numbers and causes."""

import json
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.results.horizon import Settings, horizons
from experiments.stats.horizon.table import Run

lengths = st.sampled_from([1e-9, 0.01, 1.0, 1.0000001, 3.0, 60.0, 4000.0, 1e12])
scores = st.sampled_from([0.0, 0.0, 1.0, 1.0, 0.5, 1e-9, 1 - 1e-9])


@st.composite
def samples(draw: st.DrawFn) -> list[Run]:
    """Up to three agents at up to six tasks of up to three families."""
    tasks = draw(st.lists(st.tuples(lengths, st.integers(0, 2)), min_size=1, max_size=6))
    met = st.tuples(st.integers(0, 2), st.integers(0, len(tasks) - 1), scores)
    return [
        Run(f"a{agent}", f"t{task}", f"f{tasks[task][1]}", tasks[task][0], score)
        for agent, task, score in draw(st.lists(met, min_size=1, max_size=25))
    ]


@settings(max_examples=60, deadline=None)
@given(samples(), st.sampled_from([1e-9, 1e-5, 0.1, 1e6]), st.sampled_from([0, 1, 40]))
def test_any_sample_gives_numbers_or_causes(runs: list[Run], penalty: float, draws: int) -> None:
    agents = sorted({run.agent for run in runs})
    dates = {agent: date(2024, 1 + i, 1) for i, agent in enumerate(agents)}
    pair = (agents[0], agents[-1])
    document = horizons(runs, Settings(penalty, draws, 0, pair), dates).as_json()
    text = json.dumps(document, allow_nan=False)
    for agent in json.loads(text)["agents"].values():
        for name in ("p50", "p50_ci", "p80", "p80_ci"):
            assert (agent[name] is None) == (name in agent["causes"])
    for name in ("doubling_days", "doubling_days_ci"):
        assert document[name] is not None or document["doubling"]["cause"]
    compared = document["comparison"]
    assert (compared["ratio_ci"] is None) == (compared["cause"] is not None)
