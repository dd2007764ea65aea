"""What upkeep must leave: the run_dates and table versions that a rollback or a run done again may ask for."""

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from repertoire.pipeline.live_publication import live_publication
from repertoire.settings import MaintenanceSettings
from repertoire.tables import RECOMMENDATIONS

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Kept:
    """dates: run_dates whose rows stay however old they are. versions: table → versions whose files stay."""

    dates: frozenset[dt.date]
    versions: Mapping[str, frozenset[int]]


def kept(
    publications: Iterable[Row],
    runs: Iterable[Row],
    settings: MaintenanceSettings,
    *,
    run_date: dt.date,
    now: dt.datetime,
) -> Kept:
    """publications, runs: rows of the tables of those names. run_date: from which ages are counted; now: UTC.

    A version stays as long as the lists that were published from it are kept; or for `keep_reruns` days after a stage
    read or wrote it.
    """
    rows = sorted((dict(row) for row in publications), key=lambda row: row["published_at"])
    published = [row for row in rows if row["action"] == "publish"]
    live = live_publication(rows)
    first = max(0, len(published) - settings.keep_publications)
    if live is not None:
        at = [row["export"] for row in published].index(live["export"]) if published else 0
        first = min(first, max(0, at - 1))  # where lists were rolled back, the ones before them can be asked for next
    dates = frozenset(row["run_date"] for row in published[first:])
    days = settings.days_of(RECOMMENDATIONS.name)
    versions: dict[str, set[int]] = {RECOMMENDATIONS.name: set()}
    for row in published:
        if row["run_date"] in dates or days is None or (run_date - row["run_date"]).days <= days:
            versions[RECOMMENDATIONS.name].add(int(row["table_version"]))
    since = now - dt.timedelta(days=settings.keep_reruns)
    for entry in runs:
        if entry["started_at"] >= since:
            for text in (entry["input_versions"], entry["output_versions"]):
                for name, version in json.loads(text or "{}").items():
                    if isinstance(version, int):
                        versions.setdefault(name, set()).add(version)
    return Kept(dates, {name: frozenset(found) for name, found in versions.items()})
