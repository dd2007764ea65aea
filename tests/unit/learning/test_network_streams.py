"""Batches are made of the same rows for any number of workers, and a worker's files hold what it was sent."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from tests.unit.learning.toy_rows import LEVELS, Toy

from repertoire.errors import InputError
from repertoire.learning.network.job import Job
from repertoire.learning.network.spool import Spool, rows_in
from repertoire.learning.network.streams import Streams
from repertoire.settings.network import NetworkSettings


def batches(rows: int, workers: int, epoch: int, batch_size: int = 8) -> list[set[int]]:
    """The indices of the rows in each batch of an epoch."""
    streams = Streams(rows, batch_size, workers)
    found: list[set[int]] = [set() for _ in range(streams.steps)]
    for worker in range(workers):
        index = np.arange(rows)
        index = index[index % batch_size // streams.share == worker]
        at = dict(zip(streams.place(index, worker).tolist(), index.tolist(), strict=True))
        assert len(index) == streams.rows_of(worker)
        for batch, places in zip(found, streams.order(worker, 1, epoch).tolist(), strict=True):
            batch |= {at[place] for place in places if place in at}
    return found


@pytest.mark.parametrize("rows", [1, 5, 8, 40, 61])
def test_batches_are_the_same_for_any_number_of_workers(rows: int) -> None:
    alone = batches(rows, 1, 1)
    assert sorted(index for batch in alone for index in batch) == list(range(rows))
    assert [len(batch) for batch in alone[:-1]] == [8] * (rows // 8 - (rows % 8 == 0))
    for workers in (2, 4, 8):
        assert batches(rows, workers, 1) == alone


def test_every_epoch_has_another_order() -> None:
    assert batches(400, 2, 1) != batches(400, 2, 2)
    # Rows of different streams meet by chance: two of one batch are rarely together in the next epoch.
    first, second = ({index: n for n, b in enumerate(batches(400, 1, e)) for index in b} for e in (1, 2))
    pairs = [(a, b) for a in range(0, 400, 8) for b in range(1, 400, 8) if first[a] == first[b]]
    assert np.mean([second[a] == second[b] for a, b in pairs]) < 0.15


def test_a_worker_finds_its_rows_whatever_batches_they_came_in(tmp_path: Path) -> None:
    toy = Toy(rows=333)
    plan = toy.plan(NetworkSettings(batch_size=16, workers=2))
    checksums = []
    for size in (1000, 7):
        for worker in (0, 1):
            folder = tmp_path / f"{size}-{worker}"
            folder.mkdir()
            spool = Spool(str(folder), plan, worker)
            for batch in reversed(toy.batches(plan, worker, size)):
                spool.add(batch)
            assert spool.close(4)
            checksums.append(spool.checksum)
    assert checksums[:2] == checksums[2:]
    learnt = toy.taken(~toy.held)
    mine = np.flatnonzero(np.arange(len(learnt)) % 16 >= 8)
    found = rows_in(str(tmp_path / "7-1"), "learnt").take(plan.streams.place(mine, 1))
    for array, expected in zip(found, (learnt.numbers, learnt.codes, learnt.labels, learnt.weights), strict=True):
        np.testing.assert_array_equal(array, expected[mine])
    held = rows_in(str(tmp_path / "7-1"), "held")
    np.testing.assert_array_equal(held.numbers, toy.numbers[toy.held][1::2])


def test_the_checksum_tells_rows_apart(tmp_path: Path) -> None:
    def checksum(toy: Toy) -> int:
        plan = toy.plan(NetworkSettings(batch_size=16))
        spool = Spool(str(tmp_path), plan, 0)
        for batch in toy.batches(plan, 0):
            spool.add(batch)
        return spool.checksum

    toys = [Toy(rows=50) for _ in range(5)]
    toys[1].labels[7] ^= 1
    toys[2].numbers[7, 2] += 1e-6
    toys[3].numbers[[7, 8]] = toys[3].numbers[[8, 7]]
    toys[4].held[7] ^= True
    assert len({checksum(toy) for toy in toys}) == 5


def test_missing_rows_are_noticed(tmp_path: Path) -> None:
    toy = Toy(rows=50)
    plan = toy.plan(NetworkSettings(batch_size=16))
    spool = Spool(str(tmp_path), plan, 0)
    first, *_ = toy.batches(plan, 0, size=30)
    spool.add(first)
    spool.add(first)
    assert not spool.close(4)


@pytest.mark.parametrize(
    "column, value, words",
    [
        ("label", 2, "label is 2 in a row, but has to be from 0 to 1"),
        ("label", None, "a row has no label"),
        ("weight", -1.0, "weight is below 0 or not a number"),
        ("codes", [5, 1], "codes[0] is 5 in a row, but has to be from 0 to 4"),
        ("codes", [1, None], "the code of what is unknown is 0"),
        ("codes", [1, 1, 1], "there have to be 2 in every row"),
        ("numbers", [0.0, 0.0, float("nan"), 0.0], "numbers[2] is missing, not a number or infinite"),
        ("numbers", [0.0, None, 0.0, 0.0], "numbers[1] is missing"),
        ("numbers", None, "numbers: "),
    ],
)
def test_rows_that_will_not_do(column: str, value: object, words: str, tmp_path: Path) -> None:
    toy = Toy(rows=20)
    plan = toy.plan(NetworkSettings(batch_size=4))
    [batch] = toy.batches(plan, 0)
    values = batch.column(column).to_pylist()
    values[3] = value
    place = batch.schema.get_field_index(column)
    with pytest.raises(InputError) as caught:
        Spool(str(tmp_path), plan, 0).add(
            batch.set_column(place, column, pa.array(values, batch.schema.field(column).type))
        )
    assert words in str(caught.value)


def test_there_has_to_be_a_column(tmp_path: Path) -> None:
    toy = Toy(rows=20)
    toy.numbers, toy.codes = toy.numbers[:, :0], toy.codes[:, :0]
    plan = toy.plan(NetworkSettings(batch_size=4), ())
    with pytest.raises(InputError, match="neither numbers nor codes"):
        Spool(str(tmp_path), plan, 0).add(toy.batches(plan, 0)[0])


def test_a_job_survives_its_way_to_the_process() -> None:
    plan = Toy(rows=20).plan(NetworkSettings(hidden=[8], patience=None), LEVELS, checkpoints="/somewhere")
    job = Job(plan, 1, ["a:1", "b:2"], 4, "/folder", "f", resume=True)
    assert Job.from_json(job.to_json()) == job
    assert job.plan.held_rows_of(0) == 4


def test_the_fingerprint_leaves_out_what_does_not_change_the_result() -> None:
    toy = Toy(rows=20)
    plans = [
        toy.plan(NetworkSettings(**given), seed=seed)
        for given, seed in (({}, 3), ({"workers": 2, "threads": 4}, 3), ({"learning_rate": 0.1}, 3), ({}, 4))
    ]
    marks = [plan.fingerprint(4, 99) for plan in plans]
    assert marks[0] == marks[1]
    assert len(set(marks)) == 3
