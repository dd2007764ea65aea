"""Weights of terms in item profiles: TF-IDF and BM25, compiled."""

from typing import Any

import numpy as np

from repertoire.candidates.pair_kernel import Floats, Ints, Longs
from repertoire.frames.compiled import compiled

TFIDF, BM25 = 0, 1


@compiled
def profile_weights(
    starts: Longs,
    columns: Ints,
    counts: Floats,
    fields: Any,
    strengths: Any,
    items: int,
    kind: int,
    saturation: float,
    length_share: float,
    most: int,
) -> Any:
    """(pairs,) float32: what each pair of term and item weighs in the profile of the item, a vector of length 1.

    starts, columns, counts: the items of each term, and how often each has it; fields (terms,): the field of each; strengths
    (fields,): what a field counts in a cosine. Terms of more than `most` items weigh nothing. Of a term that occurs c times in
    an item and in d of n items at all, TFIDF: c (ln((1 + n) / (1 + d)) + 1); BM25: ln(1 + (n - d + ½) / (d + ½)) c (s + 1) /
    (c + s (1 - b + b l / mean l)) for l occurrences of all terms in the item's field, s saturation, b length_share (Robertson &
    Zaragoza 2009). These are brought to length 1 in each field of an item, then fields are put together by their strengths.
    """
    terms, kinds = len(starts) - 1, len(strengths)
    lengths, squares = np.zeros((kinds, items)), np.zeros((kinds, items))
    for term in range(terms):
        for pair in range(starts[term], starts[term + 1]):
            lengths[fields[term], columns[pair]] += counts[pair]
    means = np.ones(kinds)
    for field in range(kinds):
        there = 0
        for item in range(items):
            there += lengths[field, item] > 0
        means[field] = lengths[field].sum() / max(there, 1)
    weights = np.zeros(len(columns), np.float32)
    for term in range(terms):
        found, field = starts[term + 1] - starts[term], fields[term]
        if found > most or strengths[field] == 0:
            continue
        if kind == TFIDF:
            rarity = np.log((1 + items) / (1 + found)) + 1
        else:
            rarity = np.log(1 + (items - found + 0.5) / (found + 0.5))
        for pair in range(starts[term], starts[term + 1]):
            count, item = np.float64(counts[pair]), columns[pair]
            if kind == BM25:
                longer = 1 - length_share + length_share * lengths[field, item] / means[field]
                count = count * (saturation + 1) / (count + saturation * longer)
            weights[pair] = rarity * count
            squares[field, item] += np.float64(weights[pair]) ** 2
    whole = np.zeros(items)
    for field in range(kinds):
        for item in range(items):
            if squares[field, item] > 0:
                whole[item] += strengths[field]
    for term in range(terms):
        field = fields[term]
        for pair in range(starts[term], starts[term + 1]):
            if weights[pair] > 0:
                item = columns[pair]
                weights[pair] *= np.sqrt(strengths[field] / (squares[field, item] * whole[item]))
    return weights


@compiled
def pairs_among(starts: Longs, columns: Ints, values: Floats, chosen: Any) -> Any:
    """starts, columns, values of the pairs whose column is chosen and whose value is above 0."""
    kept_starts, kept = np.zeros(len(starts), np.int64), 0
    for pair in range(len(columns)):
        kept += chosen[columns[pair]] and values[pair] > 0
    kept_columns, kept_values = np.empty(kept, np.int32), np.empty(kept, np.float32)
    kept = 0
    for row in range(len(starts) - 1):
        for pair in range(starts[row], starts[row + 1]):
            if chosen[columns[pair]] and values[pair] > 0:
                kept_columns[kept], kept_values[kept] = columns[pair], values[pair]
                kept += 1
        kept_starts[row + 1] = kept
    return kept_starts, kept_columns, kept_values
