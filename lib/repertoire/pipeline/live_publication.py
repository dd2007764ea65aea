"""Which lists are live, or were."""

import datetime as dt
from collections.abc import Iterable
from typing import Any


def live_publication(publications: Iterable[dict[str, Any]], day: dt.date | None = None) -> dict[str, Any] | None:
    """The newest row of the table `publications`; None where nothing has been published.

    day: as of then, by the runs' dates: later ones are passed over, so that a backfill sees what a run of that night
    would have seen.
    """
    rows = (row for row in publications if day is None or row["run_date"] <= day)
    return max(rows, key=lambda row: row["published_at"], default=None)
