"""Lines with bands as a small drawing in SVG, with all that it shows in a title, a description and a table.

Lines are told apart by dash and mark as well as by colour; colours come from the page, for light and dark.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

_WIDTH, _HEIGHT = 380, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 12, 12, 26
_MOST_MARKS = 31


@dataclass(frozen=True)
class Point:
    """x, y, and the ends of y's interval where there is one."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Series:
    """A line: its name, and its points by rising x."""

    name: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Chart:
    """A drawing and the table of what it shows."""

    title: str
    drawing: Markup
    names: tuple[str, ...]
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def line_chart(
    title: str,
    description: str,
    series: Sequence[Series],
    *,
    key: str,
    x_name: str,
    x_text: Callable[[float], str],
    y_text: Callable[[float], str],
    tick_text: Callable[[float], str],
    x_ticks: Sequence[tuple[float, str]],
    least: float | None = 0.0,
    most: float | None = None,
) -> Chart | None:
    """A chart of the series that have points; None where none has.

    key: names the drawing's parts, unlike any other's on the page. x_ticks: where the x axis is labelled, and how. y_text and
    tick_text: a value in the table and on the axis.    least, most: ends of the y axis where they are given.
    """
    drawn = [one for one in series if one.points]
    if not drawn:
        return None
    points = [point for one in drawn for point in one.points]
    ys = [y for point in points for y in (point.y, point.low, point.high) if y is not None]
    ticks = axis(min(ys) if least is None else least, max(ys) if most is None else most)
    scale = _Scale(min(p.x for p in points), max(p.x for p in points), ticks[0], ticks[-1])
    parts = [
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-labelledby="{key}-t {key}-d">',
        f'<title id="{key}-t">{escape(title)}</title><desc id="{key}-d">{escape(description)}</desc>',
        *[_horizontal(scale, tick, tick_text(tick)) for tick in ticks],
        *[_x_label(scale, x, text) for x, text in x_ticks],
        *[_band(scale, one, number) for number, one in enumerate(drawn)],
        *[_line(scale, one, number) for number, one in enumerate(drawn)],
        "</svg>",
    ]
    header = (x_name, *(one.name for one in drawn))
    return Chart(title, Markup("".join(parts)), header[1:], header, _table(drawn, x_text, y_text))


def swatch(number: int) -> Markup:
    """A piece of the line with that number, for the legend."""
    return Markup(
        f'<svg class="swatch" viewBox="0 0 30 12" aria-hidden="true"><path class="line line{number}" d="M2 6H28"/>'
        f"{_mark(number, 15, 6)}</svg>"
    )


def axis(low: float, high: float, about: int = 4) -> list[float]:
    """Round numbers from at most `low` to at least `high`, about so many steps.

    >>> axis(0, 0.37)
    [0.0, 0.1, 0.2, 0.3, 0.4]
    """
    span = high - low
    if span <= 1e-9 * max(1.0, abs(high)):
        span = max(abs(high), 0.01)
        high = low + span
    rough = span / about
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(magnitude * factor for factor in (1, 2, 2.5, 5, 10) if magnitude * factor >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(n * step, 12) for n in range(first, last + 1)]


@dataclass(frozen=True)
class _Scale:
    left: float
    right: float
    bottom: float
    top: float

    def x(self, value: float) -> float:
        if self.right == self.left:
            return (_LEFT + _WIDTH - _RIGHT) / 2
        inner = _WIDTH - _LEFT - _RIGHT - 12
        return round(_LEFT + 6 + (value - self.left) / (self.right - self.left) * inner, 1)

    def y(self, value: float) -> float:
        value = min(max(value, self.bottom), self.top)
        share = (value - self.bottom) / (self.top - self.bottom)
        return round(_HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM), 1)


def _horizontal(scale: _Scale, value: float, text: str) -> str:
    y = scale.y(value)
    return (
        f'<path class="grid" d="M{_LEFT} {y}H{_WIDTH - _RIGHT}"/>'
        f'<text class="tick" x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{escape(text)}</text>'
    )


def _x_label(scale: _Scale, value: float, text: str) -> str:
    x = scale.x(value)
    anchor = "start" if x < _LEFT + 20 else "end" if x > _WIDTH - _RIGHT - 20 else "middle"
    return f'<text class="tick" x="{x}" y="{_HEIGHT - 6}" text-anchor="{anchor}">{escape(text)}</text>'


def _band(scale: _Scale, series: Series, number: int) -> str:
    known = [
        (scale.x(p.x), scale.y(p.low), scale.y(p.high))
        for p in series.points
        if p.low is not None and p.high is not None
    ]
    if not known:
        return ""
    if len(known) == 1:  # no area: a bar from end to end
        x, low, high = known[0]
        return f'<path class="line line{number} whisker" d="M{x} {low}V{high}M{x - 4} {low}H{x + 4}M{x - 4} {high}H{x + 4}"/>'
    over = " ".join(f"{x},{high}" for x, _, high in known)
    under = " ".join(f"{x},{low}" for x, low, _ in reversed(known))
    return f'<polygon class="band band{number}" points="{over} {under}"/>'


def _line(scale: _Scale, series: Series, number: int) -> str:
    places = [(scale.x(p.x), scale.y(p.y)) for p in series.points]
    path = "M" + "L".join(f"{x} {y}" for x, y in places)
    marks = "".join(_mark(number, x, y) for x, y in places) if len(places) <= _MOST_MARKS else ""
    return f'<path class="line line{number}" d="{path}"/>{marks}'


def _mark(number: int, x: float, y: float) -> str:
    shapes = (
        f"M{x - 3} {y}a3 3 0 1 0 6 0a3 3 0 1 0 -6 0",
        f"M{x - 3} {y - 3}h6v6h-6z",
        f"M{x} {y - 4}l4 7h-8z",
        f"M{x} {y - 4}l4 4l-4 4l-4 -4z",
    )
    return f'<path class="mark mark{number}" d="{shapes[number % len(shapes)]}"/>'


def _table(
    series: Sequence[Series], x_text: Callable[[float], str], y_text: Callable[[float], str]
) -> tuple[tuple[str, ...], ...]:
    by_x = [{point.x: point for point in one.points} for one in series]
    rows = []
    for x in sorted({x for points in by_x for x in points}):
        rows.append((x_text(x), *(_cell(points.get(x), y_text) for points in by_x)))
    return tuple(rows)


def _cell(point: Point | None, y_text: Callable[[float], str]) -> str:
    if point is None:
        return ""
    interval = "" if point.low is None or point.high is None else f" ({y_text(point.low)} to {y_text(point.high)})"
    return y_text(point.y) + interval
