"""Which files hold events, reviews, impressions, items and users, as settings name them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from pyspark.sql import SparkSession

from repertoire.errors import InputError
from repertoire.events.formats.known_file import Holds, PublicFormat
from repertoire.events.formats.registry import format_of
from repertoire.events.input_files import InputFile, list_files
from repertoire.settings import IngestSettings


@dataclass(frozen=True)
class Sources:
    """The files of a run by what they hold, each sorted by path."""

    events: tuple[InputFile, ...] = ()
    reviews: tuple[InputFile, ...] = ()
    impressions: tuple[InputFile, ...] = ()
    items: tuple[InputFile, ...] = ()
    users: tuple[InputFile, ...] = ()

    def of_kind(self, kind: Holds) -> tuple[InputFile, ...]:
        found: tuple[InputFile, ...] = getattr(self, kind)
        return found


KINDS: tuple[Holds, ...] = get_args(Holds)
_LOGS: tuple[Holds, ...] = ("events", "reviews", "impressions")
_BESIDE: dict[Holds, tuple[Holds, ...]] = {
    "events": KINDS,
    "reviews": ("reviews", "items", "users"),
    "impressions": ("impressions", "items", "users"),
}
"""What else is taken from the folder of a public data set that a setting names."""


def find_sources(spark: SparkSession, settings: IngestSettings) -> Sources:
    """The files below ingest.events, .reviews, .impressions, .items and .users; none for a setting that is empty.

    A folder of a public data set named by ingest.events also gives reviews, impressions, items and users, and one named
    by ingest.reviews or ingest.impressions items and users, unless the settings name others.
    Raises InputError where a path that is set has nothing to read.
    """
    named = {kind: _listed(spark, getattr(settings, kind), kind) for kind in KINDS}
    found = dict(named)
    for log, beside in _BESIDE.items():
        public = format_of(settings.format, named[log]) if named[log] else None
        if public is None:
            continue
        logs = [kind for kind in _LOGS if kind in beside and public.has(kind)]
        if log not in logs and (not logs or any(named[kind] for kind in logs)):
            continue  # a log of another origin, beside the data set
        parts = {kind: public.of_kind(named[log], kind) for kind in beside}
        if not any(parts[kind] for kind in logs):
            raise InputError(_nothing_of(public, logs, log, getattr(settings, log), named[log]))
        found |= {kind: files for kind, files in parts.items() if kind == log or not found[kind]}
    return Sources(**found)


def _listed(spark: SparkSession, path: str, kind: str) -> tuple[InputFile, ...]:
    return list_files(spark, path, kind) if path else ()


def _nothing_of(
    public: PublicFormat, logs: Sequence[Holds], setting: str, path: str, files: Sequence[InputFile]
) -> str:
    known = [one for one in public.files if one.holds in logs]
    wanted = dict.fromkeys(name for one in known for name in one.names or ("any other name",))
    return (
        f"ingest.{setting}: {path} holds no {' or '.join(logs)} of {public.title}. "
        f"Allowed: {', '.join(wanted)}, each also with .gz. Found: {', '.join(file.name for file in files)}."
    )
