"""Steps of Adam (Kingma & Ba 2015) on batches that several workers share, many steps in one call of TensorFlow.

Every worker has all weights. A step adds up the workers' gradients in one message, with the loss and the weight of the rows,
so all workers take the same step, and it is that of the whole batch in one place.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from repertoire.learning.network.job import Job
from repertoire.learning.network.layers import Layers

Arrays = Sequence[NDArray[np.generic]]
_MEAN_DECAY, _SQUARE_DECAY, _EPSILON = 0.9, 0.999, 1e-7  # Keras' own


class Steps:
    """strategy: of tf.distribute, with one replica in each worker."""

    def __init__(self, tf: Any, strategy: Any, layers: Layers, job: Job) -> None:
        self._tf, self._strategy, self._layers, self._job = tf, strategy, layers, job
        self._weights = [variable.value for variable in layers.model.trainable_variables]
        self._ridged = {id(kernel) for kernel in layers.kernels}
        self._means = [tf.Variable(tf.zeros_like(weight)) for weight in self._weights]
        self._squares = [tf.Variable(tf.zeros_like(weight)) for weight in self._weights]
        self._count = tf.Variable(0, dtype=tf.int64)
        share, columns = job.plan.streams.share, len(job.plan.levels)
        kinds = [tf.float32, tf.int32, tf.int32, tf.float32]
        shapes = [(share, job.width), (share, columns), (share,), (share,)]
        batches = [tf.TensorSpec((None, *shape), kind) for shape, kind in zip(shapes, kinds, strict=True)]
        rows = [tf.TensorSpec((None, *shape[1:]), kind) for shape, kind in zip(shapes, kinds, strict=True)]
        # Without autograph, whose generated files stay in the temporary folder where a process is ended.
        graph = partial(tf.function, autograph=False)
        self._learn = graph(self._learn_batches, input_signature=batches)
        self._measure = graph(self._sums, input_signature=rows)
        self._total = graph(self._total_of, input_signature=[tf.TensorSpec((2,), tf.float64)])

    def learn(self, batches: Arrays) -> NDArray[np.float64]:
        """A step for each of them, (steps, share, …) each; (loss, weight) summed over the rows of all workers."""
        sums: NDArray[np.float64] = self._learn(*batches).numpy()
        return sums

    def measure(self, rows: Arrays) -> NDArray[np.float64]:
        """(loss, weight) summed over these rows of this worker, (rows, …) each."""
        sums: NDArray[np.float64] = self._measure(*rows).numpy().astype(np.float64)
        return sums

    def total(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        """The sum of what all workers give. All have to call it."""
        total: NDArray[np.float64] = self._total(sums).numpy()
        return total

    def state(self) -> list[NDArray[np.generic]]:
        """Copies of the weights, then of what Adam remembers."""
        return [variable.numpy() for variable in self._variables()]

    def restore(self, state: Arrays) -> None:
        """Of `state`, or its first part: the weights."""
        for variable, value in zip(self._variables(), state, strict=False):
            variable.assign(value)

    def weights(self) -> list[NDArray[np.generic]]:
        return [weight.numpy() for weight in self._weights]

    def _variables(self) -> list[Any]:
        return [*self._weights, *self._means, *self._squares, self._count]

    def _learn_batches(self, numbers: Any, codes: Any, labels: Any, weights: Any) -> Any:
        tf = self._tf
        steps = tf.shape(labels)[0]

        def one(step: Any, sums: Any) -> Any:
            batch = (numbers[step], codes[step], labels[step], weights[step])
            return step + 1, sums + self._strategy.run(self._step, args=batch)

        return tf.while_loop(lambda step, sums: step < steps, one, (tf.constant(0), tf.zeros(2, tf.float64)))[1]

    def _step(self, numbers: Any, codes: Any, labels: Any, weights: Any) -> Any:
        tf = self._tf
        with tf.GradientTape() as tape:
            sums = self._sums(numbers, codes, labels, weights, self._masks())
            loss = sums[0]
        gradients = [tf.convert_to_tensor(one) for one in tape.gradient(loss, self._weights)]
        flat = tf.concat([*(tf.reshape(one, [-1]) for one in gradients), sums], 0)
        everyones = tf.distribute.get_replica_context().all_reduce("SUM", flat)
        *parts, sums = tf.split(everyones, [*(weight.shape.num_elements() for weight in self._weights), 2])
        self._count.assign_add(1)
        steps = tf.cast(self._count, tf.float32)
        for weight, mean, square, part in zip(self._weights, self._means, self._squares, parts, strict=True):
            gradient = tf.math.divide_no_nan(tf.reshape(part, weight.shape), sums[1])
            if self._job.plan.settings.l2 and id(weight) in self._ridged:
                gradient += 2 * self._job.plan.settings.l2 * weight
            tf.raw_ops.ResourceApplyAdam(
                var=weight.handle,
                m=mean.handle,
                v=square.handle,
                beta1_power=tf.pow(_MEAN_DECAY, steps),
                beta2_power=tf.pow(_SQUARE_DECAY, steps),
                lr=self._job.plan.settings.learning_rate,
                beta1=_MEAN_DECAY,
                beta2=_SQUARE_DECAY,
                epsilon=_EPSILON,
                grad=gradient,
            )
        return tf.cast(sums, tf.float64)

    def _masks(self) -> list[Any]:
        """Of dropout, for this worker's rows of a batch: cut from those of the whole batch, so that workers do not matter."""
        tf, plan, units = self._tf, self._job.plan, self._layers.units
        dropout, share = plan.settings.dropout, plan.streams.share
        if not dropout:
            return []
        masks = []
        for depth, width in enumerate(units):
            seed = tf.stack([tf.constant(plan.seed, tf.int64), self._count * len(units) + depth])
            drawn = tf.random.stateless_uniform((plan.settings.batch_size, width), seed)
            mine = drawn[self._job.worker * share : (self._job.worker + 1) * share]
            masks.append(tf.cast(mine >= dropout, tf.float32) / (1 - dropout))
        return masks

    def _sums(self, numbers: Any, codes: Any, labels: Any, weights: Any, masks: Sequence[Any] = ()) -> Any:
        """(loss, weight) summed over the rows, float32."""
        tf = self._tf
        logits = self._layers.logits(numbers if self._job.width else None, codes, masks)
        if self._layers.classes == 2:
            losses = tf.nn.sigmoid_cross_entropy_with_logits(tf.cast(labels, tf.float32), logits[:, 0])
        else:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        return tf.stack([tf.reduce_sum(weights * losses), tf.reduce_sum(weights)])

    def _total_of(self, sums: Any) -> Any:
        def added(sums: Any) -> Any:
            # What comes from outside is on no device, and is refused.
            return self._tf.distribute.get_replica_context().all_reduce("SUM", self._tf.identity(sums))

        return self._strategy.run(added, args=(sums,))
