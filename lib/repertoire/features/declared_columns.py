"""The columns of a frame of features, as they are declared."""

from collections.abc import Sequence

from pyspark.sql import Column
from pyspark.sql import functions as F

from repertoire.declared_features import Feature

# Sums of floats differ in their last bits with the order of the rows; what is made of them does not.
_DIGITS = 9


def declared_columns(features: Sequence[Feature]) -> list[Column]:
    """Numbers as doubles of 9 digits, categories as they are, in the order of the declarations."""
    return [
        (F.round(F.col(one.name).cast("double"), _DIGITS) if one.kind == "number" else F.col(one.name)).alias(one.name)
        for one in features
    ]
