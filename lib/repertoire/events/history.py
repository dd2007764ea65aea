"""Keeps what was known of a work or a user, and when: a slowly changing dimension of type 2 (Kimball).

A row holds from valid_from (inclusive) to valid_to (exclusive). What is first heard of an id is taken to have held
always, so that earlier dates can be run again and backtested with it; a change holds from the run_date that brought it.
"""

import datetime as dt

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from repertoire.tables import Table

ALWAYS = dt.date(1970, 1, 1)


def changed_rows(history: DataFrame, incoming: DataFrame, table: Table, run_date: dt.date) -> DataFrame:
    """The rows to upsert by (id, valid_from): new ids, changed rows, and the rows that those close.

    history: the table; incoming: its columns without valid_from and valid_to, no id twice. Unchanged ids give no row.

    An older run_date must not rewrite what came later: an id that has a row from a later day keeps all its rows, and
    the incoming row is dropped. A second change on one run_date replaces the first.
    """
    key = table.key[0]
    attributes = [name for name in table.column_names if name not in (key, "valid_from", "valid_to")]
    columns = [F.col(name) for name in table.column_names]
    latest = history.where(F.col("valid_to").isNull()).select(
        F.col(key),
        F.struct(*attributes).alias("_known"),
        F.col("valid_from").alias("_since"),
    )
    joined = incoming.select(key, F.struct(*attributes).alias("_new")).join(latest, key, "left")
    is_new = F.col("_since").isNull()
    is_change = ~is_new & ~F.col("_known").eqNullSafe(F.col("_new")) & (F.col("_since") <= F.lit(run_date))
    since = F.when(is_new, F.lit(ALWAYS)).otherwise(F.lit(run_date))
    never = F.lit(None).cast("date")
    opened = joined.where(is_new | is_change).select(key, "_new.*", since.alias("valid_from"), never.alias("valid_to"))
    closed = joined.where(is_change & (F.col("_since") < F.lit(run_date))).select(
        key, "_known.*", F.col("_since").alias("valid_from"), F.lit(run_date).alias("valid_to")
    )
    return opened.select(*columns).unionByName(closed.select(*columns))
