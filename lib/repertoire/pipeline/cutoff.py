"""Where a run's day ends."""

import datetime as dt
from zoneinfo import ZoneInfo


def cutoff_of(run_date: dt.date, zone: ZoneInfo) -> dt.datetime:
    """The midnight that ends `run_date` in a time zone. A run sees events before it only.

    >>> cutoff_of(dt.date(2026, 3, 1), ZoneInfo("Europe/Berlin")).isoformat()
    '2026-03-02T00:00:00+01:00'
    """
    return dt.datetime.combine(run_date + dt.timedelta(days=1), dt.time(), tzinfo=zone)
