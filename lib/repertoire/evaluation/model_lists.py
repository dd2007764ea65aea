"""Several models' lists as one frame, so that a query over all of them costs what one over a single model does."""

from collections.abc import Mapping
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from repertoire.evaluation.measurement import MODEL
from repertoire.vocabulary import ITEM_ID, RANK, USER_ID


def heads_of_lists(lists: Mapping[str, DataFrame], length: int) -> DataFrame:
    """model, user_id, item_id, rank: the first `length` places of every list."""
    labelled = [one.select(F.lit(name).alias(MODEL), USER_ID, ITEM_ID, RANK) for name, one in lists.items()]
    return reduce(DataFrame.unionByName, labelled).where(F.col(RANK) <= length)
