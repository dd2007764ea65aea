"""Items like those that a user liked, by what the catalogue says of them: it also knows items that nobody has wanted yet."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from repertoire import vocabulary as v
from repertoire.candidates.catalogue_terms import FIELDS, OCCURRENCES, fields_of_terms, item_terms
from repertoire.candidates.pair_matrix import PairMatrix, over_items_of_users
from repertoire.candidates.profile_kernel import BM25, TFIDF, pairs_among, profile_weights
from repertoire.candidates.propose_by_history import propose_by_history
from repertoire.candidates.recommender import FittedModel, Fitting, Recommender
from repertoire.candidates.similar_items import SCHEMA, SIMILAR_ITEMS, SparseRows, batch_of_items
from repertoire.candidates.similarity_kernel import COSINE, similar_rows
from repertoire.candidates.training_pairs import nothing_to_learn_from, wanted_rows
from repertoire.candidates.user_blocks import PairRows
from repertoire.errors import InputError, SettingsError
from repertoire.frames.materialise import materialise
from repertoire.settings import ContentSettings

_BYTES_A_NEIGHBOUR = 24
_HOW_TO_GIVE = (
    "a table with item_id and at least one of title, description, tags, category, creator_id, price, released; give it with "
    "--items FILE (recommend, backtest EVENTS) or ingest.items (run)"
)


def fit(fitting: Fitting) -> FittedModel:
    """For every item of the catalogue the wanted items that are most like it, by candidates.content.

    An item's profile is a vector of its terms (see `catalogue_terms`), weighed by TF-IDF or BM25, of length 1 in each field and,
    with the fields' weights, as a whole (see `profile_kernel`); items are as alike as their profiles' cosine, and the `neighbors`
    largest above 0 are kept. Items that nobody wanted have neighbours, and are nobody's (Lops, de Gemmis & Semeraro 2011).

    Terms are counted and compared by the tasks, as users' pairs are; the driver holds the ids, and 24 bytes a neighbour when it
    proposes. Raises InputError where there is no catalogue, where it says nothing of any wanted item, and where nobody wanted
    anything; SettingsError for more neighbours than candidates.content.max_memory_mb allows.
    """
    settings = fitting.settings.content
    if fitting.items is None:
        raise InputError(
            f"content has no catalogue to learn from. It needs {_HOW_TO_GIVE}. Or recommend with another model."
        )
    weights = settings.weights.model_dump()
    fields = [field for field in FIELDS if weights[field] > 0]
    wanted, _ = wanted_rows(fitting.interactions).items()
    if not len(wanted):
        raise nothing_to_learn_from(v.CONTENT)
    terms = materialise(item_terms(fitting.items, fields), f"{fitting.scratch}/terms")
    pairs = PairRows(terms, (OCCURRENCES,), _as_they_are)
    ids, counts = pairs.items()
    speaks = pc.is_in(ids, wanted).to_numpy(zero_copy_only=False)
    if not speaks.any():
        raise _says_nothing(ids, wanted, fields)
    _refuse_too_many(len(ids), int(speaks.sum()), settings)

    def make(matrix: PairMatrix, names: pa.ChunkedArray) -> Callable[[int, int], pa.RecordBatch]:
        rows = similarity(settings, speaks, matrix, names)
        return lambda first, last: batch_of_items(ids.slice(first, last - first), rows(first, last))

    count = int(counts.sum())
    return FittedModel(
        name=v.CONTENT,
        tables={SIMILAR_ITEMS: over_items_of_users(pairs, ids, count, make, SCHEMA)},
        metadata={
            "parameters": settings.model_dump(),
            "items": len(ids),
            "wanted_items": int(speaks.sum()),
            "terms": count,
            "as_of": fitting.as_of.isoformat(),
        },
    )


def similarity(
    settings: ContentSettings, speaks: NDArray[np.bool_], matrix: PairMatrix, terms: pa.ChunkedArray
) -> Callable[[int, int], SparseRows]:
    """The cosines of items first to last with the items that may speak. matrix: terms by items, with their occurrences."""
    strengths = np.array([settings.weights.model_dump()[field] for field in FIELDS])
    kind = BM25 if settings.weighting == "bm25" else TFIDF
    weights = profile_weights(
        matrix.starts,
        matrix.columns,
        matrix.values,
        fields_of_terms(terms),
        strengths,
        matrix.items,
        kind,
        settings.saturation,
        settings.length_share,
        settings.max_items_of_a_term,
    )
    ones = np.ones(matrix.items)
    right = pairs_among(matrix.starts, matrix.columns, weights, speaks)
    profiles = replace(matrix, values=weights)
    if not weights.all():  # similar_rows takes no zeros
        starts, columns, values = pairs_among(matrix.starts, matrix.columns, weights, np.ones(matrix.items, bool))
        profiles = replace(matrix, starts=starts, columns=columns, values=values)

    def rows(first: int, last: int) -> SparseRows:
        left = profiles.of_items(first, last)
        found: SparseRows = similar_rows(first, last, left, right, COSINE, ones, ones, 0.0, settings.neighbors)
        return found

    return rows


def _as_they_are(terms: pa.Table) -> pa.Table:
    return terms


def _says_nothing(ids: pa.Array, wanted: pa.Array, fields: list[str]) -> InputError:
    if not len(ids):
        found = f"holds nothing in {', '.join(fields) or 'any column with a weight above 0'}"
    else:
        found = f"names none of the {len(wanted):,} wanted items: its ids are like {ids[0]}, the log's like {wanted[0]}"
    return InputError(f"content cannot learn from this catalogue: it {found}. It needs {_HOW_TO_GIVE}.")


def _refuse_too_many(items: int, wanted: int, settings: ContentSettings) -> None:
    most = min(settings.neighbors, wanted)
    megabytes = items * most * _BYTES_A_NEIGHBOUR / 2**20
    if megabytes > settings.max_memory_mb:
        raise SettingsError(
            f"content: {most:,} neighbours of {items:,} items may take {megabytes:,.0f} MB on the driver, more than "
            f"candidates.content.max_memory_mb ({settings.max_memory_mb}). Lower candidates.content.neighbors, or raise the "
            "bound if the driver has the memory. Nothing was fitted."
        )


CONTENT = Recommender(name=v.CONTENT, fit=fit, propose=propose_by_history, reads_items=lambda settings: True)
