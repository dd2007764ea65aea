"""The drawings: where points come to lie, and that the table says the same."""

import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from repertoire.report.line_chart import Chart, Point, Series, axis, line_chart, swatch


def chart(*series: Series, least: float | None = 0.0, most: float | None = None) -> Chart | None:
    return line_chart(
        "A & B",
        "what <it> shows",
        series,
        key="k",
        x_name="day",
        x_text=lambda x: f"day {x:g}",
        y_text=lambda y: f"{y:.2f}",
        tick_text=lambda y: f"{y:g}",
        x_ticks=[(1, "one")],
        least=least,
        most=most,
    )


def places(text: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"(-?[\d.]+)[ ,](-?[\d.]+)", text)]


def test_points_lie_where_their_values_are_and_the_table_says_them() -> None:
    drawn = chart(
        Series("ours", (Point(1, 0.1, 0.05, 0.15), Point(2, 0.3, 0.2, 0.4), Point(3, 0.2, 0.1, 0.3))),
        Series("popular", (Point(2, 0.05),)),
        Series("absent", ()),
    )
    assert drawn is not None
    assert drawn.header == ("day", "ours", "popular")
    assert drawn.rows == (
        ("day 1", "0.10 (0.05 to 0.15)", ""),
        ("day 2", "0.30 (0.20 to 0.40)", "0.05"),
        ("day 3", "0.20 (0.10 to 0.30)", ""),
    )
    ours = re.search(r'class="line line0" d="([^"]+)"', drawn.drawing)
    band = re.search(r'class="band band0" points="([^"]+)"', drawn.drawing)
    assert ours
    assert band
    (x1, y1), (x2, y2), (x3, y3) = places(ours[1])
    assert x1 < x2 < x3
    assert x2 - x1 == x3 - x2
    assert y2 < y3 < y1, "the larger, the higher"
    assert abs((y1 - y2) - 2 * (y1 - y3)) < 0.2
    assert len(places(band[1])) == 6
    assert "A &amp; B" in drawn.drawing
    assert "what &lt;it&gt; shows" in drawn.drawing
    assert 'aria-labelledby="k-t k-d"' in drawn.drawing
    assert ">one</text>" in drawn.drawing
    assert "band1" not in drawn.drawing


def test_a_single_point_has_its_interval_as_a_bar() -> None:
    drawn = chart(Series("ours", (Point(1, 0.2, 0.1, 0.3),)))
    assert drawn is not None
    assert "whisker" in drawn.drawing
    assert "polygon" not in drawn.drawing


def test_lines_differ_in_more_than_colour() -> None:
    shapes = {re.search(r'class="mark[^"]*" d="([^"]+)"', swatch(number))[1] for number in range(4)}  # type: ignore[index]
    assert len(shapes) == 4


def test_nothing_to_draw_is_no_chart() -> None:
    assert chart(Series("ours", ())) is None
    assert chart() is None


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_an_axis_holds_its_values_in_few_even_steps(low: float, span: float) -> None:
    high = low + (span if span > 1e-6 else 0)
    ticks = axis(low, high)
    slack = 1e-6 * max(1.0, abs(low), abs(high))
    assert ticks[0] <= low + slack
    assert ticks[-1] >= high - slack
    assert 2 <= len(ticks) <= 8
    assert all(before < after for before, after in pairwise(ticks))
