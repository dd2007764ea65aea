"""A bounded sample of a day's users with their histories and lists, from tables of any size."""

import datetime as dt
import hashlib
import heapq
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from repertoire.pipeline.look_up import holds, titles_and_categories
from repertoire.ranking.reason_in_words import reason_in_words
from repertoire.report.contents import Person, Place, Work
from repertoire.store import Warehouse
from repertoire.tables import INTERACTIONS, RECOMMENDATIONS, USERS
from repertoire.vocabulary import TIER_WORDS

LONGEST_LIST, LONGEST_HISTORY = 20, 8
_ATTRIBUTES = ("age_band", "gender", "country", "occupation")
_LIVELY = range(10, 101)  # works in the history of people worth a look: neither newcomers nor robots
_OTHER_TIERS = 3  # people in full whose list is not personal, of each such tier
_EPOCH = dt.datetime.min.replace(tzinfo=dt.UTC)


def report_people(
    warehouse: Warehouse, run_date: dt.date, version: int | None, *, in_full: int, searchable: int
) -> tuple[Person, ...]:
    """At most `searchable` users of a day's lists; the first `in_full` are as different as the sample has them: of every
    tier, and of many favourite categories, and with their attributes.

    version: of the table recommendations. The sample: the users with the smallest hashes of those in a bounded number
    of row groups, so that a large table is not read as a whole.
    """
    tiers = _sample(warehouse, run_date, version, searchable)
    if not tiers:
        return ()
    lists = _lists(warehouse, run_date, version, list(tiers))
    histories, works = _histories(warehouse, run_date, list(tiers))
    ids = {row["item_id"] for rows in (*lists.values(), *histories.values()) for row in rows}
    ids |= {row["reason"].partition(":")[2] for rows in lists.values() for row in rows if ":" in row["reason"]}
    titles, categories = titles_and_categories(warehouse, ids, run_date)
    favourites = {user: categories.get(rows[0]["item_id"]) for user, rows in histories.items()}
    first = _varied(tiers, works, favourites, in_full)
    attributes = _attributes(warehouse, run_date, first)

    def person(user: str) -> Person:
        history = [
            Work(row["item_id"], titles.get(row["item_id"]), row["strength"], row["last_ts"] and row["last_ts"].date())
            for row in histories.get(user, ())
        ]
        places = [
            Place(
                row["rank"],
                row["item_id"],
                titles.get(row["item_id"]),
                reason_in_words(row["reason"], titles),
                row["fallback_tier"],
            )
            for row in lists.get(user, ())
        ]
        return Person(user, attributes.get(user, {}), works.get(user, 0), tuple(history), tuple(places))

    rest = sorted(tiers.keys() - first, key=_hash)
    return tuple(person(user) for user in (*first, *rest))


def _sample(warehouse: Warehouse, run_date: dt.date, version: int | None, most: int) -> dict[str, int]:
    """user_id → tier of the first place. Tiers other than the first get a twentieth of the sample each, if they have
    so many."""
    heads = warehouse.tables.glance(
        RECOMMENDATIONS,
        ("user_id", "fallback_tier"),
        version,
        where=[("run_date", "=", run_date), ("rank", "=", 1)],
    )
    by_tier: dict[int, list[str]] = {}
    for user, tier in zip(heads.column("user_id").to_pylist(), heads.column("fallback_tier").to_pylist(), strict=True):
        by_tier.setdefault(tier, []).append(user)
    ordered = {tier: heapq.nsmallest(most, users, key=_hash) for tier, users in by_tier.items()}
    chosen = {user: tier for tier, users in ordered.items() if tier for user in users[: most // 20]}
    left = ((user, tier) for tier in sorted(ordered) for user in ordered[tier] if user not in chosen)
    return chosen | dict(islice(left, most - len(chosen)))


def _lists(warehouse: Warehouse, run_date: dt.date, version: int | None, users: Sequence[str]) -> dict[str, list[Any]]:
    columns = ("user_id", "rank", "item_id", "reason", "fallback_tier")
    where = [("run_date", "=", run_date), ("user_id", "in", users), ("rank", "<=", LONGEST_LIST)]
    lists: dict[str, list[Any]] = {}
    for row in _rows(warehouse.tables.batches(RECOMMENDATIONS, columns, version, where)):
        lists.setdefault(row["user_id"], []).append(row)
    return {user: sorted(rows, key=lambda row: row["rank"]) for user, rows in lists.items()}


def _histories(
    warehouse: Warehouse, run_date: dt.date, users: Sequence[str]
) -> tuple[dict[str, list[Any]], dict[str, int]]:
    """The strongest and newest works of each user, and how many works each has in all."""
    columns = ("user_id", "item_id", "strength", "last_ts")
    where = [("run_date", "=", run_date), ("user_id", "in", users)]
    best: dict[str, list[Any]] = {}
    works: dict[str, int] = {}
    for row in _rows(warehouse.tables.batches(INTERACTIONS, columns, where=where)):
        works[row["user_id"]] = works.get(row["user_id"], 0) + 1
        rows = best.setdefault(row["user_id"], [])
        rows.append(row)
        if len(rows) > 4 * LONGEST_HISTORY:
            rows[:] = heapq.nsmallest(LONGEST_HISTORY, rows, key=_strongest)
    return {user: heapq.nsmallest(LONGEST_HISTORY, rows, key=_strongest) for user, rows in best.items()}, works


def _strongest(row: Any) -> tuple[Any, ...]:
    return (-row["strength"], _EPOCH - (row["last_ts"] or _EPOCH), row["item_id"])


def _varied(tiers: dict[str, int], works: dict[str, int], favourites: dict[str, str | None], most: int) -> list[str]:
    """People to be shown in full: a few of each lower tier, the others by turns from every favourite category."""
    users = sorted(tiers, key=lambda user: (works.get(user, 0) not in _LIVELY, _hash(user)))
    lower = [
        user
        for tier in range(1, len(TIER_WORDS))
        for user in islice((user for user in users if tiers[user] == tier), _OTHER_TIERS)
    ]
    lower = lower[: most // 3]
    by_category: dict[str | None, list[str]] = {}
    for user in users:
        if user not in lower and tiers[user] == 0:
            by_category.setdefault(favourites.get(user), []).append(user)
    turns = [user for turn in range(most) for queue in by_category.values() for user in queue[turn : turn + 1]]
    chosen = turns[: most - len(lower)]
    taken = {*chosen, *lower}
    others = (user for user in users if user not in taken)
    return [*chosen, *lower, *islice(others, most - len(chosen) - len(lower))]


def _attributes(warehouse: Warehouse, run_date: dt.date, users: Sequence[str]) -> dict[str, dict[str, str]]:
    columns = ("user_id", *_ATTRIBUTES, "valid_from", "valid_to")
    rows = _rows(warehouse.tables.batches(USERS, columns, where=[("user_id", "in", users)]))
    return {
        row["user_id"]: {name: row[name] for name in _ATTRIBUTES if row[name] is not None}
        for row in rows
        if holds(row, run_date)
    }


def _rows(batches: Any) -> Iterator[dict[str, Any]]:
    for batch in batches:
        yield from batch.to_pylist()


def _hash(user: str) -> bytes:
    return hashlib.blake2b(user.encode("utf-8", "replace"), digest_size=8).digest()
