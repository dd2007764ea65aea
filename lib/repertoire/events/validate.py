"""From raw rows to typed events: the rules that a row must keep, each a value with a name, and what broke it."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from zoneinfo import ZoneInfo

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from repertoire.events import cells
from repertoire.events.identity import KEY_HASH, key_hash
from repertoire.events.layout import Layout
from repertoire.events.read_rows import BLOCK, FILE, ROW, RawRows
from repertoire.settings import IngestSettings
from repertoire.vocabulary import (
    CONTEXT,
    EVENT_DATE,
    EVENT_TS,
    EVENT_TYPE,
    EVENT_TYPES,
    ITEM_ID,
    SESSION_ID,
    USER_ID,
    VALUE,
)

RULE = "rule"
FIELD = "field"
OFFENDER = "offender"
RAW = "raw"

TYPED_SCHEMA = (
    f"{FILE} string, {USER_ID} string, {ITEM_ID} string, {EVENT_TYPE} string, {EVENT_TS} timestamp, {VALUE} double, "
    f"{SESSION_ID} string, {CONTEXT} map<string,string>, {EVENT_DATE} date, "
    f"{RULE} string, {FIELD} string, {OFFENDER} string, {RAW} string, {BLOCK} bigint, {ROW} bigint, "
    f"{KEY_HASH} bigint"
)
"""A typed row. rule: the first one broken, or null; with it field, offender, raw and the row's place in its file.
event_type is null where the row names none; key_hash where it broke a rule."""


_MEANINGS = {USER_ID: "id", ITEM_ID: "id", SESSION_ID: "id", EVENT_TYPE: "word", EVENT_TS: "time", VALUE: "number"}


@dataclass(frozen=True)
class Rule:
    """broken: true for a row that breaks it. offender: what stands in the field."""

    name: str
    field: str | None
    broken: Column
    offender: Column


def typed_events(
    raw: RawRows, names: Mapping[str, str], settings: IngestSettings, *, run_date: dt.date, timezone: str
) -> DataFrame:
    """Every raw row once, in TYPED_SCHEMA. names: our column → the file's.

    timezone: the zone in which a day begins; the event_date of an event without a time is run_date.
    """
    parsed = raw.frame.select("*", *_parsed(raw, names, settings))
    checked = parsed.withColumn("_verdict", first_broken(_rules(raw, names, settings, run_date, timezone)))
    verdict = F.col("_verdict")
    refused = verdict.isNotNull()
    day = F.col("_ts") if timezone == "UTC" else F.from_utc_timestamp("_ts", timezone)
    typed = checked.select(
        FILE,
        F.col("_user").alias(USER_ID),
        F.col("_item").alias(ITEM_ID),
        F.col("_type").alias(EVENT_TYPE),
        F.col("_ts").alias(EVENT_TS),
        F.col("_value").alias(VALUE),
        F.col("_session").alias(SESSION_ID),
        _context(raw, settings.context_columns).alias(CONTEXT),
        F.coalesce(day.cast("date"), F.lit(run_date)).alias(EVENT_DATE),
        verdict[RULE].alias(RULE),
        verdict[FIELD].alias(FIELD),
        verdict[OFFENDER].alias(OFFENDER),
        F.when(refused, raw.raw).alias(RAW),
        F.when(refused, F.col(BLOCK)).alias(BLOCK),
        F.when(refused, F.col(ROW)).alias(ROW),
    )
    return typed.withColumn(KEY_HASH, F.when(F.col(RULE).isNull(), key_hash()))


def check_types(layout: Layout, names: Mapping[str, str], file: str) -> None:
    """Raises InputError where a column of Parquet has a type that cannot be what it is said to be."""
    for ours, name in names.items():
        cells.check_type(layout, name, ours, _MEANINGS[ours], file)


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
        "id_too_long": longest,
        "unknown_event_type": f"{words}, and the words in ingest.event_types",
        "bad_timestamp": f"{units[settings.ts_unit]} (ingest.ts_unit is {settings.ts_unit}), or nothing",
        "timestamp_too_early": f"{settings.earliest} and later (ingest.earliest)",
        "timestamp_in_future": f"{latest} and earlier (ingest.max_future_days: {settings.max_future_days} after the run's date)",
        "bad_value": "a number such as 3.5, or nothing",
        "value_not_finite": "a finite number, or nothing",
        "negative_value": "0 and more, or nothing",
    }


def _parsed(raw: RawRows, names: Mapping[str, str], settings: IngestSettings) -> list[Column]:
    """Our columns, in our types; null where the file has none or nothing can be made of it."""
    return [
        cells.id_or_words(raw, names.get(USER_ID)).alias("_user"),
        cells.id_or_words(raw, names.get(ITEM_ID)).alias("_item"),
        _event_type(raw, names.get(EVENT_TYPE), settings).alias("_type"),
        cells.time(raw, names.get(EVENT_TS), settings.ts_unit, settings.timezone).alias("_ts"),
        cells.number(raw, names.get(VALUE)).alias("_value"),
        cells.id_or_words(raw, names.get(SESSION_ID)).alias("_session"),
    ]


def _rules(
    raw: RawRows, names: Mapping[str, str], settings: IngestSettings, run_date: dt.date, timezone: str
) -> Sequence[Rule]:
    """In the order in which they are asked: a row is refused for the first one that it breaks."""
    zone = ZoneInfo(timezone)
    earliest = F.lit(_midnight(settings.earliest, zone))
    too_late = F.lit(_midnight(run_date + dt.timedelta(days=1 + settings.max_future_days), zone))
    said = {ours: cells.text(raw, names.get(ours)) for ours in (USER_ID, ITEM_ID, EVENT_TYPE, EVENT_TS, VALUE)}
    given = {ours: cells.is_given(raw, names.get(ours)) for ours in said}
    user, item, time, value = F.col("_user"), F.col("_item"), F.col("_ts"), F.col("_value")
    finite = ~F.isnan(value) & (F.abs(value) != F.lit(float("inf")))
    broken = (
        ("malformed_row", None, raw.malformed),
        ("missing_user_id", USER_ID, user.isNull()),
        ("missing_item_id", ITEM_ID, item.isNull()),
        ("id_too_long", USER_ID, F.length(user) > settings.max_id_length),
        ("id_too_long", ITEM_ID, F.length(item) > settings.max_id_length),
        ("unknown_event_type", EVENT_TYPE, F.col("_type").isNull() & given[EVENT_TYPE]),
        ("bad_timestamp", EVENT_TS, time.isNull() & given[EVENT_TS]),
        ("timestamp_too_early", EVENT_TS, time < earliest),
        ("timestamp_in_future", EVENT_TS, time >= too_late),
        ("bad_value", VALUE, value.isNull() & given[VALUE]),
        ("value_not_finite", VALUE, ~finite),
        ("negative_value", VALUE, value < 0),
    )
    nothing = F.lit(None).cast("string")
    return [Rule(name, field, condition, said[field] if field else nothing) for name, field, condition in broken]


def first_broken(rules: Sequence[Rule]) -> Column:
    """The first broken rule with its field and offender, or null."""

    def sentence(rule: Rule) -> Column:
        field = F.lit(rule.field).cast("string")
        return F.struct(F.lit(rule.name).alias(RULE), field.alias(FIELD), rule.offender.alias(OFFENDER))

    first, *rest = rules
    return reduce(
        lambda chain, rule: chain.when(rule.broken, sentence(rule)), rest, F.when(first.broken, sentence(first))
    )


def _event_type(raw: RawRows, name: str | None, settings: IngestSettings) -> Column:
    """Ours, whatever the case; null where the row names none and the file's kind tells none, or one that nobody knows."""
    known = raw.layout.known
    if name is None:
        told = known.default_event_type if known and settings.default_event_type == "auto" else None
        return F.lit(told).cast("string")
    event_types = {**(known.event_types if known else {}), **settings.event_types}
    said = raw.column(name).cast("string")
    word = F.lower(F.trim(said))
    as_it_stands = [ours for ours in EVENT_TYPES if ours not in event_types]
    chain = F.when(said.isin(as_it_stands), said)  # nearly all rows, at the cost of one look-up
    for theirs, ours in event_types.items():
        chain = chain.when(word == theirs, F.lit(ours))
    return chain.when(word.isin(as_it_stands), word)


def _context(raw: RawRows, columns: Sequence[str]) -> Column:
    """The kept columns that a row fills, or null where it fills none."""
    kept = [name for name in columns if name in raw.layout.names]
    if not kept:
        return F.lit(None).cast("map<string,string>")
    pairs = [part for name in kept for part in (F.lit(name), raw.column(name).cast("string"))]
    filled = F.map_filter(F.create_map(*pairs), lambda _, value: value.isNotNull())
    return F.when(F.size(filled) > 0, filled)


def _midnight(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), zone)
