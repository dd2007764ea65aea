"""What the live tables say of one user or one work, in a fraction of a second and without Spark."""

import datetime as dt
from typing import Any

from repertoire.errors import InputError
from repertoire.pipeline.live_publication import live_publication
from repertoire.store import Warehouse
from repertoire.tables import INTERACTIONS, ITEMS, PUBLICATIONS, RECOMMENDATIONS, USERS

Found = dict[str, Any]


def look_up_user(warehouse: Warehouse, user_id: str, history: int) -> Found:
    """user_id, run_date, attributes, works (how many), history (the newest and strongest), list, titles (id → title).

    Raises InputError where nothing is live, or the user is in no table.
    """
    tables = warehouse.tables
    live = _live(warehouse)
    of_user = [("run_date", "=", live["run_date"]), ("user_id", "=", user_id)]
    places = tables.rows(RECOMMENDATIONS, live["table_version"], of_user).to_pylist()
    past = tables.rows(INTERACTIONS, where=of_user).to_pylist()
    known = _valid(tables.rows(USERS, where=[("user_id", "=", user_id)]).to_pylist(), live["run_date"])
    if not places and not past and not known:
        raise InputError(f'user "{user_id}" is in no list, event or account of {live["run_date"]} in {warehouse.root}')
    longest_ago = dt.datetime.min.replace(tzinfo=dt.UTC)
    past.sort(key=lambda row: (-row["strength"], longest_ago - (row["last_ts"] or longest_ago), row["item_id"]))
    ids = {row["item_id"] for row in past} | {row["item_id"] for row in places}
    titles, _ = titles_and_categories(warehouse, ids, live["run_date"])

    def titled(row: Found) -> Found:
        return {**row, "title": titles.get(row["item_id"])}

    return {
        "user_id": user_id,
        "run_date": live["run_date"],
        "attributes": {k: v for k, v in (known or {}).items() if k not in ("user_id", "valid_from", "valid_to")},
        "works": len(past),
        "history": [titled(row) for row in past[:history]],
        "list": [titled(row) for row in sorted(places, key=lambda row: row["rank"])],
        "titles": titles,
    }


def look_up_item(warehouse: Warehouse, item_id: str) -> Found:
    """A work's attributes, users who had to do with it, and lists in which it stands.

    Raises InputError where nothing is live, or the work is in no table.
    """
    tables = warehouse.tables
    live = _live(warehouse)
    of_item = [("run_date", "=", live["run_date"]), ("item_id", "=", item_id)]
    known = _valid(tables.rows(ITEMS, where=[("item_id", "=", item_id)]).to_pylist(), live["run_date"])
    users = tables.rows(INTERACTIONS, where=of_item).num_rows
    lists = tables.rows(RECOMMENDATIONS, live["table_version"], of_item)
    if not users and not known and not lists.num_rows:
        raise InputError(
            f'item "{item_id}" is in no list, event or catalogue of {live["run_date"]} in {warehouse.root}'
        )
    attributes = {k: v for k, v in (known or {"item_id": item_id}).items() if k not in ("valid_from", "valid_to")}
    ranks = lists.column("rank").to_pylist()
    return attributes | {
        "run_date": live["run_date"],
        "users": users,
        "lists": len(ranks),
        "mean_rank": round(sum(ranks) / len(ranks), 1) if ranks else None,
    }


def _live(warehouse: Warehouse) -> Found:
    live = live_publication(warehouse.tables.rows(PUBLICATIONS).to_pylist())
    if live is None:
        raise InputError(
            f"nothing has been published in {warehouse.root} yet: run `repertoire run --run-date DATE` first"
        )
    return live


def _valid(rows: list[Found], day: dt.date) -> Found | None:
    """The row of a history that holds on a day."""
    return next((row for row in rows if holds(row, day)), None)


def holds(row: Found, day: dt.date) -> bool:
    """Whether a row of a table that keeps its history holds on a day."""
    return bool(row["valid_from"] <= day and (row["valid_to"] is None or day < row["valid_to"]))


def titles_and_categories(warehouse: Warehouse, ids: set[str], day: dt.date) -> tuple[dict[str, str], dict[str, str]]:
    """item_id → title and item_id → category, as known on a day, of those items that have one."""
    columns = ("item_id", "title", "category", "valid_from", "valid_to")
    found = warehouse.tables.batches(ITEMS, columns, where=[("item_id", "in", sorted(ids))]) if ids else ()
    valid = [row for batch in found for row in batch.to_pylist() if holds(row, day)]
    titles = {row["item_id"]: row["title"] for row in valid if row["title"]}
    return titles, {row["item_id"]: row["category"] for row in valid if row["category"]}
