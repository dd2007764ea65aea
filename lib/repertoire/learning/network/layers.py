"""The layers: embedded codes beside the numbers, hidden layers, and one sigmoid unit for two classes, softmax for more."""

from collections.abc import Sequence
from typing import Any

from repertoire.settings.network import NetworkSettings

NUMBERS, CODES = "numbers", "codes"
_WIDEST_EMBEDDING = 50


def embedding_width(levels: int, settings: NetworkSettings) -> int:
    """Numbers that stand for one of so many levels: the rule of fast.ai's tabular models, up to a bound (Howard & Gugger 2020).

    >>> [embedding_width(levels, NetworkSettings()) for levels in (2, 10, 100, 10_000)]
    [2, 6, 21, 50]
    """
    return settings.embedding or min(_WIDEST_EMBEDDING, round(1.6 * levels**0.56))


class Layers:
    """Made anew from Keras' own random seed. TensorFlow must have been imported.

    width: of the numbers; levels: of each coded column. Either may be nothing, not both.
    """

    def __init__(self, width: int, levels: Sequence[int], classes: int, settings: NetworkSettings) -> None:
        import keras

        layers = keras.layers
        self.classes = classes
        self._embeddings = [
            layers.Embedding(count, embedding_width(count, settings), name=f"embedding_{column}")
            for column, count in enumerate(levels)
        ]
        self._hidden = [
            layers.Dense(units, settings.activation, kernel_initializer="he_uniform", name=f"hidden_{depth}")
            for depth, units in enumerate(settings.hidden)
        ]
        self._output = layers.Dense(1 if classes == 2 else classes, name="logits")
        inputs = {}
        if width:
            inputs[NUMBERS] = keras.Input((width,), name=NUMBERS)
        if levels:
            inputs[CODES] = keras.Input((len(levels),), name=CODES, dtype="int32")
        logits = self.logits(inputs.get(NUMBERS), inputs.get(CODES))
        scores = layers.Activation("sigmoid" if classes == 2 else "softmax", name="probability")(logits)
        self.model = keras.Model(inputs, scores, name="network")

    @property
    def units(self) -> list[int]:
        """Of each hidden layer."""
        return [int(layer.units) for layer in self._hidden]

    @property
    def kernels(self) -> list[Any]:
        """What the ridge holds down."""
        return [layer.kernel.value for layer in (*self._hidden, self._output)]

    def logits(self, numbers: Any, codes: Any, masks: Sequence[Any] = ()) -> Any:
        """(rows, 1 or classes). masks: what the outputs of each hidden layer are multiplied with; without any, nothing is."""
        import keras

        parts = [layer(codes[:, column]) for column, layer in enumerate(self._embeddings)]
        if numbers is not None:
            parts.insert(0, numbers)
        found = parts[0] if len(parts) == 1 else keras.ops.concatenate(parts, axis=1)
        for depth, layer in enumerate(self._hidden):
            found = layer(found)
            if masks:
                found = found * masks[depth]
        return self._output(found)
