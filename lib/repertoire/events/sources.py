"""Which files hold events, items and users, as settings name them."""

from dataclasses import dataclass

from pyspark.sql import SparkSession

from repertoire.errors import InputError
from repertoire.events import movielens
from repertoire.events.input_files import InputFile, list_files
from repertoire.settings import IngestSettings


@dataclass(frozen=True)
class Sources:
    """The files of a run by what they hold, each sorted by path."""

    events: tuple[InputFile, ...]
    items: tuple[InputFile, ...]
    users: tuple[InputFile, ...]


def find_sources(spark: SparkSession, settings: IngestSettings) -> Sources:
    """The files below ingest.events, ingest.items and ingest.users; none for a setting that is empty.

    A MovieLens folder named by ingest.events also gives items and users, unless the settings name others.
    Raises InputError where a path that is set has nothing to read.
    """
    found = {kind: _listed(spark, getattr(settings, kind), kind) for kind in ("events", "items", "users")}
    events = found["events"]
    if settings.format == "movielens" or (settings.format == "auto" and movielens.is_movielens(events)):
        parts = {kind: movielens.of_kind(events, kind) for kind in found}
        if events and not parts["events"]:
            names = ", ".join(file.name for file in events)
            raise InputError(
                f"ingest.events: {settings.events} holds no ratings of MovieLens. "
                f"Allowed: u.data, ratings.dat or ratings.csv, each also with .gz. Found: {names}."
            )
        found = {kind: found[kind] if kind != "events" and found[kind] else parts[kind] for kind in found}
    return Sources(found["events"], found["items"], found["users"])


def _listed(spark: SparkSession, path: str, kind: str) -> tuple[InputFile, ...]:
    return list_files(spark, path, kind) if path else ()
