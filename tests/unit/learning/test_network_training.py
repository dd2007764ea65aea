"""Training in one process: the same steps as Keras' own Adam, early stopping, weights, and going on after an interruption."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from tests.unit.learning.toy_rows import LEVELS, Toy

from repertoire.errors import InputError
from repertoire.learning.network.checkpoint import Progress, read_checkpoint
from repertoire.learning.network.keras_file import write_keras
from repertoire.learning.network.layers import Layers
from repertoire.learning.network.quiet_tensorflow import quiet_tensorflow
from repertoire.learning.network.scores import network_scores
from repertoire.learning.network.trained import EpochResult
from repertoire.settings.network import NetworkSettings

SETTINGS = NetworkSettings(hidden=[16, 8], batch_size=64, epochs=6, learning_rate=0.01, patience=None)


def settings(**changes: object) -> NetworkSettings:
    return NetworkSettings.model_validate(SETTINGS.model_dump() | changes)


def losses(progress: Progress) -> list[tuple[float, float | None]]:
    return [(epoch.loss, epoch.held_loss) for epoch in progress.history]


def scores(model: Any, toy: Toy, folder: Path) -> np.ndarray:
    write_keras(model, folder / "network.keras")
    return network_scores((folder / "network.keras").read_bytes())(toy.numbers, toy.codes)


@pytest.mark.parametrize("classes", [2, 3])
def test_the_steps_are_those_of_keras(classes: int, tmp_path: Path) -> None:
    """One batch of all rows in each epoch, so that the order does not matter.

    Keras is given dense gradients. Of an embedding's sparse ones it adds up the squares of each row's own, not the square of
    their sum, which is not Adam.
    """
    tf = quiet_tensorflow(threads=1)
    import keras

    toy = Toy(rows=300, held=0)
    toy.labels = (toy.labels + (toy.numbers[:, 2] > 1)).astype(np.int32) % classes
    toy.weights = np.random.default_rng(1).random(300)
    given = settings(batch_size=512, l2=0.01)
    model, progress = toy.train_here(tmp_path / "rows", toy.plan(given, classes=classes))

    keras.utils.set_random_seed(3)
    theirs = Layers(4, LEVELS, classes, given).model
    optimizer, x = keras.optimizers.Adam(0.01), {"numbers": toy.numbers, "codes": toy.codes}
    cross_entropy = keras.losses.binary_crossentropy if classes == 2 else keras.losses.sparse_categorical_crossentropy
    labels = toy.labels[:, None].astype(np.float32) if classes == 2 else toy.labels
    for epoch in progress.history:
        with tf.GradientTape() as tape:
            losses = cross_entropy(labels, theirs(x))
            loss = tf.reduce_sum(toy.weights * tf.cast(losses, tf.float64)) / toy.weights.sum()
            ridge = sum(tf.reduce_sum(w**2) for w in theirs.trainable_variables if w.path.endswith("kernel"))
            whole = tf.cast(loss, tf.float32) + 0.01 * ridge
        assert epoch.loss == pytest.approx(float(loss), rel=1e-5)
        gradients = tape.gradient(whole, theirs.trainable_variables)
        optimizer.apply([tf.convert_to_tensor(one) for one in gradients], theirs.trainable_variables)
    for ours, other in zip(model.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(ours, other, atol=1e-5)


def test_it_learns_what_keras_learns(tmp_path: Path) -> None:
    quiet_tensorflow(threads=1)
    import keras

    toy = Toy(rows=3000)
    learnt, held = toy.taken(~toy.held), toy.taken(toy.held)
    model, progress = toy.train_here(tmp_path / "rows", toy.plan(settings(epochs=15)))
    assert losses(progress)[-1][0] < losses(progress)[0][0] * 0.8
    ours = roc_auc_score(held.labels, scores(model, held, tmp_path)[:, 1])
    keras.utils.set_random_seed(4)
    theirs = Layers(4, LEVELS, 2, SETTINGS).model
    theirs.compile(keras.optimizers.Adam(0.01), "binary_crossentropy")
    theirs.fit({"numbers": learnt.numbers, "codes": learnt.codes}, learnt.labels, batch_size=64, epochs=15, verbose=0)
    found = theirs.predict({"numbers": held.numbers, "codes": held.codes}, verbose=0)[:, 0]
    assert ours > roc_auc_score(held.labels, found) - 0.01
    assert ours > 0.85


def test_it_stops_where_the_held_out_rows_get_no_better(tmp_path: Path) -> None:
    toy = Toy(rows=500)
    given = settings(epochs=20, patience=2, min_delta=10.0)
    model, progress = toy.train_here(tmp_path / "rows", toy.plan(given))
    assert (progress.epoch, progress.best_epoch) == (3, 1)
    first, _ = toy.train_here(tmp_path / "first", toy.plan(settings(epochs=1)))
    for stopped, once in zip(model.get_weights(), first.get_weights(), strict=True):
        np.testing.assert_array_equal(stopped, once)


def test_the_best_epoch_is_the_one_that_is_kept(tmp_path: Path) -> None:
    toy = Toy(rows=300)
    model, progress = toy.train_here(tmp_path / "rows", toy.plan(settings(epochs=40, learning_rate=0.03, min_delta=0)))
    held_losses = [held for _, held in losses(progress) if held is not None]
    assert progress.best_epoch == 1 + int(np.argmin(held_losses)) < 40
    held = toy.taken(toy.held)
    of_their_class = scores(model, held, tmp_path)[np.arange(len(held)), held.labels]
    assert np.mean(-np.log(of_their_class)) == pytest.approx(min(held_losses), rel=1e-4)


def test_without_held_out_rows_all_epochs_are_trained(tmp_path: Path) -> None:
    toy = Toy(rows=300, held=0)
    _, progress = toy.train_here(tmp_path / "rows", toy.plan(settings(patience=1)))
    assert (progress.epoch, progress.best_epoch) == (6, 6)
    assert {held for _, held in losses(progress)} == {None}


def test_a_weight_of_two_is_a_row_twice(tmp_path: Path) -> None:
    toy = Toy(rows=200, held=0)
    given = settings(batch_size=512)
    twice = toy.taken(np.repeat(np.arange(200), np.where(np.arange(200) < 100, 2, 1)))
    toy.weights[:100] = 2
    models = [one.train_here(tmp_path / name, one.plan(given))[0] for one, name in ((toy, "a"), (twice, "b"))]
    for weighted, repeated in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_allclose(weighted, repeated, rtol=1e-3, atol=1e-5)


def test_rows_without_weight_do_not_matter(tmp_path: Path) -> None:
    toy, other = Toy(rows=200, held=0), Toy(rows=200, held=0)
    for one in (toy, other):
        one.weights[:50] = 0
    other.labels[:50] = 1 - other.labels[:50]
    models = [one.train_here(tmp_path / name, one.plan(SETTINGS))[0] for one, name in ((toy, "a"), (other, "b"))]
    for weights, others in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_array_equal(weights, others)


def test_codes_are_learnt_from_and_unknown_ones_are_scored(tmp_path: Path) -> None:
    toy = Toy(rows=2000)
    model, _ = toy.train_here(tmp_path / "rows", toy.plan(settings(epochs=10)))
    moved = {}
    for code in (0, 1, 2):
        toy.codes[:, 0] = code
        moved[code] = scores(model, toy, tmp_path)[:, 1].mean()
    assert moved[1] < moved[0] < moved[2]  # 1 takes 3 from the logit, 2 adds 3


@pytest.mark.parametrize("without", ["numbers", "codes"])
def test_either_kind_of_columns_is_enough(without: str, tmp_path: Path) -> None:
    toy, levels = Toy(rows=300), LEVELS
    if without == "numbers":
        toy.numbers = toy.numbers[:, :0]
    else:
        toy.codes, levels = toy.codes[:, :0], ()
    model, progress = toy.train_here(tmp_path / "rows", toy.plan(settings(epochs=2, hidden=[]), levels))
    assert progress.epoch == 2
    found = scores(model, toy, tmp_path)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert np.ptp(found[:, 1]) > 0.01


class Interrupted(Exception):
    pass


@pytest.mark.parametrize("every_seconds", [0.0, 1e9])
def test_what_was_interrupted_ends_as_if_it_had_not_been(every_seconds: float, tmp_path: Path) -> None:
    toy = Toy(rows=500)
    given = settings(dropout=0.2, checkpoint_seconds=every_seconds)

    def interrupt(epoch: EpochResult) -> None:
        if epoch.epoch == 3:
            raise Interrupted

    plan = toy.plan(given, checkpoints=str(tmp_path / "checkpoints"))
    with pytest.raises(Interrupted):
        toy.train_here(tmp_path / "first", plan, interrupt)
    assert plan.checkpoint is not None
    if every_seconds:
        assert not plan.checkpoint.exists()
        return
    seen: list[int] = []
    model, resumed = toy.train_here(tmp_path / "second", plan, lambda epoch: seen.append(epoch.epoch), resume=True)
    whole_model, whole = toy.train_here(tmp_path / "whole", toy.plan(given))
    assert seen == [4, 5, 6]
    assert losses(resumed) == losses(whole)
    assert resumed.best_epoch == whole.best_epoch
    for one, other in zip(model.get_weights(), whole_model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert read_checkpoint(plan.checkpoint, "of something else") is None
    plan.checkpoint.write_bytes(plan.checkpoint.read_bytes()[:100])
    assert read_checkpoint(plan.checkpoint, plan.fingerprint(4, 0)) is None


def test_a_loss_that_is_no_number_is_said_to_be(tmp_path: Path) -> None:
    toy = Toy(rows=300)
    toy.numbers *= 1e20
    with pytest.raises(InputError, match="the loss of the .* rows is not a number in epoch 1: lower learning_rate"):
        toy.train_here(tmp_path / "rows", toy.plan(settings(learning_rate=1e6)))
    toy.weights[:] = 0
    with pytest.raises(InputError, match="weights of the learnt from rows add up to nothing"):
        toy.train_here(tmp_path / "none", toy.plan(SETTINGS))


def test_scores_are_the_same_each_time_and_in_the_order_of_the_rows(tmp_path: Path) -> None:
    toy = Toy(rows=20_000)
    model, _ = toy.train_here(tmp_path / "rows", toy.plan(settings(epochs=1, batch_size=1000)))
    found, again = scores(model, toy, tmp_path), scores(model, toy, tmp_path)
    np.testing.assert_array_equal(found, again)
    backwards = toy.taken(np.arange(len(toy))[::-1])
    np.testing.assert_allclose(scores(model, backwards, tmp_path)[::-1], found, atol=1e-6)
    nothing = toy.taken(np.arange(0))
    assert scores(model, nothing, tmp_path).shape == (0, 2)
    assert found.dtype == np.float64
