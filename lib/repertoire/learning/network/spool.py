"""A worker's rows in files that it maps into memory: the system keeps in memory what there is room for."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import DTypeLike, NDArray

from repertoire.errors import InputError
from repertoire.learning.network import placed_rows as columns
from repertoire.learning.network.job import Plan
from repertoire.learning.network.streams import Places

_FILES = ("numbers", "codes", "labels", "weights")
_KINDS: tuple[DTypeLike, ...] = (np.float32, np.int32, np.int32, np.float32)


@dataclass(frozen=True)
class Rows:
    """numbers (n, width) float32, codes (n, columns) int32, labels (n,) int32, weights (n,) float32; 0 where there is no row."""

    numbers: NDArray[np.float32]
    codes: NDArray[np.int32]
    labels: NDArray[np.int32]
    weights: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.labels)

    def arrays(self) -> tuple[NDArray[Any], ...]:
        return self.numbers, self.codes, self.labels, self.weights

    def take(self, places: Places) -> list[NDArray[Any]]:
        """The arrays at these places, whatever shape those have: (*places.shape, …)."""
        return [np.take(array, places, axis=0) for array in self.arrays()]


def rows_in(folder: str, name: str) -> Rows:
    """What a spool wrote as `learnt` or as `held`."""
    return Rows(*(_mapped(Path(folder, f"{name}-{file}.npy")) for file in _FILES))


def _mapped(path: Path) -> NDArray[Any]:
    array: NDArray[Any] = np.load(path, mmap_mode="r") if path.stat().st_size > _HEADER else np.load(path)
    return array


_HEADER = 128  # bytes of an .npy file without content, which cannot be mapped


class Spool:
    """Takes Arrow batches of `placed_rows` in any order. Raises InputError where a row is not what the plan says."""

    def __init__(self, folder: str, plan: Plan, worker: int) -> None:
        self._folder, self._plan, self._worker = folder, plan, worker
        self._learnt: _Part | None = None
        self._held: _Part | None = None
        self.width: int | None = None
        self.checksum = 0

    def add(self, batch: pa.RecordBatch) -> None:
        if not len(batch):
            return
        rows, index = self._rows(batch), batch.column(columns.INDEX).to_numpy()
        if self._learnt is None or self._held is None:
            self._learnt, self._held = self._parts(rows.numbers.shape[1])
        held = batch.column(columns.HELD).to_numpy(zero_copy_only=False)
        self.checksum = (self.checksum + _checksum(rows, index, held)) % 2**64
        self._learnt.put(self._plan.streams.place(index[~held], self._worker), rows, ~held)
        self._held.put(index[held] // self._plan.settings.workers, rows, held)

    def close(self, width: int) -> bool:
        """Whether every row is there that was counted. width: of the numbers, for a worker that got no row."""
        if self._learnt is None or self._held is None:
            self._learnt, self._held = self._parts(width)
        wanted = self._plan.streams.rows_of(self._worker), self._plan.held_rows_of(self._worker)
        return (self._learnt.filled(), self._held.filled()) == wanted

    def _parts(self, width: int) -> "tuple[_Part, _Part]":
        self.width = width
        shape = width, len(self._plan.levels)
        learnt = _Part(Path(self._folder), "learnt", self._plan.streams.places, *shape)
        return learnt, _Part(Path(self._folder), "held", self._plan.held_rows_of(self._worker), *shape)

    def _rows(self, batch: pa.RecordBatch) -> Rows:
        plan = self._plan
        numbers = _matrix(batch, columns.NUMBERS, self.width)
        codes = _matrix(batch, columns.CODES, len(plan.levels))
        if not numbers.shape[1] and not plan.levels:
            raise InputError("there are neither numbers nor codes to learn from")
        labels, weights = batch.column(columns.LABEL), batch.column(columns.WEIGHT)
        if labels.null_count or weights.null_count:
            raise InputError(f"a row has no {columns.LABEL if labels.null_count else columns.WEIGHT}")
        rows = Rows(numbers, codes, labels.to_numpy(), weights.to_numpy())
        if not np.isfinite(numbers).all():
            column = int(np.argmin(np.isfinite(numbers).all(axis=0)))
            raise InputError(
                f"{columns.NUMBERS}[{column}] is missing, not a number or infinite in a row; fill it first"
            )
        for column, levels in enumerate(plan.levels):
            _refuse_outside(f"{columns.CODES}[{column}]", codes[:, column], levels)
        _refuse_outside(columns.LABEL, rows.labels, plan.classes)
        if not (np.isfinite(rows.weights) & (rows.weights >= 0)).all():
            raise InputError(f"a row's {columns.WEIGHT} is below 0 or not a number")
        return rows


class _Part:
    """The rows to learn from, or those held out, in their places."""

    def __init__(self, folder: Path, name: str, places: int, width: int, coded: int) -> None:
        shapes: list[tuple[int, ...]] = [(places, width), (places, coded), (places,), (places,)]
        self._arrays = [
            _new(folder / f"{name}-{file}.npy", shape, kind)
            for file, shape, kind in zip(_FILES, shapes, _KINDS, strict=True)
        ]
        self._filled = np.zeros(places, bool)

    def put(self, places: Places, rows: Rows, chosen: NDArray[np.bool_]) -> None:
        for array, given in zip(self._arrays, rows.arrays(), strict=True):
            array[places] = given[chosen]
        self._filled[places] = True

    def filled(self) -> int:
        return int(self._filled.sum())


def _new(path: Path, shape: tuple[int, ...], kind: DTypeLike) -> NDArray[Any]:
    if 0 in shape:
        np.save(path, np.zeros(shape, kind))
        return np.zeros(shape, kind)
    array: NDArray[Any] = np.lib.format.open_memmap(path, "w+", kind, shape)
    return array


def _matrix(batch: pa.RecordBatch, name: str, width: int | None) -> NDArray[Any]:
    """A column of lists as (rows, width)."""
    values = batch.column(name).flatten()
    found = len(values) // len(batch)
    if batch.column(name).null_count or len(values) % len(batch) or found != (found if width is None else width):
        wanted = "as many in every row" if width is None else f"{width} in every row"
        raise InputError(f"{name}: {len(values)} values in {len(batch)} rows, but there have to be {wanted}")
    if name == columns.CODES and values.null_count:
        raise InputError(f"{name}: a row has no code; the code of what is unknown is 0")
    matrix: NDArray[Any] = values.to_numpy(zero_copy_only=False).reshape(len(batch), found)
    return matrix


def _refuse_outside(name: str, values: NDArray[Any], end: int) -> None:
    wrong = values[(values < 0) | (values >= end)]
    if len(wrong):
        raise InputError(f"{name} is {wrong[0]} in a row, but has to be from 0 to {end - 1}")


def _checksum(rows: Rows, index: NDArray[np.int64], held: NDArray[np.bool_]) -> int:
    """The same for the same rows, whatever batches they come in: a sum over rows, modulo 2**64."""
    bits = [np.ascontiguousarray(array).view(np.uint32).reshape(len(index), -1) for array in rows.arrays()]
    stacked = np.hstack(bits).T
    row = (index.astype(np.uint64) * np.uint64(2) + held) * np.uint64(0x9E3779B97F4A7C15)
    for column, factor in zip(stacked, np.full(len(stacked), 0xBF58476D1CE4E5B9, np.uint64).cumprod(), strict=True):
        row += column * factor
    row = (row ^ (row >> np.uint64(31))) * np.uint64(0x94D049BB133111EB)
    return int((row ^ (row >> np.uint64(29))).sum())


def chunks(count: int, size: int) -> Iterator[slice]:
    """Slices of at most `size`, from 0 to count."""
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))
