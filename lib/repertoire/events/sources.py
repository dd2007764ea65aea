"""Which files hold events, items and users, as settings name them."""

from dataclasses import dataclass

from pyspark.sql import SparkSession

from repertoire.errors import InputError
from repertoire.events.formats.known_file import Holds
from repertoire.events.formats.registry import format_of
from repertoire.events.input_files import InputFile, list_files
from repertoire.settings import IngestSettings


@dataclass(frozen=True)
class Sources:
    """The files of a run by what they hold, each sorted by path."""

    events: tuple[InputFile, ...]
    items: tuple[InputFile, ...]
    users: tuple[InputFile, ...]


_KINDS: tuple[Holds, ...] = ("events", "items", "users")


def find_sources(spark: SparkSession, settings: IngestSettings) -> Sources:
    """The files below ingest.events, ingest.items and ingest.users; none for a setting that is empty.

    A folder of a public data set named by ingest.events also gives items and users, unless the settings name others.
    Raises InputError where a path that is set has nothing to read.
    """
    found = {kind: _listed(spark, getattr(settings, kind), kind) for kind in _KINDS}
    events = found["events"]
    public = format_of(settings.format, events)
    if public is not None and events:
        parts = {kind: public.of_kind(events, kind) for kind in _KINDS}
        if not parts["events"]:
            wanted = [name for known in public.files if known.holds == "events" for name in known.names]
            raise InputError(
                f"ingest.events: {settings.events} holds no events of {public.title}. "
                f"Allowed: {', '.join(wanted)}, each also with .gz. Found: {', '.join(file.name for file in events)}."
            )
        found = {kind: found[kind] if kind != "events" and found[kind] else parts[kind] for kind in _KINDS}
    return Sources(found["events"], found["items"], found["users"])


def _listed(spark: SparkSession, path: str, kind: str) -> tuple[InputFile, ...]:
    return list_files(spark, path, kind) if path else ()
