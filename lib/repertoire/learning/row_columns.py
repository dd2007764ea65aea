"""Columns that rows carry beside their features while a model is fitted; and how any column is named to Spark."""

LABEL = "__label"  # int: the number of the row's class, from 0
WEIGHT = "__weight"  # double: how much the row counts
GROUP = "__group"  # bigint: rows that are put in order together have the same
HELD = "__held"  # boolean: held back from training
NUMBERS = "numbers"  # array<float>: what `Encoder.encode` gives
CODES = "codes"  # array<int>


def quoted(name: str) -> str:
    """A column's name as Spark SQL takes it whatever is in it."""
    return "`" + name.replace("`", "``") + "`"
