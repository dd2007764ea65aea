"""What was known when: the history of items and users, as rows that hold from one run_date until another."""

import datetime as dt

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

ALWAYS = dt.date(1970, 1, 1)
"""From when on holds what is first heard of an id: earlier dates can then be run again, and backtested, with it."""

_VALID_FROM = "valid_from"
_VALID_TO = "valid_to"


def first_history(incoming: DataFrame, *, restated: dt.date | None = None) -> DataFrame:
    """What `history` gives where there is none yet."""
    until = F.lit(restated).cast("date")
    return incoming.withColumns({_VALID_FROM: F.lit(ALWAYS), _VALID_TO: until})


def history(
    current: DataFrame, incoming: DataFrame, run_date: dt.date, key: str, *, restated: dt.date | None = None
) -> DataFrame:
    """The rows to merge, by key and valid_from, into the history so that `incoming` holds from run_date on.

    current: the table as it is: key, attributes, valid_from, valid_to. incoming: key and attributes, one row for each id.
    restated: the next later run_date on which a file of this kind was taken in, if there is one.

    For each id of incoming whose attributes differ from those that hold on run_date (or that has none then):
    - a row from run_date (from `ALWAYS` where the id is new), until the next later row of that id begins, at the latest
      until `restated`;
    - the row that held so far ends on run_date, and where it went on beyond `restated`, it holds again from there.
    So an older run_date, taken in late, adds what was known in its time and leaves what holds today as it is. The same
    run_date again replaces its own rows. An id that incoming lacks, and one whose attributes are the same, is left alone.
    """
    attributes = [name for name in current.columns if name not in (key, _VALID_FROM, _VALID_TO)]
    day = F.lit(run_date)
    holds = (F.col(_VALID_FROM) <= day) & (F.col(_VALID_TO).isNull() | (F.col(_VALID_TO) > day))
    then = F.struct(_VALID_FROM, _VALID_TO, *attributes)
    known = current.groupBy(key).agg(
        F.max_by(F.when(holds, then), F.when(holds, F.col(_VALID_FROM))).alias("_then"),
        F.min(F.when(F.col(_VALID_FROM) > day, F.col(_VALID_FROM))).alias("_next"),
    )
    stated = incoming.select(key, F.struct(*attributes).alias("_new"))
    both = stated.join(known, key, "left")
    was = F.col("_then")
    same = F.struct(*[was[name].alias(name) for name in attributes]).eqNullSafe(F.col("_new"))
    changed = both.where(was.isNull() | ~same)
    # From here on three rows at most for an id: the new one, the one before it, and that again after `restated`.
    until = F.least("_next", F.lit(restated).cast("date"))  # least passes nulls over
    resumes = was.isNotNull() & (F.lit(restated).cast("date") < F.coalesce(was[_VALID_TO], F.lit(dt.date.max)))
    begins = F.when(was.isNull() & F.col("_next").isNull(), F.lit(ALWAYS)).otherwise(day)
    new = F.struct(
        begins.alias(_VALID_FROM), until.alias(_VALID_TO), *[F.col("_new")[name].alias(name) for name in attributes]
    )
    closed = F.when(was[_VALID_FROM] < day, was.withField(_VALID_TO, day))
    again = F.when(resumes, was.withField(_VALID_FROM, F.lit(restated).cast("date")))
    rows = changed.select(key, F.explode(F.array_compact(F.array(new, closed, again))).alias("_row"))
    return rows.select(
        key, *[F.col("_row")[name].alias(name) for name in attributes], f"_row.{_VALID_FROM}", f"_row.{_VALID_TO}"
    )
