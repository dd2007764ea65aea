"""What cells of any plain type say, as numbers or as names; the same code reads rows to learn from and rows to label."""

from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_NUMBER = r"^[+-]?((\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[iI][nN][fF]([iI][nN][iI][tT][yY])?|[nN][aA][nN])$"
_MICROSECONDS_OF_A_DAY = 86_400e6


def is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def as_names(cells: pa.Array, missing: Collection[str]) -> pa.Array:
    """string, spaces around it taken away; null where the cell is, or is one of `missing`."""
    if pa.types.is_floating(cells.type):
        cells = pc.if_else(pc.is_nan(cells), None, cells)
    text = pc.utf8_trim_whitespace(cells.cast(pa.string()))
    return pc.if_else(pc.is_in(text, value_set=pa.array(list(missing), pa.string())), None, text)


def as_numbers(cells: pa.Array, missing: Collection[str]) -> pa.Array:
    """double; null where the cell is null, NaN, one of `missing`, or a text that is no number.

    Truth values are 0 and 1, days and times are days since 1970.
    """
    kind = cells.type
    if is_text(kind):
        text = as_names(cells, missing)
        numbers = pc.if_else(pc.match_substring_regex(text, _NUMBER), pc.utf8_ltrim(text, "+"), None).cast(pa.float64())
    elif pa.types.is_boolean(kind):
        numbers = cells.cast(pa.int8()).cast(pa.float64())
    elif pa.types.is_date(kind):
        numbers = cells.cast(pa.date32()).cast(pa.int32()).cast(pa.float64())
    elif pa.types.is_timestamp(kind):
        micros = cells.cast(pa.timestamp("us", tz=kind.tz)).cast(pa.int64()).cast(pa.float64())
        numbers = pc.divide(micros, _MICROSECONDS_OF_A_DAY)
    else:
        numbers = cells.cast(pa.float64())
    numbers = pc.if_else(pc.is_nan(numbers), None, numbers)
    codes = [code for code in map(_code, missing) if code is not None]
    return pc.if_else(pc.is_in(numbers, value_set=pa.array(codes, pa.float64())), None, numbers) if codes else numbers


def count_infinite(numbers: pa.Array) -> int:
    return int(pc.sum(pc.is_inf(numbers)).as_py() or 0)


def _code(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return None if np.isnan(number) else number
