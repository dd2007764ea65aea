"""The rules that a row must keep, each a value with a name: those that several kinds of rows share, and what is allowed."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from zoneinfo import ZoneInfo

from pyspark.sql import Column
from pyspark.sql import functions as F

from repertoire.events import cells
from repertoire.events.read_rows import RawRows
from repertoire.settings import IngestSettings
from repertoire.vocabulary import EVENT_TS, EVENT_TYPES

RULE = "rule"
FIELD = "field"
OFFENDER = "offender"
RAW = "raw"

_OURS = "_our_"


@dataclass(frozen=True)
class Rule:
    """broken: true for a row that breaks it. offender: what stands in the field."""

    name: str
    field: str | None
    broken: Column
    offender: Column


@dataclass(frozen=True)
class ParsedRows:
    """Raw rows, our columns → the file's, and the settings, date and zone of the run that reads them."""

    raw: RawRows
    names: Mapping[str, str]
    settings: IngestSettings
    run_date: dt.date
    timezone: str

    def ours(self, name: str) -> Column:
        """What was made of our column."""
        return F.col(_OURS + name)

    def is_unread(self, name: str) -> Column:
        """Whether something stands there of which nothing could be made."""
        return self.ours(name).isNull() & cells.is_given(self.raw, self.names.get(name))

    def rule(self, name: str, field: str, broken: Column) -> Rule:
        return Rule(name, field, broken, cells.text(self.raw, self.names.get(field)))


def aliased(columns: Mapping[str, Column]) -> list[Column]:
    """Our columns under the names by which `ParsedRows.ours` finds them."""
    return [column.alias(_OURS + name) for name, column in columns.items()]


def malformed(raw: RawRows) -> Rule:
    return Rule("malformed_row", None, raw.malformed, F.lit(None).cast("string"))


def missing(rows: ParsedRows, *names: str) -> list[Rule]:
    return [rows.rule(f"missing_{name}", name, rows.ours(name).isNull()) for name in names]


def too_long(rows: ParsedRows, *names: str) -> list[Rule]:
    return [rows.rule("id_too_long", name, F.length(rows.ours(name)) > rows.settings.max_id_length) for name in names]


def times(rows: ParsedRows) -> list[Rule]:
    """Those of event_ts."""
    zone, settings = ZoneInfo(rows.timezone), rows.settings
    time = rows.ours(EVENT_TS)
    earliest = F.lit(_midnight(settings.earliest, zone))
    too_late = F.lit(_midnight(rows.run_date + dt.timedelta(days=1 + settings.max_future_days), zone))
    return [
        rows.rule("bad_timestamp", EVENT_TS, rows.is_unread(EVENT_TS)),
        rows.rule("timestamp_too_early", EVENT_TS, time < earliest),
        rows.rule("timestamp_in_future", EVENT_TS, time >= too_late),
    ]


def values(rows: ParsedRows, name: str) -> list[Rule]:
    """Those of a number that may be left out."""
    return [
        rows.rule(f"bad_{name}", name, rows.is_unread(name)),
        rows.rule(f"{name}_not_finite", name, ~is_finite(rows.ours(name))),
    ]


def is_finite(number: Column) -> Column:
    return ~F.isnan(number) & (F.abs(number) != F.lit(float("inf")))


def first_broken(rules: Sequence[Rule]) -> Column:
    """The first broken rule with its field and offender, or null."""

    def sentence(rule: Rule) -> Column:
        field = F.lit(rule.field).cast("string")
        return F.struct(F.lit(rule.name).alias(RULE), field.alias(FIELD), rule.offender.alias(OFFENDER))

    first, *rest = rules
    return reduce(
        lambda chain, rule: chain.when(rule.broken, sentence(rule)), rest, F.when(first.broken, sentence(first))
    )


def allowed(settings: IngestSettings, run_date: dt.date) -> dict[str, str]:
    """Rule → what its field may hold, for a message."""
    words = ", ".join(EVENT_TYPES)
    units = {"auto": "ISO 8601, or a number of seconds, milli- or microseconds since 1970", "iso": "ISO 8601"}
    units |= {"s": "seconds since 1970", "ms": "milliseconds since 1970", "us": "microseconds since 1970"}
    longest = f"up to {settings.max_id_length} characters (ingest.max_id_length)"
    latest = run_date + dt.timedelta(days=settings.max_future_days)
    return {
        "malformed_row": "as many fields as the first line names, or one whole JSON object",
        "missing_user_id": "anything but nothing",
        "missing_item_id": "anything but nothing",
        "missing_text": "anything but nothing",
        "missing_reward": "a finite number, such as 1 for a click and 0 for none",
        "id_too_long": longest,
        "unknown_event_type": f"{words}, and the words in ingest.event_types",
        "bad_timestamp": f"{units[settings.ts_unit]} (ingest.ts_unit is {settings.ts_unit}), or nothing",
        "timestamp_too_early": f"{settings.earliest} and later (ingest.earliest)",
        "timestamp_in_future": f"{latest} and earlier (ingest.max_future_days: {settings.max_future_days} after the run's date)",
        "bad_value": "a number such as 3.5, or nothing",
        "value_not_finite": "a finite number, or nothing",
        "negative_value": "0 and more, or nothing",
        "bad_position": "a whole number from 1, the top, or nothing",
        "bad_propensity": "a number above 0 and up to 1, or nothing",
        "propensity_out_of_range": "a number above 0 and up to 1, or nothing",
        "bad_reward": "a finite number, such as 1 for a click and 0 for none, or true and false",
    }


def _midnight(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), zone)
