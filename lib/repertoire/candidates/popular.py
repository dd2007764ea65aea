"""What many users like, of late or ever, as factors: one an item, so that the one scorer serves popularity, too."""

from collections.abc import Callable
from functools import partial

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from repertoire import vocabulary as v
from repertoire.candidates.item_factors import FACTORS, ITEM_FACTORS
from repertoire.candidates.propose_by_factors import top_k_for
from repertoire.candidates.recommender import FittedModel, Fitting, Recommender, Request
from repertoire.candidates.votes import vote
from repertoire.settings import CandidateSettings, VoteSettings

Votes = Callable[[CandidateSettings], VoteSettings]


def _fit(name: str, votes_of: Votes, fitting: Fitting) -> FittedModel:
    """The factor of an item: the decayed number of users with strength above 0, over that of the most popular item.

    half_life_days of the model's settings sets the decay, window_days what is too old to count. An item that nobody wanted has 0,
    as has one that was wanted too long ago, which makes it a last resort.
    """
    settings = votes_of(fitting.settings)
    votes = F.when(F.col(v.STRENGTH) > 0, vote(fitting.as_of, settings)).otherwise(0)
    counted = fitting.interactions.groupBy(v.ITEM_ID).agg(F.sum(votes).alias("votes"))
    most = F.greatest(F.max("votes").over(Window.partitionBy()), F.lit(1))
    return FittedModel(
        name=name,
        tables={ITEM_FACTORS: counted.select(v.ITEM_ID, F.array((F.col("votes") / most).cast("float")).alias(FACTORS))},
        metadata={
            "parameters": {"half_life_days": settings.half_life_days, "window_days": settings.window_days},
            "as_of": fitting.as_of.isoformat(),
            "factors": 1,
        },
    )


def _propose(model: FittedModel, request: Request) -> DataFrame:
    """Proposals (see `Recommender`) for every user of the request: one order for all, without what each has seen."""
    same = F.array(F.lit(1.0).cast("float"))
    users = request.users.select(v.USER_ID, same.alias(FACTORS), F.lit(model.name).alias(v.REASON))
    return top_k_for(users, model, request, explain=False)


def _model(name: str, votes_of: Votes) -> Recommender:
    return Recommender(name=name, fit=partial(_fit, name, votes_of), propose=_propose)


POPULAR = _model(v.POPULAR, lambda settings: settings.popular)
TRENDING = _model(v.TRENDING, lambda settings: settings.trending)
