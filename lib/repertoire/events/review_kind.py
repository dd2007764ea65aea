"""Reviews: their columns, and the rules that they keep."""

from collections.abc import Mapping
from dataclasses import replace

from pyspark.sql import Column

from repertoire.events import cells, rules
from repertoire.events.columns import ITEM, TIME, USER, VALUE_ALIASES, Field
from repertoire.events.identity import Identity
from repertoire.events.log_kind import LogKind
from repertoire.events.read_rows import RawRows
from repertoire.events.rules import ParsedRows, Rule
from repertoire.settings import IngestSettings
from repertoire.tables import REVIEWS
from repertoire.vocabulary import EVENT_TS, ITEM_ID, LANGUAGE, TEXT, TITLE, USER_ID, VALUE


def _columns(raw: RawRows, names: Mapping[str, str], settings: IngestSettings) -> dict[str, Column]:
    words = {name: cells.id_or_words(raw, names.get(name)) for name in (USER_ID, ITEM_ID, TITLE, TEXT, LANGUAGE)}
    return words | {
        EVENT_TS: cells.time(raw, names.get(EVENT_TS), settings.ts_unit, settings.timezone),
        VALUE: cells.number(raw, names.get(VALUE)),
    }


def _rules(rows: ParsedRows) -> list[Rule]:
    return [
        *rules.missing(rows, TEXT),
        *rules.too_long(rows, USER_ID, ITEM_ID),
        *rules.times(rows),
        *rules.values(rows, VALUE),
    ]


REVIEW_KIND = LogKind(
    name="reviews",
    table=REVIEWS,
    fields=(
        replace(USER, required=False),
        replace(ITEM, required=False),
        replace(TIME, aliases=TIME.aliases | {"date", "reviewdate"}),
        Field(VALUE, aliases=VALUE_ALIASES | {"stars", "starrating"}),
        Field(TITLE, aliases=frozenset({"summary", "headline", "reviewtitle", "reviewheadline"})),
        Field(TEXT, True, frozenset({"review", "reviewtext", "reviewbody", "body", "comment", "content"})),
        Field(LANGUAGE, aliases=frozenset({"lang", "languagecode", "locale"})),
    ),
    meanings={USER_ID: "id", ITEM_ID: "id", EVENT_TS: "time", VALUE: "number"}
    | dict.fromkeys((TITLE, TEXT, LANGUAGE), "text"),
    demanded=frozenset({TEXT, LANGUAGE}),
    identity=Identity(numbers=(VALUE,), texts=(USER_ID, ITEM_ID, TITLE, LANGUAGE), rest=TEXT),
    columns=_columns,
    rules=_rules,
)
