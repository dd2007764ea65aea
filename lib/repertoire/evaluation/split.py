"""What every split gives: the events to learn from, and those to judge by."""

from typing import NamedTuple

from pyspark.sql import DataFrame


class Split(NamedTuple):
    """Two frames with the columns of the events that were split; no event is in both.

    Both are lazy and share their input: whoever reads both, or one twice, caches the events first.
    """

    train: DataFrame
    holdout: DataFrame
