"""Writes the made-up shop's files: a log of events by day, the works, and the people."""

from __future__ import annotations

import csv
import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from repertoire.demo import dirt
from repertoire.demo.behaviour import make_events
from repertoire.demo.catalogue import Catalogue, make_catalogue
from repertoire.demo.event_log import concat, log_events, write_log
from repertoire.demo.people import People, make_people
from repertoire.demo.strands import CATEGORIES

FEWEST_USERS, FEWEST_ITEMS, FEWEST_DAYS = 20, 20, 7


@dataclass(frozen=True)
class GeneratedCatalogue:
    """What was written where, and what ingestion should find in it.

    `rows` counts the rows of "events", "items" and "users" without headers, dirt and the robot included. `dirt` counts
    the dirty rows by kind: "duplicate", the kinds in `dirt.REJECTED`, and "bot_view", which breaks no rule of a row.
    """

    events: Path
    items: Path
    users: Path
    first_day: dt.date
    last_day: dt.date
    rows: Mapping[str, int]
    dirt: Mapping[str, int]
    bot_user_id: str
    bot_day: dt.date

    @property
    def duplicates(self) -> int:
        """Event rows that repeat another row exactly, and so add nothing."""
        return self.dirt[dirt.DUPLICATE]

    @property
    def rejected(self) -> int:
        """Event rows that break a rule."""
        return sum(self.dirt[kind] for kind in dirt.REJECTED)

    @property
    def accepted(self) -> int:
        """Event rows that remain: rows = accepted + rejected + duplicates."""
        return self.rows["events"] - self.rejected - self.duplicates


def generate(
    folder: Path,
    *,
    seed: int = 7,
    users: int = 2000,
    items: int = 800,
    days: int = 60,
    last_day: dt.date = dt.date(2026, 3, 1),
) -> GeneratedCatalogue:
    """Writes `events/YYYY-MM-DD.csv.gz`, `items.jsonl` and `users.csv` below `folder`; the same seed, the same bytes.

    `users` is the number of people (a robot's account comes on top), `items` the number of works, `days` the number of
    daily files, the last of which is `last_day`. Times are UTC. Files of the same names are overwritten.

    Raises ValueError if a size is too small for a shop, and FileExistsError if `folder/events` holds other files,
    which a reader of the folder would take for part of the log.
    """
    for name, size, least in (
        ("users", users, FEWEST_USERS),
        ("items", items, FEWEST_ITEMS),
        ("days", days, FEWEST_DAYS),
    ):
        if size < least:
            raise ValueError(f"{name}={size} is too small for a demo catalogue. Allowed: {least} or more.")
    first_day = last_day - dt.timedelta(days=days - 1)
    events_folder = _events_folder(folder, first_day, days)

    # A stream each, so that more people do not mean other works.
    for_works, for_people, for_events, for_dirt = np.random.default_rng(seed).spawn(4)
    catalogue = make_catalogue(items, days, for_works)
    people = make_people(users, catalogue, days, for_people)
    events = make_events(catalogue, people, first_day.weekday(), days, for_events)
    log = log_events(events, people.user_id, catalogue.item_id, first_day)
    clean, dirt_rows = dirt.add_dirt(log, for_dirt)
    bot_day = int(for_dirt.integers(days // 2, days - 3))
    dirt_rows[dirt.BOT] = min(max(300, 3 * users // 2), 40_000)
    on_sale = catalogue.demand[:, bot_day] > 0
    robot = dirt.bot_views(catalogue.item_id, on_sale, bot_day, dirt_rows[dirt.BOT], first_day, for_dirt)
    log = concat([clean, robot])

    write_log(log, events_folder, first_day, days)
    _write_items(catalogue, first_day, folder / "items.jsonl")
    _write_users(people, first_day, folder / "users.csv")
    return GeneratedCatalogue(
        events=events_folder,
        items=folder / "items.jsonl",
        users=folder / "users.csv",
        first_day=first_day,
        last_day=last_day,
        rows={"events": len(log), "items": items, "users": users + 1},
        dirt=dirt_rows,
        bot_user_id=dirt.BOT_USER_ID,
        bot_day=first_day + dt.timedelta(days=bot_day),
    )


def _events_folder(folder: Path, first_day: dt.date, days: int) -> Path:
    events = folder / "events"
    events.mkdir(parents=True, exist_ok=True)
    ours = {f"{first_day + dt.timedelta(days=day):%Y-%m-%d}.csv.gz" for day in range(days)}
    if others := sorted(path.name for path in events.iterdir() if path.name not in ours):
        raise FileExistsError(
            f"{events} holds {others[0]}, which is not a day from {first_day} on, {days} days. Name an empty folder."
        )
    return events


def _write_items(catalogue: Catalogue, first_day: dt.date, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as out:
        for i, item_id in enumerate(catalogue.item_id):
            work = {
                "item_id": str(item_id),
                "title": catalogue.title[i],
                "category": CATEGORIES[catalogue.category[i]],
                "creator_id": catalogue.creator_id[i],
                "tags": catalogue.tags[i],
                "description": catalogue.description[i],
                "price": round(float(catalogue.price[i]), 2),
                "released": str(first_day + dt.timedelta(days=int(catalogue.released_day[i]))),
                "available": bool(catalogue.available[i]),
            }
            out.write(json.dumps(work, ensure_ascii=False) + "\n")


def _write_users(people: People, first_day: dt.date, path: Path) -> None:
    joined = [first_day + dt.timedelta(days=int(day)) for day in people.joined_day]
    consent = ["true" if yes else "false" for yes in people.consent]
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(("user_id", "age_band", "country", "consent", "joined"))
        writer.writerows(zip(people.user_id, people.age_band, people.country, consent, joined, strict=True))
        writer.writerow((dirt.BOT_USER_ID, "25-34", "NL", "true", first_day))
