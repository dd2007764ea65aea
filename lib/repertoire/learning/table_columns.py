"""Which columns of any table a model can learn from, and how each is read: inferred from its values, and told."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql.types import (
    BooleanType,
    DataType,
    DateType,
    NumericType,
    StringType,
    TimestampNTZType,
    TimestampType,
)

from repertoire.errors import InputError
from repertoire.learning.cell_values import as_names, as_numbers, count_infinite, is_text
from repertoire.learning.feature_column import FeatureColumn
from repertoire.learning.row_columns import quoted

_ID_SHARE = 0.9  # of rows with a value of their own, from which on a text is an id
_ID_ROWS = 50
_NEARLY_NUMBERS = 0.9
_KEPT_HASHES = 1024  # by which different values are counted: to 3 % where there are more
_HASHES = 2.0**64
_PANDAS_INDEX = "__index_level_"  # as pandas names the columns of its index in Parquet


@dataclass(frozen=True)
class TableColumn:
    """A column of a table. kind: number, category, or left_out; why: what it was taken for, or why it is left out. known: rows
    with a value; distinct: different values, about."""

    name: str
    kind: Literal["number", "category", "left_out"]
    why: str
    known: int
    distinct: int


@dataclass(frozen=True)
class TableColumns:
    """rows: of the table."""

    rows: int
    columns: tuple[TableColumn, ...]

    @property
    def features(self) -> list[FeatureColumn]:
        return [FeatureColumn(one.name, one.kind) for one in self.columns if one.kind != "left_out"]


def inspect_columns(
    table: DataFrame, names: Sequence[str], *, missing: Collection[str], categories: Collection[str] = ()
) -> TableColumns:
    """How each of the named columns is read, by one pass over the table.

    A text whose values are all numbers is one of numbers; another text is a category, or left out as an id where (almost) every
    row has its own. Truth values are 0 and 1, days and times are days since 1970. Columns without a value, with the same one
    throughout, named as ids with as many values as rows, of nested types, or of pandas' index are left out. missing: texts that
    mean nothing is known; those that are numbers mean it in columns of numbers, too. categories: columns of numbers that are
    names all the same. Raises InputError for infinite numbers, with the column and how many there are, and where no column is
    left.
    """
    types = {field.name: field.dataType for field in table.schema.fields}
    plain = [name for name in names if _is_plain(types[name]) and not name.startswith(_PANDAS_INDEX)]
    seen = _look(table, plain, missing)
    _refuse_infinite(plain, seen)
    rows = max((one.rows for one in seen), default=0)
    made = {
        name: _column(name, types[name], one, as_category=name in categories)
        for name, one in zip(plain, seen, strict=True)
    }
    columns = tuple(made[name] if name in made else _left_out(name, types[name]) for name in names)
    if all(one.kind == "left_out" for one in columns):
        told = "; ".join(f"{one.name}: {one.why}" for one in columns) or "the table has no other column than the label"
        raise InputError(f"no column is left to learn from. {told}.")
    return TableColumns(rows, columns)


def check_features(table: DataFrame, features: Sequence[FeatureColumn], missing: Collection[str], where: str) -> None:
    """Raises InputError where the table lacks a feature, or one of numbers holds what is none, or infinite ones; one pass.

    where: the table's name for the messages.
    """
    types = {field.name: field.dataType for field in table.schema.fields}
    absent = [one.name for one in features if one.name not in types]
    if absent:
        raise InputError(
            f"{where}: no column {', '.join(absent)}, which the model has learnt from. Columns found: {', '.join(types)}. "
            "Nothing was written."
        )
    nested = [one.name for one in features if not _is_plain(types[one.name])]
    if nested:
        kind = types[nested[0]].simpleString()
        raise InputError(f"{where}, column {nested[0]}: of type {kind}; the model has learnt from plain values")
    numbers = [one.name for one in features if one.kind == "number"]
    seen = _look(table, numbers, missing)
    for name, one in zip(numbers, seen, strict=True):
        if one.known > one.numbers:
            raise InputError(
                f'{where}, column {name}: {one.known - one.numbers:,} values are no numbers, such as "{one.no_number}"; the '
                "model has learnt from numbers there. Texts that mean a missing value go into classify.missing when a model "
                "is fitted. Nothing was written."
            )
    _refuse_infinite(numbers, seen)


def typed_batch(batch: pa.RecordBatch, features: Sequence[FeatureColumn], missing: Collection[str]) -> list[pa.Array]:
    """The features as double and string, null where missing."""
    return [(as_numbers if one.kind == "number" else as_names)(batch.column(one.name), missing) for one in features]


@dataclass(frozen=True)
class _Seen:
    """What a column holds. known: cells that are not missing; numbers: of these, numbers; no_number: an example of the others;
    hashes: the smallest of its different values' hashes."""

    rows: int
    known: int
    numbers: int
    infinite: int
    no_number: str | None
    hashes: NDArray[np.uint64]

    @property
    def distinct(self) -> int:
        """How many different values there are, about (Bar-Yossef et al. 2002, the k minimum values)."""
        if len(self.hashes) < _KEPT_HASHES:
            return len(self.hashes)
        return round((_KEPT_HASHES - 1) / (float(self.hashes[-1]) / _HASHES))

    def __add__(self, other: "_Seen") -> "_Seen":
        return _Seen(
            rows=self.rows + other.rows,
            known=self.known + other.known,
            numbers=self.numbers + other.numbers,
            infinite=self.infinite + other.infinite,
            no_number=min(filter(None, (self.no_number, other.no_number)), default=None),
            hashes=np.union1d(self.hashes, other.hashes)[:_KEPT_HASHES],
        )


