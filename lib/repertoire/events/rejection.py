"""The rows that broke a rule: as a table, and as the reason to stop."""

import datetime as dt
import math
from collections.abc import Mapping

from pyspark.sql import Column, DataFrame, Row, SparkSession, Window
from pyspark.sql import functions as F

from repertoire.errors import InputError
from repertoire.events.counts import RowCounts
from repertoire.events.find_layouts import format_by_name
from repertoire.events.input_files import InputFile
from repertoire.events.read_rows import BLOCK, FILE, ROW, literally
from repertoire.events.rules import FIELD, OFFENDER, RAW, RULE
from repertoire.tables import REJECTED_EVENTS

_SHOWN = 80  # characters of an offending value that a message shows


def rejected_rows(typed: DataFrame, source: Column, run_date: dt.date, kind: str) -> DataFrame:
    """The rows of tables.REJECTED_EVENTS.

    typed: rows with rule, field, offender and raw. source: the file's path. kind: as what the file was read; a row of a
    file that is read as several may be refused once for each.
    """
    refused = typed.where(F.col(RULE).isNotNull()).withColumn("source", source)
    alike = Window.partitionBy("source", RAW).orderBy(RULE, FIELD, OFFENDER)
    occurrence = F.row_number().over(alike).cast("string")
    made = {
        "run_date": F.lit(run_date),
        "row_hash": F.md5(F.concat_ws("\n", F.lit(kind), "source", occurrence, RAW)),
        "raw": F.coalesce(RAW, F.lit("")),
        "rule": F.col(RULE),
        "field": F.col(FIELD),
        "value": F.col(OFFENDER),
    }
    made_rows = refused.select("source", *[column.alias(name) for name, column in made.items()])
    return made_rows.select(*REJECTED_EVENTS.column_names)


def check_share(
    typed: DataFrame,
    counts: RowCounts,
    files: Mapping[str, InputFile],
    allowed: Mapping[str, str],
    most: float,
) -> None:
    """Raises InputError if more than the share `most` of the rows read broke a rule.

    files: by uri. allowed: rule → what the field may hold. The message shows the first row that was refused, what is
    allowed there, how many broke what, and how to go on.
    """
    read, rejected, rules = counts.read.total(), counts.rejected.total(), counts.rules
    if rejected <= most * read:
        return
    first = typed.where(F.col(RULE).isNotNull()).orderBy(FILE, BLOCK, ROW).first()
    assert first is not None
    file = files[first[FILE]]
    place = [file.path, _line(typed.sparkSession, file, first), f"column {first[FIELD]}" if first[FIELD] else ""]
    offender = first[OFFENDER] if first[FIELD] else first[RAW]
    seen = f'"{_short(offender)}"' if offender else "nothing stands there, which"
    listed = ", ".join(f"{rule} {count:,}" for rule, count in rules.most_common())
    share = rejected / read
    enough = min(1.0, math.ceil(share * 1000) / 1000)

    def message(shown: str) -> str:
        return (
            f"{', '.join(part for part in place if part)}: {shown} breaks the rule {first[RULE]}.\n"
            f"Allowed: {allowed[first[RULE]]}.\n"
            f"{rejected:,} of {read:,} rows ({share:.3g}) are refused: {listed}.\n"
            f"Fix them, or let them be rejected with --set ingest.max_rejected_share={enough:g} (now {most:g})."
        )

    raise InputError(message(seen), in_logs=message("what stands there"))


def _line(spark: SparkSession, file: InputFile, row: Row) -> str:
    """Where a row stands in its file, as a person counts; nothing where its text cannot be found again as it stood."""
    if format_by_name(file) == "parquet":
        return f"row {row[ROW] + 1:,}"
    first_line = (row[RAW] or "").split("\n", 1)[0]
    lines = spark.read.text(literally(file)).coalesce(1)  # in the order of the file
    numbered = lines.select(F.monotonically_increasing_id().alias("number"), "value")
    number = numbered.where(F.col("value") == first_line).agg(F.min("number")).first()
    return f"line {number[0] + 1:,}" if number is not None and number[0] is not None else ""


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text):,} characters)"
