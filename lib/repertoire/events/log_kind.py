"""A kind of rows that logs hold (events, reviews, impressions), and the way from raw to typed rows that they share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from repertoire.events.identity import KEY_HASH, Identity, key_hash
from repertoire.events.kind import Kind
from repertoire.events.layout import Layout
from repertoire.events.read_rows import BLOCK, FILE, ROW, RawRows
from repertoire.events.rules import (
    FIELD,
    OFFENDER,
    RAW,
    RULE,
    ParsedRows,
    Rule,
    aliased,
    first_broken,
    malformed,
)
from repertoire.settings import IngestSettings
from repertoire.vocabulary import CONTEXT, EVENT_DATE, EVENT_TS, SOURCE

Settled = tuple[Mapping[str, str], tuple[str, ...]]


@dataclass(frozen=True)
class Later:
    """Columns of a batch that are settled when all its rows are known.

    asked: aggregates of the typed rows. settle: from the groups that `summarise` gives for them, our column → the value
    of rows that name none, and what a person should be told.
    """

    asked: Callable[[], list[Column]]
    settle: Callable[[Sequence[Row], IngestSettings], Settled]


@dataclass(frozen=True, kw_only=True)
class LogKind(Kind):
    """columns: our columns of a row, but for context and event_date; null where nothing can be made of it. rules: in the
    order in which they are asked, after malformed_row: a row is refused for the first one that it breaks."""

    identity: Identity
    columns: Callable[[RawRows, Mapping[str, str], IngestSettings], dict[str, Column]]
    rules: Callable[[ParsedRows], list[Rule]]
    later: Later | None = None

    @property
    def schema(self) -> str:
        """A typed row. rule: the first one broken, or null; with it field, offender, raw and the row's place in its file.
        What is settled later is null where the row names none; key_hash where it broke a rule."""
        ours = ", ".join(f"{column.name} {column.type}" for column in self.table.columns if self._is_read(column.name))
        verdict = ", ".join(f"{name} string" for name in (RULE, FIELD, OFFENDER, RAW))
        return f"{FILE} string, {ours}, {verdict}, {BLOCK} bigint, {ROW} bigint, {KEY_HASH} bigint"

    def typed(self, rows: ParsedRows) -> DataFrame:
        """Every raw row once, in `schema`. The event_date of a row without a time is the run's date."""
        raw = rows.raw
        columns = self.columns(raw, rows.names, rows.settings)
        known = raw.layout.known
        if known is not None and known.written is not None:
            columns |= known.written(raw, columns)
        parsed = raw.frame.select("*", *aliased(columns))
        checked = parsed.withColumn("_verdict", first_broken([malformed(raw), *self.rules(rows)]))
        verdict = F.col("_verdict")
        refused = verdict.isNotNull()
        time = rows.ours(EVENT_TS)
        day = time if rows.timezone == "UTC" else F.from_utc_timestamp(time, rows.timezone)
        made = {name: rows.ours(name) for name in columns} | {
            CONTEXT: _context(raw, kept_columns(raw.layout, rows.settings)),
            EVENT_DATE: F.coalesce(day.cast("date"), F.lit(rows.run_date)),
        }
        typed = checked.select(
            FILE,
            *[made[column].alias(column) for column in self.table.column_names if self._is_read(column)],
            *[verdict[name].alias(name) for name in (RULE, FIELD, OFFENDER)],
            F.when(refused, raw.raw).alias(RAW),
            F.when(refused, F.col(BLOCK)).alias(BLOCK),
            F.when(refused, F.col(ROW)).alias(ROW),
        )
        return typed.withColumn(KEY_HASH, F.when(F.col(RULE).isNull(), key_hash(self.identity)))

    def _is_read(self, column: str) -> bool:
        return column not in (self.key, SOURCE)


def kept_columns(layout: Layout, settings: IngestSettings) -> list[str]:
    """The file's columns that go into the context: those that settings name, and those that its format is known for."""
    patterns = layout.known.kept if layout.known else ()
    known = [name for name in layout.names if any(fnmatchcase(name, pattern) for pattern in patterns)]
    named = [name for name in settings.context_columns if name in layout.names]
    return list(dict.fromkeys([*named, *known]))


def _context(raw: RawRows, kept: Sequence[str]) -> Column:
    """The kept columns that a row fills, or null where it fills none."""
    if not kept:
        return F.lit(None).cast("map<string,string>")
    pairs = [part for name in kept for part in (F.lit(name), raw.column(name).cast("string"))]
    filled = F.map_filter(F.create_map(*pairs), lambda _, value: value.isNotNull())
    return F.when(F.size(filled) > 0, filled)
