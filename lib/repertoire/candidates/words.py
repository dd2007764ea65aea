"""Words of texts in any language, by Arrow's own string functions: no dictionary, no list of stop words."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Occurrences = tuple[NDArray[np.int64], pa.Array]
"""For each occurrence the row it is in, and what it is."""

_ACCENTS = r"[\x{0300}-\x{036f}]"
"""Those of Latin, Greek and Cyrillic; the vowel signs of other scripts are letters of theirs."""
_APOSTROPHES = "['\u2019\u02bc]"
_BETWEEN_WORDS = r"[^\p{L}\p{N}\p{M}]+"
_UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}\x{30fc}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"


def folded(texts: pa.Array) -> pa.Array:
    """Texts without what rarely tells works apart: case, accents, compatibility forms such as full-width letters."""
    plain = pc.replace_substring_regex(pc.utf8_normalize(texts, "NFKD"), _ACCENTS, "")
    return pc.utf8_lower(pc.utf8_normalize(plain, "NFKC"))


def words(texts: pa.Array) -> Occurrences:
    """Every word of every text, in their order; a null has none.

    Letters, digits and their marks make words. Scripts that put no spaces between words (Chinese, Japanese, Thai, Lao, Khmer,
    Burmese) give each pair of neighbouring characters, and a character that stands alone itself: about as good for comparing
    texts as a dictionary (Nie et al. 2000), and the same for all of them.
    """
    plain = pc.replace_substring_regex(folded(pc.fill_null(texts, "")), _APOSTROPHES, "")
    rows, runs = _pieces(plain, _BETWEEN_WORDS)
    unspaced = pc.match_substring_regex(runs, _UNSPACED).to_numpy(zero_copy_only=False)
    if not unspaced.any():
        return rows, runs
    places, found = _bigrams(runs.filter(pa.array(unspaced)))
    kept = pa.array(~unspaced)
    all_rows = np.concatenate([rows[~unspaced], rows[unspaced][places]])
    order = np.argsort(all_rows, kind="stable")
    return all_rows[order], pa.concat_arrays([runs.filter(kept), found]).take(pa.array(order))


def _bigrams(runs: pa.Array) -> Occurrences:
    """The pairs of neighbouring characters of runs; what is of another script in them stays whole."""
    rows, parts = _pieces(pc.replace_substring_regex(runs, f"({_UNSPACED})", r" \1 "), " +")
    single = pc.match_substring_regex(parts, _UNSPACED).to_numpy(zero_copy_only=False)
    paired = np.append(single[:-1] & single[1:] & (rows[:-1] == rows[1:]), False)
    alone = ~paired & ~np.append(False, paired[:-1])
    second = parts.take(pa.array(np.minimum(np.arange(len(parts)) + 1, len(parts) - 1)))
    joined = pc.if_else(pa.array(paired), pc.binary_join_element_wise(parts, second, ""), parts)
    kept = paired | alone
    return rows[kept], joined.filter(pa.array(kept))


def _pieces(texts: pa.Array, between: str) -> Occurrences:
    """What is left of each text between the matches, nothing left out but empty pieces."""
    lists = pc.split_pattern_regex(texts, between)
    rows, pieces = pc.list_parent_indices(lists).to_numpy(), pc.list_flatten(lists)
    there = pc.not_equal(pieces, "")
    return rows[there.to_numpy(zero_copy_only=False)], pieces.filter(there)
