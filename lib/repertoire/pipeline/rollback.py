"""Makes lists live again that were live before."""

import datetime as dt
from collections.abc import Callable
from typing import Any

from pyspark.sql import SparkSession

from repertoire.errors import InputError
from repertoire.pipeline.live_publication import live_publication
from repertoire.settings import PublicationSettings
from repertoire.store import Warehouse
from repertoire.store.exports import export_folder, point_live, write_export
from repertoire.tables import PUBLICATIONS, RECOMMENDATIONS


def roll_back(
    warehouse: Warehouse,
    settings: PublicationSettings,
    *,
    to: dt.date | None,
    now: dt.datetime,
    run_id: str,
    session: Callable[[], SparkSession],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Publishes earlier lists again: those of run_date `to`, or those that were live before the present ones.

    Gives what was live and what is live now. The Parquet export is only re-pointed where it is still kept; Spark is
    started where it must be written anew from the table's version. A rollback is a new row: nothing is forgotten.
    Raises InputError where there is nothing to go back to.
    """
    rows = sorted(warehouse.tables.rows(PUBLICATIONS).to_pylist(), key=lambda row: row["published_at"])
    live = live_publication(rows)
    if live is None:
        raise InputError(f"nothing has been published in {warehouse.root}: there is nothing to roll back")
    target = _target(rows, live, to)
    if target is None:
        known = ", ".join(sorted({str(row["run_date"]) for row in rows}))
        wanted = f"of {to}" if to else f"before those of {live['run_date']}"
        raise InputError(f"no publication {wanted} to roll back to. Published so far: {known}")
    folder = export_folder(warehouse.root, target["export"])
    if not warehouse.files.exists(f"{folder}/_SUCCESS"):
        lists = warehouse.tables.read(session(), RECOMMENDATIONS, target["table_version"], target["run_date"])
        write_export(warehouse.root, lists, target["export"], parts=settings.export_files, by=RECOMMENDATIONS.sorted_by)
    row = target | {
        "published_at": now,
        "publication_id": f"{now:%Y%m%dT%H%M%S%f}-rollback-{target['run_date']}",
        "action": "rollback",
        "run_id": run_id,
    }
    warehouse.tables.write_rows(PUBLICATIONS, [row])
    point_live(warehouse.files, warehouse.root, folder, keep=settings.keep_exports)
    return live, row


def _target(rows: list[dict[str, Any]], live: dict[str, Any], to: dt.date | None) -> dict[str, Any] | None:
    """The newest publication of the wanted date; or the one that `live` replaced, going back further with every
    rollback rather than to and fro between two."""
    published = [row for row in rows if row["action"] == "publish"]
    if to is not None:
        return next((row for row in reversed(published) if row["run_date"] == to), None)
    exports = [row["export"] for row in published]
    position = exports.index(live["export"]) if live["export"] in exports else 0
    return published[position - 1] if position > 0 else None
