"""Time horizons are drawn by checkpoint on an axis of lengths, and what is missing is said with its cause."""

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.planning.policy import load_policy
from experiments.record.records import Checkpoint
from experiments.reporting.axes import duration, of_minutes
from experiments.reporting.charts import Chart, horizon_charts
from experiments.reporting.report_sections import horizons
from experiments.reporting.svg import trend_svg
from experiments.results.measured import Measured
from experiments.results.trend import Point, Series, Trend

P50, P80 = "horizon/p50_minutes", "horizon/p80_minutes"
NONE = Measured(None, None, None, 40, "not measured: no horizon: none of 40 runs succeeded")
FEW = "no interval from 1 task family with 1000 draws"


def series(metric: str, *measured: Measured) -> Series:
    checkpoints = [Checkpoint(family="pocket", name=str(step), step=step) for step in range(len(measured))]
    points = tuple(Point(*pair) for pair in zip(checkpoints, measured, strict=True))
    return Series(metric, "pocket", 1, "0" * 64, "plain", points)


def measured_trend() -> Trend:
    p50 = series(P50, NONE, Measured(20.0, 10.0, 45.0, 40), Measured(90.0, 50.0, 700.0, 40))
    p80 = series(P80, NONE, Measured(6.0, None, None, 40, FEW), Measured(30.0, 12.0, 60.0, 40))
    return Trend("plain", (p50, p80), {})


def drawn(chart: Chart) -> ElementTree.Element:
    return ElementTree.fromstring(trend_svg(chart, "t"))


def test_both_horizons_are_in_one_chart_with_their_bands_on_an_axis_of_lengths() -> None:
    (chart,) = horizon_charts(measured_trend(), load_policy("preparedness"))
    assert (chart.what, chart.what_beside, chart.axis.logarithmic) == ("p50", "p80", True)
    assert [label for _, label in chart.axis.ticks] == ["4 min", "15 min", "1 h", "4 h", "16 h"]
    root = drawn(chart)
    kinds = [element.attrib.get("class") for element in root.iter()]
    assert kinds.count("band") == kinds.count("band beside") == 1
    assert (kinds.count("mark"), kinds.count("mark beside")) == (2, 2)
    assert (kinds.count("whisker"), kinds.count("whisker beside")) == (2, 1)
    said = [element.text or "" for element in root.iter()]
    assert "high-indicative: lower limit ≥ 8 h" in said
    assert "pocket/1: 20 min [10 min, 45 min], n = 40" in said
    assert (
        chart.summary
        == "p50 by step: 0 not measured; 1 20 min (10 min to 45 min); 2 1.5 h (50 min to 11.7 h)"
    )
    assert chart.summary_beside == "p80 by step: 0 not measured; 1 6 min; 2 30 min (12 min to 1 h)"


def test_equal_distances_are_equal_ratios_of_lengths() -> None:
    (chart,) = horizon_charts(measured_trend(), None)
    dots = [float(e.attrib["cy"]) for e in drawn(chart).iter("circle") if e.attrib["class"] == "mark"]
    ticks = {label: chart.axis.share(value) for value, label in chart.axis.ticks}
    assert ticks["4 h"] - ticks["1 h"] == pytest.approx(ticks["16 h"] - ticks["4 h"])
    # 90 minutes are 2.17 octaves above 20, of the 7.91 from 4 minutes to 16 hours.
    assert dots[0] - dots[1] == pytest.approx(226 * 2.1699 / 7.9069, abs=0.1)


def test_what_has_no_horizon_or_no_interval_is_said_with_its_cause() -> None:
    assert horizons([], measured_trend()).missing == (
        "p50 and p80 of pocket/0: none of 40 runs succeeded",
        f"p80 of pocket/1: {FEW}",
    )
    cause = "not measured: no horizon: all tasks are of one length"
    absent = Trend("plain", (), {P50: cause, P80: cause})
    assert horizon_charts(absent, None) == []
    assert horizons([], absent).missing == ("p50 and p80 not measured: all tasks are of one length",)


def test_a_policy_line_beyond_the_picture_is_not_drawn_on_its_edge() -> None:
    small = Trend("plain", (series(P50, Measured(0.05, 0.03, 0.1, 40)),), {})
    (chart,) = horizon_charts(small, load_policy("preparedness"))
    assert chart.thresholds and chart.axis.high < 480
    assert not any(element.attrib.get("class") == "threshold" for element in drawn(chart).iter())


minutes = st.floats(1e-4, 1e7)


@given(st.lists(minutes, min_size=1), st.lists(minutes))
def test_an_axis_of_lengths_holds_every_point_and_rises(points: list[float], limits: list[float]) -> None:
    axis = of_minutes("length", points, limits)
    values = [value for value, _ in axis.ticks]
    assert len(values) >= 2 and values == sorted(set(values))
    inside = [point for point in points if 1 / 60 <= point <= 60 * 4**8]
    assert all(axis.low <= point <= axis.high for point in inside)
    assert all(0 <= axis.share(value) <= 1 for value in (*points, *limits))


@pytest.mark.parametrize(
    ("length", "said"),
    [(0.05, "3 s"), (0.5, "30 s"), (1, "1 min"), (7.26, "7.3 min"), (60, "1 h"), (725, "12.1 h"), (60e3, "1,000 h")],
)  # fmt: skip
def test_a_length_is_said_as_people_say_it(length: float, said: str) -> None:
    assert duration(length) == said
