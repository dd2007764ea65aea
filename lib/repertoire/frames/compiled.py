"""How the numeric kernels are compiled.

Compiled code is kept beside its source, where that is a folder that may be written to (else in NUMBA_CACHE_DIR, or not at all:
it is compiled in seconds). It runs without Python's lock, so that threads take a block each.
"""

import os
from pathlib import Path

import numba

_kept = "NUMBA_CACHE_DIR" in os.environ or os.access(Path(__file__).parent, os.W_OK)

compiled = numba.njit(nogil=True, cache=_kept, fastmath={"reassoc", "nsz", "arcp", "contract", "afn"})
"""Sums may be reordered into vectors; NaN and infinity keep their meaning, for a divergence has to be seen."""

compiled_strictly = numba.njit(nogil=True, cache=_kept)
"""Without that: for what must round as NumPy does."""
