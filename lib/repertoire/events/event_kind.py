"""Behaviour events: their columns, the rules that they keep, and the type of those that name none."""

from collections.abc import Mapping, Sequence

from pyspark.sql import Column, Row
from pyspark.sql import functions as F

from repertoire.events import cells, rules
from repertoire.events.columns import ITEM, SESSION, TIME, USER, VALUE_ALIASES, Field
from repertoire.events.default_type import decide_event_type
from repertoire.events.identity import Identity
from repertoire.events.log_kind import Later, LogKind, Settled
from repertoire.events.read_rows import RawRows
from repertoire.events.rules import ParsedRows, Rule
from repertoire.settings import IngestSettings
from repertoire.tables import EVENTS
from repertoire.vocabulary import EVENT_TS, EVENT_TYPE, EVENT_TYPES, ITEM_ID, SESSION_ID, USER_ID, VALUE


def _columns(raw: RawRows, names: Mapping[str, str], settings: IngestSettings) -> dict[str, Column]:
    return {
        USER_ID: cells.id_or_words(raw, names.get(USER_ID)),
        ITEM_ID: cells.id_or_words(raw, names.get(ITEM_ID)),
        EVENT_TYPE: _event_type(raw, names.get(EVENT_TYPE), settings),
        EVENT_TS: cells.time(raw, names.get(EVENT_TS), settings.ts_unit, settings.timezone),
        VALUE: cells.number(raw, names.get(VALUE)),
        SESSION_ID: cells.id_or_words(raw, names.get(SESSION_ID)),
    }


def _rules(rows: ParsedRows) -> list[Rule]:
    return [
        *rules.missing(rows, USER_ID, ITEM_ID),
        *rules.too_long(rows, USER_ID, ITEM_ID),
        rows.rule("unknown_event_type", EVENT_TYPE, rows.is_unread(EVENT_TYPE)),
        *rules.times(rows),
        *rules.values(rows, VALUE),
        rows.rule("negative_value", VALUE, rows.ours(VALUE) < 0),
    ]


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


def _values_of_untyped() -> list[Column]:
    value = F.when(F.col(EVENT_TYPE).isNull(), F.col(VALUE))
    return [
        F.count_if(F.col(EVENT_TYPE).isNull()).alias("untyped"),
        F.max(value).alias("greatest"),
        F.count_if((value > 10) | (value * 2 != F.floor(value * 2))).alias("off_scale"),
    ]


def _type_of_untyped(groups: Sequence[Row], settings: IngestSettings) -> Settled:
    """The type of events that name none, and a line on how it was found where it was."""
    if settings.default_event_type != "auto":
        return {EVENT_TYPE: settings.default_event_type}, ()
    untyped = sum(group["untyped"] for group in groups)
    greatest = max((group["greatest"] for group in groups if group["greatest"] is not None), default=None)
    event_type, why = decide_event_type(untyped, greatest, not any(group["off_scale"] for group in groups))
    return {EVENT_TYPE: event_type}, (f"{why} (ingest.default_event_type says otherwise)",) if untyped else ()


EVENT_KIND = LogKind(
    name="events",
    table=EVENTS,
    fields=(
        USER,
        ITEM,
        Field(EVENT_TYPE, aliases=frozenset({"event", "eventname", "behavior", "behaviour", "behaviortype", "action"})),
        TIME,
        Field(VALUE, aliases=VALUE_ALIASES | {"weight", "amount", "quantity", "hours", "playcount"}),
        SESSION,
    ),
    meanings={USER_ID: "id", ITEM_ID: "id", SESSION_ID: "id", EVENT_TYPE: "word", EVENT_TS: "time", VALUE: "number"},
    demanded=frozenset({USER_ID, ITEM_ID, EVENT_TYPE, EVENT_TS, VALUE, SESSION_ID}),
    identity=Identity(
        words=(EVENT_TYPE,), numbers=(VALUE,), texts=(USER_ID, ITEM_ID), rest=SESSION_ID, settled_later=EVENT_TYPE
    ),
    columns=_columns,
    rules=_rules,
    later=Later(_values_of_untyped, _type_of_untyped),
)
