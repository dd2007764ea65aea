"""Faults of rows that a user hands in: counted, and the first kind that occurs told with an example."""

from collections.abc import Mapping

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from repertoire.errors import InputError
from repertoire.evaluation.table_files import readable
from repertoire.vocabulary import ITEM_ID, USER_ID

GIVEN = "given"
"""The column with what stood in the file, for the example."""


def check_rows(frame: DataFrame, path: str, faults: Mapping[str, Column], *further: Column) -> Row:
    """Looks for the faults and computes `further` aggregates in one job, which also fills the frame's cache.

    frame: user_id, item_id, given. faults: in words → whether a row has it. Raises InputError for the first fault that
    occurs, with its count and an example.
    """
    example = F.struct(USER_ID, ITEM_ID, GIVEN)
    counts = [F.count_if(fault).alias(f"count {what}") for what, fault in faults.items()]
    examples = [F.min(F.when(fault, example)).alias(f"example {what}") for what, fault in faults.items()]
    with readable(path):
        (found,) = frame.agg(*counts, *examples, *further).collect()
    for what in faults:
        if count := found[f"count {what}"]:
            user, item, given = found[f"example {what}"]
            raise InputError(f"{path}: rows {what}: {count:,}, such as user {user!r}, item {item!r}: {given!r}")
    return found


def has_no_id() -> Column:
    return F.col(USER_ID).isNull() | F.col(ITEM_ID).isNull()
