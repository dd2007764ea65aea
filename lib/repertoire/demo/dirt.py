"""The dirt of real logs, put in on purpose and counted: what ingestion must find, and one robot."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import numpy as np

from repertoire.demo.behaviour import DAY_SECONDS
from repertoire.demo.event_log import EventLog, concat, iso_times

BOT_USER_ID = "u00000"
"""The robot's account; the numbers of people, and of their sessions, begin at 1."""

DUPLICATE = "duplicate"
BOT = "bot_view"

_SHARES = {
    DUPLICATE: 0.0020,
    "missing_user_id": 0.0006,
    "bad_timestamp": 0.0006,
    "unknown_event_type": 0.0006,
    "negative_value": 0.0004,
    "nan_value": 0.0004,
    "future_timestamp": 0.0004,
}
"""Share of the clean rows, by kind; at least one row of each, where a tiny log has a row that fits."""

REJECTED = tuple(kind for kind in _SHARES if kind != DUPLICATE)
"""The kinds that break a rule, each row exactly one."""

_MISSPELT = ("veiw", "purchse", "clik", "palyed", "add-to-kart")
_FUTURE_YEAR = "2093"


def add_dirt(log: EventLog, rng: np.random.Generator) -> tuple[EventLog, dict[str, int]]:
    """The log with dirty copies of some of its rows in the same days' files, and the number of them by kind.

    No clean row is changed or lost; no two of the copies stem from one row. A copy comes up to ten minutes after its
    original, as with a client that sends again.
    """
    counts = {kind: max(1, round(share * len(log))) for kind, share in _SHARES.items()}
    valued = ("negative_value", "nan_value")
    with_value = rng.permutation(np.flatnonzero(log.value != ""))[: sum(counts[kind] for kind in valued)]
    others = rng.permutation(np.setdiff1d(np.arange(len(log)), with_value))
    parts = [log]
    for kind in counts:
        if kind in valued:
            sources, with_value = np.split(with_value, [counts[kind]])
        else:
            sources, others = np.split(others, [counts[kind]])
        counts[kind] = len(sources)
        copies = log.rows(sources)
        _SPOIL[kind](copies, rng)
        day_end = (copies.second // DAY_SECONDS + 1) * DAY_SECONDS - 1
        copies.second[:] = np.minimum(copies.second + rng.integers(600, size=len(sources)), day_end)
        parts.append(copies)
    return concat(parts), counts


def bot_views(
    item_id: np.ndarray, on_sale: np.ndarray, day: int, count: int, first_day: dt.date, rng: np.random.Generator
) -> EventLog:
    """One robot's `count` views (at most one a second) of works on sale in one day, in one session."""
    second = day * DAY_SECONDS + np.sort(rng.choice(DAY_SECONDS, size=count, replace=False))

    def same(text: str) -> np.ndarray:
        return np.full(count, text, dtype=object)

    return EventLog(
        user_id=same(BOT_USER_ID),
        item_id=rng.choice(item_id[on_sale], size=count).astype(object),
        event_type=same("view"),
        event_ts=iso_times(second, first_day),
        value=same(""),
        session_id=same("s000000"),
        second=second,
    )


def _miss_user(rows: EventLog, rng: np.random.Generator) -> None:
    rows.user_id[:] = ""


def _break_time(rows: EventLog, rng: np.random.Generator) -> None:
    """A thirteenth month, a thirtieth of February, an hour 25: each keeps the rest of the time."""
    breaks = (
        lambda ts: f"{ts[:4]}-13-{ts[8:]}",
        lambda ts: f"{ts[:4]}-02-30{ts[10:]}",
        lambda ts: f"{ts[:11]}25{ts[13:]}",
    )
    rows.event_ts[:] = [breaks[n % len(breaks)](ts) for n, ts in enumerate(rows.event_ts)]


def _misspell(rows: EventLog, rng: np.random.Generator) -> None:
    rows.event_type[:] = rng.choice(_MISSPELT, size=len(rows))


def _negate(rows: EventLog, rng: np.random.Generator) -> None:
    rows.value[:] = [f"-{value}" for value in rows.value]


def _not_a_number(rows: EventLog, rng: np.random.Generator) -> None:
    rows.value[:] = "NaN"


def _postpone(rows: EventLog, rng: np.random.Generator) -> None:
    rows.event_ts[:] = [_FUTURE_YEAR + ts[4:] for ts in rows.event_ts]


def _repeat(rows: EventLog, rng: np.random.Generator) -> None:
    """An exact copy needs no change."""


_SPOIL: dict[str, Callable[[EventLog, np.random.Generator], None]] = {
    DUPLICATE: _repeat,
    "missing_user_id": _miss_user,
    "bad_timestamp": _break_time,
    "unknown_event_type": _misspell,
    "negative_value": _negate,
    "nan_value": _not_a_number,
    "future_timestamp": _postpone,
}
