"""The probabilities that a trained network gives rows."""

import hashlib
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from repertoire.learning.network.layers import CODES, NUMBERS
from repertoire.learning.network.quiet_tensorflow import quiet_tensorflow
from repertoire.learning.network.spool import chunks

_ROWS_AT_ONCE = 8192
_KEPT = 8  # networks that a process keeps
_loaded: dict[str, Any] = {}  # of this process, by the content's hash


@dataclass(frozen=True)
class NetworkScores:
    """Scores rows by a .keras file, which a Python process loads once. It can be sent to Spark's workers."""

    keras: bytes = field(repr=False)
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", hashlib.sha256(self.keras).hexdigest())

    def __call__(self, numbers: NDArray[np.float32], codes: NDArray[np.int32]) -> NDArray[np.float64]:
        """numbers: (rows, width), codes: (rows, columns), either with no columns where the network has none; (rows, classes).

        The same rows get the same probabilities, bit for bit, on one kind of processor. Of other rows beside them, a row's
        may change in the last digits of a float32.
        """
        if self.digest not in _loaded:
            while len(_loaded) >= _KEPT:
                _loaded.pop(next(iter(_loaded)))
            _loaded[self.digest] = _load(self.keras)
        score, classes = _loaded[self.digest]
        found = [score(numbers[some], codes[some]).numpy() for some in chunks(len(numbers), _ROWS_AT_ONCE)]
        scores = np.concatenate(found or [np.zeros((0, classes))]).astype(np.float64)
        return np.hstack([1 - scores, scores]) if classes == 1 else scores


def network_scores(keras: bytes) -> NetworkScores:
    """What scores rows by a .keras file that `fit_network` made."""
    return NetworkScores(keras)


def _load(keras: bytes) -> tuple[Any, int]:
    """What makes tensors of the numbers and codes of rows into scores, (rows, outputs), and how many outputs there are."""
    tf = quiet_tensorflow(threads=1)  # Spark's tasks are the threads
    import keras as library

    with tempfile.TemporaryDirectory(prefix="repertoire-network-") as folder:
        path = Path(folder, "network.keras")
        path.write_bytes(keras)
        model = library.models.load_model(path, compile=False)
    inputs = {one.name: one for one in model.inputs}

    def score(numbers: Any, codes: Any) -> Any:
        given = {NUMBERS: numbers, CODES: codes}
        return model({name: given[name] for name in inputs}, training=False)

    widths = [inputs[name].shape[1] if name in inputs else None for name in (NUMBERS, CODES)]
    signature = [tf.TensorSpec((None, widths[0]), tf.float32), tf.TensorSpec((None, widths[1]), tf.int32)]
    return tf.function(score, input_signature=signature, autograph=False), int(model.outputs[0].shape[1])
