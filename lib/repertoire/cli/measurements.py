"""Measured figures as a table on the terminal: a row a metric, a column a model or difference."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from repertoire.evaluation.measurement import Measurement

_BY_SEGMENT = ("ndcg", "recall", "hit_rate")


def print_measurements(console: Console, measurements: Sequence[Measurement]) -> None:
    """All users' figures, then a few of each segment's at the middle length."""
    if not console.is_terminal:
        console.width = 240  # a file has no edge to wrap at
    everybody = [one for one in measurements if one.segment is None]
    models = list(dict.fromkeys(one.model for one in everybody))
    by_key = {(one.model, one.metric, one.k): one for one in everybody}
    table = _table("metric", models)
    for metric, k in dict.fromkeys((one.metric, one.k) for one in everybody):
        table.add_row(f"{metric}@{k}", *[_text(by_key.get((model, metric, k))) for model in models])
    console.print(table)
    console.print("In brackets: 95 % intervals, by resampling users.", style="dim")
    if any(one.p_value is not None for one in everybody):
        console.print(
            "p: how often chance alone would give a difference as large, corrected for the number of differences.",
            style="dim",
        )
    _print_segments(console, [one for one in measurements if one.segment is not None], models)


def _print_segments(console: Console, measurements: Sequence[Measurement], models: Sequence[str]) -> None:
    if not measurements:
        return
    lengths = sorted({one.k for one in measurements})
    k = lengths[len(lengths) // 2]
    by_key = {(one.segment, one.model, one.metric): one for one in measurements if one.k == k}
    table = _table("users", ["metric", *models])
    for segment in dict.fromkeys(one.segment for one in measurements):
        for metric in _BY_SEGMENT:
            found = [by_key.get((segment, model, metric)) for model in models]
            users = max((one.users for one in found if one), default=0)
            if users:
                cells = [_text(one) if one and one.p_value is not None else _value(one) for one in found]
                table.add_row(f"{segment} ({users:,})", f"{metric}@{k}", *cells)
    console.print(table)


def _table(first: str, columns: Sequence[str]) -> Table:
    table = Table(box=None, header_style="bold")
    for name in (first, *columns):
        table.add_column(name, overflow="fold")
    return table


def _text(one: Measurement | None) -> str:
    if one is None or one.value is None:
        return ""
    bounds = "" if one.low is None or one.high is None else f" [{_short(one.low)}, {_short(one.high)}]"
    chance = "" if one.p_value is None else f" p {_p_value(one.p_value)}"
    return f"{_value(one)}{bounds}{chance}"


def _value(one: Measurement | None) -> str:
    return "" if one is None or one.value is None else f"{one.value:.4f}"


def _short(end: float) -> str:
    """An end of an interval: three decimals, no zero before the point."""
    return f"{end:.3f}".replace("0.", ".", 1) if abs(end) < 1 else f"{end:.3f}"


def _p_value(p_value: float) -> str:
    return "< .001" if p_value < 0.001 else _short(p_value)
