"""Learns from candidates of the past, and what followed, which of a user's candidates to put first."""

from collections.abc import Callable, Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from repertoire.declared_features import Feature
from repertoire.errors import InputError
from repertoire.learning.algorithms import algorithm
from repertoire.learning.classifier import Classifier
from repertoire.learning.feature_column import FeatureColumn
from repertoire.learning.row_columns import GROUP, HELD, LABEL
from repertoire.learning.train import train
from repertoire.settings import RankerSettings

_HELD_SHARE = 10  # one group in so many is held back where that says when training ends
CLASSES = ("other", "relevant")


def fit_ranker(
    rows: DataFrame,
    features: Sequence[Feature],
    settings: RankerSettings,
    *,
    seed: int,
    scratch: str,
    say: Callable[[str], None],
) -> Classifier:
    """A model of `settings.algorithm` whose score of the second class, `relevant`, orders a user's candidates.

    rows: the features, double and string, `__label` int (1 where the candidate was relevant), `__weight` double, and `__group`
    bigint (a user at a cutoff); materialised. Raises InputError where no candidate, or every one, was relevant.
    """
    counts = {row[LABEL]: row["count"] for row in rows.groupBy(LABEL).count().collect()}
    if len(counts) < 2:
        found = "none" if not counts.get(1) else "all"
        raise InputError(
            f"the ranker cannot learn: of {sum(counts.values()):,} candidates of the past, {found} were consumed in the days "
            "after. It needs both; widen ranking.ranker.window_days, or rank without it (ranking.ranker.algorithm=none). "
            "Nothing was written."
        )
    chosen = algorithm(settings.algorithm)
    held = F.pmod(F.xxhash64(F.lit(seed), GROUP), F.lit(_HELD_SHARE)) == 0 if chosen.stops_early else F.lit(False)
    columns = [FeatureColumn(one.name, one.kind) for one in features]
    model, _ = train(
        rows.withColumn(HELD, held), columns, chosen, settings, classes=CLASSES, seed=seed, scratch=scratch, say=say
    )
    return model
