"""What a catalogue says of its items, as terms: words of texts, tags, names, price ranges, years."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame

from repertoire import vocabulary as v
from repertoire.candidates.words import Occurrences, folded, words

FIELDS = ("title", "description", "tags", "category", "creator_id", "price", "released")
"""Columns of the table `items` that are read, each as its setting in candidates.content.weights."""
OCCURRENCES = "occurrences"
_SCHEMA = f"{v.USER_ID} string, {v.ITEM_ID} string, {OCCURRENCES} float"


def item_terms(items: DataFrame, fields: Sequence[str]) -> DataFrame:
    """user_id, item_id, occurrences: the terms of each item, in the place of users, so that terms and items are a matrix of
    pairs like any other. A term begins with the digit of its field's place in FIELDS."""
    there = [field for field in fields if field in items.columns]

    def take_apart(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield terms_of(batch, there)

    return items.select(v.ITEM_ID, *there).mapInArrow(take_apart, _SCHEMA)


def terms_of(items: pa.RecordBatch, fields: Sequence[str]) -> pa.RecordBatch:
    """The same for a batch."""
    rows, names = [np.zeros(0, np.int64)], [pa.array([], pa.string())]
    for field in fields:
        places, terms = _TERMS[field](items.column(field))
        rows.append(places)
        names.append(pc.binary_join_element_wise(str(FIELDS.index(field)), terms, ""))
    found = pa.table({"row": np.concatenate(rows), "term": pa.concat_arrays(names)})
    counted = found.group_by(["row", "term"]).aggregate([([], "count_all")]).combine_chunks()
    return pa.record_batch(
        {
            v.USER_ID: _whole(counted.column("term")),
            v.ITEM_ID: items.column(v.ITEM_ID).take(_whole(counted.column("row"))),
            OCCURRENCES: _whole(counted.column("count_all").cast(pa.float32())),
        }
    )


def fields_of_terms(terms: pa.ChunkedArray) -> np.ndarray:
    """(terms,) int8: the place of each term's field in FIELDS."""
    digits = pc.utf8_slice_codeunits(terms, 0, 1).cast(pa.int8())
    found: np.ndarray = digits.to_numpy()
    return found


def _names(values: pa.Array) -> Occurrences:
    """Each value as a whole."""
    return _present(pc.utf8_trim_whitespace(folded(values)))


def _tags(lists: pa.Array) -> Occurrences:
    places, tags = _names(pc.list_flatten(lists))
    return pc.list_parent_indices(lists).to_numpy()[places].astype(np.int64), tags


def _prices(prices: pa.Array) -> Occurrences:
    """Ranges of a factor of two, one by whole powers and one by halves, so that prices near each other share one at least."""
    size = pc.log2(pc.if_else(pc.greater(prices, 0), prices, None))
    return _overlapping(size, pc.if_else(pc.less_equal(prices, 0), "free", None))


def _years(days: pa.Array) -> Occurrences:
    """Ten years, from those that end in 0 and from those that end in 5."""
    return _overlapping(pc.divide(pc.year(days).cast(pa.float64()), 10.0), None)


def _overlapping(numbers: pa.Array, otherwise: pa.Array | None) -> Occurrences:
    finite = pc.if_else(pc.is_finite(numbers), numbers, None)
    whole, half = (pc.floor(pc.add(finite, part)).cast(pa.int32()).cast(pa.string()) for part in (0.0, 0.5))
    named = [whole, pc.binary_join_element_wise(half, "+", "")]
    if otherwise is not None:
        named.append(otherwise)
    found = [_present(each) for each in named]
    return np.concatenate([rows for rows, _ in found]), pa.concat_arrays([terms for _, terms in found])


def _present(values: pa.Array) -> Occurrences:
    there = pc.fill_null(pc.not_equal(values, ""), False)
    return np.flatnonzero(there.to_numpy(zero_copy_only=False)), values.filter(there)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    found = column.combine_chunks()
    return found if isinstance(found, pa.Array) else pa.concat_arrays(found.chunks)


_TERMS: dict[str, Callable[[pa.Array], Occurrences]] = {
    "title": words,
    "description": words,
    "tags": _tags,
    "category": _names,
    "creator_id": _names,
    "price": _prices,
    "released": _years,
}
