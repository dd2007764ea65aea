"""The items of a factor model as the scorer wants them: in memory where they fit, else in a file that workers map."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import DataFrame

from repertoire import vocabulary as v
from repertoire.candidates.array_file import ArrayFile, array_file
from repertoire.candidates.recommender import FittedModel
from repertoire.candidates.top_k_kernel import Floats
from repertoire.candidates.user_blocks import stream_of
from repertoire.errors import RepertoireError

ITEM_FACTORS = "item_factors"
FACTORS = "factors"


@dataclass(frozen=True)
class ItemFactors:
    """The items of a model.

    ids: (n,) strings, distinct, ascending by their UTF-8 bytes; matrix: (n, f), the factors of each; proposable: (n,), False
    where an item may be in a history but not in a list; None: all may.
    """

    ids: pa.Array
    matrix: Floats | ArrayFile
    proposable: NDArray[np.bool_] | None = None


def item_factors(model: FittedModel, eligible: DataFrame | None, *, memory_mb: int) -> ItemFactors:
    """The model's items, of which only the `eligible` (item_id) may be proposed; None: all.

    Where the model's metadata (`items`, `factors`) tell of more than memory_mb MiB, the factors go to a file, part by part: then
    the driver holds the ids and one part of them. Raises RepertoireError for factors that are not finite, or not of one length.
    """
    table = model.tables[ITEM_FACTORS].select(v.ITEM_ID, FACTORS)
    matrix: Floats | ArrayFile
    megabytes = model.metadata.get("items", 0) * model.metadata.get("factors", 0) * 4 / 2**20
    if megabytes > memory_mb:
        ids, matrix = _in_a_file(table, model.name)
    else:
        whole = table.toArrow().sort_by(v.ITEM_ID).combine_chunks()
        ids = whole.column(v.ITEM_ID).combine_chunks()
        matrix = _matrix(whole.column(FACTORS).combine_chunks(), model.name)
    return ItemFactors(ids, matrix, None if eligible is None else proposable_items(ids, eligible))


def proposable_items(ids: pa.Array, eligible: DataFrame | None) -> NDArray[np.bool_]:
    """(n,): which of the ids are eligible (item_id); None: all."""
    if eligible is None:
        return np.ones(len(ids), bool)
    wanted = eligible.select(v.ITEM_ID).toArrow().column(v.ITEM_ID)
    found: NDArray[np.bool_] = pc.is_in(ids, wanted).to_numpy(zero_copy_only=False)
    return found


def _matrix(factors: pa.Array, model: str, width: int | None = None) -> Floats:
    lengths = set(pc.unique(pc.list_value_length(factors)).to_pylist()) | ({width} if width is not None else set())
    if len(lengths) > 1:
        raise RepertoireError(f"{model}: its items have {sorted(lengths)} factors; all must have as many")
    matrix = factors.flatten().to_numpy(zero_copy_only=False).reshape(len(factors), *lengths or (0,))
    if not np.isfinite(matrix).all():
        raise RepertoireError(f"{model}: some of its item factors are not finite; fit it again")
    return matrix


def _in_a_file(table: DataFrame, model: str) -> tuple[pa.Array, ArrayFile]:
    def pack(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield pa.record_batch({"part": pa.array([stream_of(batch)])})

    ids: list[pa.Array] = []
    width: int | None = None

    def parts() -> Iterator[Floats]:
        nonlocal width
        for row in table.orderBy(v.ITEM_ID).mapInArrow(pack, "part binary").toLocalIterator():
            part = pa.ipc.open_stream(row.part).read_next_batch()
            matrix = _matrix(part.column(FACTORS), model, width)
            width = matrix.shape[1]
            ids.append(part.column(v.ITEM_ID))
            yield matrix

    file = array_file(table.sparkSession, ITEM_FACTORS, parts(), np.float32)
    names = pa.concat_arrays(ids) if ids else pa.array([], pa.string())
    return names, replace(file, shape=(len(names), width or 0))
