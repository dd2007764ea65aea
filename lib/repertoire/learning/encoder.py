"""Columns become the numbers that a model takes: one piece of code for training and for scoring, so that they cannot differ.

What is needed for it (fillers, bounds, means, levels) was fitted on training rows by `fit_encoder`, and is kept as JSON.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import Enum
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Codes = NDArray[np.int32]


class Form(Enum):
    """How columns are laid out.

    ONE_HOT: numbers standardised, a 0/1 feature for each level. ORDERED: numbers as they are, a category as the rank of its
    level by the share of the positive class, which trees split as well as any subset of levels (Breiman et al. 1984, 4.2.2;
    with more than two classes it is an order among many). BINNED: 0/1 features for bins and levels. CODED: numbers
    standardised, categories as codes for embeddings.
    """

    ONE_HOT = "one_hot"
    ORDERED = "ordered"
    BINNED = "binned"
    CODED = "coded"


@dataclass(frozen=True)
class NumberCode:
    """A column of numbers. fill: stands for what is missing; low, high: bounds that others are cut to; mean, deviation: of
    what that gives; missing: whether a 0/1 feature says that the value was missing; cuts: upper bounds of all bins but the
    last, ascending."""

    name: str
    fill: float
    low: float
    high: float
    mean: float
    deviation: float
    missing: bool
    cuts: tuple[float, ...]


@dataclass(frozen=True)
class CategoryCode:
    """A column of names. levels: those told apart; their codes are 1, 2, …, and 0 is every other. missing: whether null has a
    code of its own, the last one. order: rank of each code by the share of the positive class."""

    name: str
    levels: tuple[str, ...]
    missing: bool
    order: tuple[float, ...]

    @property
    def codes(self) -> int:
        return len(self.levels) + 1 + self.missing

    @property
    def names(self) -> list[str]:
        """What each code stands for."""
        return ["(other)", *self.levels, *(["(missing)"] if self.missing else [])]


@dataclass(frozen=True)
class Encoded:
    """numbers (rows, width); codes (rows, coded columns)."""

    numbers: Floats
    codes: Codes


@dataclass(frozen=True)
class Slot:
    """One of the numbers that a model takes: the column it comes from, and what it says of it ("" for the value itself)."""

    column: str
    says: str = ""


@dataclass(frozen=True)
class Encoder:
    """All columns, in their order."""

    form: Form
    columns: tuple[NumberCode | CategoryCode, ...] = field(default_factory=tuple)

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    @property
    def levels(self) -> list[int]:
        """How many codes each coded column has."""
        if self.form is not Form.CODED:
            return []
        return [column.codes for column in self.columns if isinstance(column, CategoryCode)]

    @property
    def slots(self) -> list[Slot]:
        """What each of `numbers` is."""
        return [slot for column in self.columns for slot in _slots(column, self.form)]

    def encode(self, rows: pa.RecordBatch | pa.Table) -> Encoded:
        """Rows with the columns, double and string, as arrays. Levels that training has not seen count as other ones."""
        count = rows.num_rows
        numbers = np.zeros((count, len(self.slots)), np.float32)
        codes: list[NDArray[np.int64]] = []
        place = 0
        for column in self.columns:
            values = rows.column(column.name)
            width = len(_slots(column, self.form))
            block = numbers[:, place : place + width]
            if isinstance(column, NumberCode):
                _write_number(block, column, values, self.form)
            else:
                found = _codes_of(column, values)
                if self.form is Form.CODED:
                    codes.append(found)
                elif self.form is Form.ORDERED:
                    block[:, 0] = np.asarray(column.order, np.float32)[found]
                else:
                    block[np.arange(count), found] = 1
            place += width
        coded = np.stack(codes, axis=1).astype(np.int32) if codes else np.zeros((count, 0), np.int32)
        return Encoded(numbers, coded)

    def as_json(self) -> dict[str, Any]:
        return {
            "form": self.form.value,
            "columns": [
                {"kind": "number" if isinstance(column, NumberCode) else "category", **asdict(column)}
                for column in self.columns
            ],
        }

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> "Encoder":
        return cls(Form(given["form"]), tuple(_column(dict(column)) for column in given["columns"]))


def _column(given: dict[str, Any]) -> NumberCode | CategoryCode:
    kind = given.pop("kind")
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in given.items()}
    return NumberCode(**values) if kind == "number" else CategoryCode(**values)


def _slots(column: NumberCode | CategoryCode, form: Form) -> list[Slot]:
    if isinstance(column, CategoryCode):
        if form is Form.CODED:
            return []
        return [Slot(column.name)] if form is Form.ORDERED else [Slot(column.name, name) for name in column.names]
    missing = [Slot(column.name, "(missing)")] if column.missing else []
    if form is Form.BINNED:
        return [*(Slot(column.name, name) for name in _bin_names(column.cuts)), *missing]
    return [Slot(column.name), *missing]


def _bin_names(cuts: Sequence[float]) -> list[str]:
    if not cuts:
        return ["(any)"]
    inner = [f"{low:g} to {high:g}" for low, high in pairwise(cuts)]
    return [f"up to {cuts[0]:g}", *inner, f"above {cuts[-1]:g}"]


def _write_number(block: Floats, column: NumberCode, values: pa.Array | pa.ChunkedArray, form: Form) -> None:
    raw = np.asarray(pc.fill_null(values.cast(pa.float64()), np.nan).to_numpy(), np.float64)
    absent = np.isnan(raw)
    filled = np.where(absent, column.fill, np.clip(raw, column.low, column.high))
    if form is Form.BINNED:
        there = np.flatnonzero(~absent) if column.missing else np.arange(len(raw))
        block[there, np.searchsorted(column.cuts, filled[there])] = 1
    elif form is Form.ORDERED:
        block[:, 0] = filled
    else:
        block[:, 0] = (filled - column.mean) / column.deviation
    if column.missing:
        block[absent, -1] = 1


def _codes_of(column: CategoryCode, values: pa.Array | pa.ChunkedArray) -> NDArray[np.int64]:
    text = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    places = pc.index_in(text, value_set=pa.array(column.levels, pa.string()), skip_nulls=True)
    codes = np.asarray(pc.fill_null(places, -1).to_numpy(zero_copy_only=False), np.int64) + 1
    if column.missing:
        codes[pc.is_null(text).to_numpy(zero_copy_only=False)] = column.codes - 1
    return codes