_NOTHING = _Seen(0, 0, 0, 0, None, np.zeros(0, np.uint64))
_SEEN = "place int, rows bigint, known bigint, numbers bigint, infinite bigint, no_number string, hashes binary"


def _look(table: DataFrame, names: Sequence[str], missing: Collection[str]) -> list[_Seen]:
    """What each of the columns holds; of each partition a row a column comes to the driver."""
    if not names:
        return []

    def look(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        found = [_NOTHING] * len(names)
        for batch in batches:
            found = [one + _look_at(batch.column(place), missing) for place, one in enumerate(found)]
        rows = [
            (place, one.rows, one.known, one.numbers, one.infinite, one.no_number, one.hashes.tobytes())
            for place, one in enumerate(found)
        ]
        kinds = [pa.int32(), *[pa.int64()] * 4, pa.string(), pa.binary()]
        columns = ["place", "rows", "known", "numbers", "infinite", "no_number", "hashes"]
        arrays = [pa.array(values, kind) for values, kind in zip(zip(*rows, strict=True), kinds, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, columns)

    seen = [_NOTHING] * len(names)
    for row in table.select(*map(quoted, names)).mapInArrow(look, _SEEN).toArrow().to_pylist():
        place, hashes = row.pop("place"), row.pop("hashes")
        seen[place] += _Seen(hashes=np.frombuffer(hashes, np.uint64), **row)
    return seen


def _look_at(cells: pa.Array, missing: Collection[str]) -> _Seen:
    numbers = as_numbers(cells, missing)
    known = as_names(cells, missing) if is_text(cells.type) else numbers
    different = pc.unique(known.drop_null())
    hashes = pd.util.hash_array(different.to_numpy(zero_copy_only=False), categorize=False)
    example = pc.min(pc.filter(known, pc.is_null(numbers))).as_py() if is_text(cells.type) else None
    return _Seen(
        rows=len(cells),
        known=len(cells) - known.null_count,
        numbers=len(cells) - numbers.null_count,
        infinite=count_infinite(numbers),
        no_number=example,
        hashes=np.unique(hashes)[:_KEPT_HASHES],
    )


def _is_plain(kind: DataType) -> bool:
    return isinstance(kind, StringType | NumericType | BooleanType | DateType | TimestampType | TimestampNTZType)


def _left_out(name: str, kind: DataType) -> TableColumn:
    why = "the index of a pandas table" if name.startswith(_PANDAS_INDEX) else f"of type {kind.simpleString()}"
    return TableColumn(name, "left_out", why, 0, 0)


def _refuse_infinite(names: Sequence[str], seen: Sequence[_Seen]) -> None:
    for name, one in zip(names, seen, strict=True):
        if one.infinite:
            raise InputError(
                f"column {name}: {one.infinite:,} values are infinite. Allowed: finite numbers, or none. "
                'Mend the table, or take them for missing with --set classify.missing=["inf","-inf",…]. Nothing was written.'
            )


def _column(name: str, kind: DataType, seen: _Seen, *, as_category: bool) -> TableColumn:
    rows, known, distinct = seen.rows, seen.known, seen.distinct

    def made(kind: Literal["number", "category", "left_out"], why: str) -> TableColumn:
        return TableColumn(name, kind, why, known, distinct)

    if not known:
        return made("left_out", "no row has a value")
    if distinct == 1:
        return made(
            "left_out", "every row has the same value" if known == rows else "every row has the same value, or none"
        )
    unique = rows >= _ID_ROWS and distinct >= _ID_SHARE * rows
    if unique and (name.lower() == "id" or name.lower().endswith("_id")):
        return made("left_out", f"an id: about {distinct:,} values in {rows:,} rows")
    if seen.numbers == known and not as_category:
        return made("number", "numbers" if not isinstance(kind, StringType) else "text that holds numbers")
    if unique:
        return made("left_out", f"an id or free text: about {distinct:,} values in {rows:,} rows")
    if isinstance(kind, StringType) and seen.numbers >= _NEARLY_NUMBERS * known and not as_category:
        told = f'{known - seen.numbers:,} of {known:,} values are no numbers, such as "{seen.no_number}"'
        return made("category", f"{told}; if they mean missing, name them in classify.missing")
    return made("category", f"{distinct:,} values" if distinct < _KEPT_HASHES else f"about {distinct:,} values")
