"""The events as the text of a log: six columns of strings, cut into one file a day."""

from __future__ import annotations

import datetime as dt
import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from repertoire.demo.behaviour import DAY_SECONDS, EVENT_TYPES, Events

COLUMNS = ("user_id", "item_id", "event_type", "event_ts", "value", "session_id")


@dataclass(frozen=True)
class EventLog:
    """Log rows as parallel arrays of str; `second`, from midnight of day 0, sets the file and place of each."""

    user_id: np.ndarray
    item_id: np.ndarray
    event_type: np.ndarray
    event_ts: np.ndarray
    value: np.ndarray
    session_id: np.ndarray
    second: np.ndarray

    def rows(self, which: np.ndarray) -> EventLog:
        """A copy of the rows at these positions."""
        return EventLog(*(getattr(self, name)[which] for name in (*COLUMNS, "second")))

    def __len__(self) -> int:
        return len(self.second)


def concat(parts: list[EventLog]) -> EventLog:
    """The parts, one after another."""
    return EventLog(*(np.concatenate([getattr(part, name) for part in parts]) for name in (*COLUMNS, "second")))


def log_events(events: Events, user_id: np.ndarray, item_id: np.ndarray, first_day: dt.date) -> EventLog:
    """The log of these events, sessions numbered by the time of their first event."""
    sessions, first, number = np.unique(events.session, return_index=True, return_inverse=True)
    place = np.empty(len(sessions), dtype=np.int64)
    place[np.argsort(first, kind="stable")] = np.arange(1, len(sessions) + 1)
    names = np.array([f"s{n:06d}" for n in place], dtype=object)
    names[sessions < 0] = ""
    return EventLog(
        user_id=user_id.astype(object)[events.user],
        item_id=item_id.astype(object)[events.item],
        event_type=np.array(EVENT_TYPES, dtype=object)[events.event_type],
        event_ts=iso_times(events.second, first_day),
        value=np.array(["" if value != value else f"{value:g}" for value in events.value.tolist()], dtype=object),
        session_id=names[number],
        second=events.second,
    )


def iso_times(second: np.ndarray, first_day: dt.date) -> np.ndarray:
    """Times such as 2026-02-03T18:22:05Z for seconds since midnight of `first_day`."""
    times = np.datetime64(first_day, "s") + second.astype("timedelta64[s]")
    return np.datetime_as_string(times).astype(object) + "Z"


def write_log(log: EventLog, folder: Path, first_day: dt.date, days: int) -> None:
    """Writes `days` files YYYY-MM-DD.csv.gz, each with a header and its day's rows in order of time.

    The bytes depend on the rows alone: gzip's header holds neither a time nor a name.
    """
    order = np.argsort(log.second, kind="stable")
    lines = list(map(",".join, zip(*(getattr(log, name)[order] for name in COLUMNS), strict=True)))
    ends = np.searchsorted(log.second[order], np.arange(days + 1) * DAY_SECONDS)
    for day in range(days):
        name = f"{first_day + dt.timedelta(days=day):%Y-%m-%d}.csv.gz"
        text = "\n".join([",".join(COLUMNS), *lines[ends[day] : ends[day + 1]], ""])
        (folder / name).write_bytes(gzip.compress(text.encode(), compresslevel=6, mtime=0))
