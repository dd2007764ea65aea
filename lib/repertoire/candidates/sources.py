"""All candidate models of a run together: fits them, and gathers proposals until every user has a full list."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from repertoire.candidates.recommender import FittedModel, Fitting, Request
from repertoire.candidates.registry import recommender
from repertoire.frames.materialise import materialise
from repertoire.settings import CandidateSettings
from repertoire.vocabulary import ITEM_ID, POPULAR, POPULAR_IN_SEGMENT, RANK, REASON, SCORE, SOURCE, USER_ID

FALLBACKS = (POPULAR_IN_SEGMENT, POPULAR)
PROPOSAL = (USER_ID, ITEM_ID, SOURCE, SCORE, RANK, REASON)


def fallback_tiers(settings: CandidateSettings) -> dict[str, int]:
    """source → tier, in the order in which sources fill a list: 0 personalised, 1 popular in the segment, 2 popular."""
    personalised = dict.fromkeys((name for name in settings.models if name not in FALLBACKS), 0)
    return personalised | {source: tier for tier, source in enumerate(FALLBACKS, start=1)}


def fit_source(source: str, fitting: Fitting) -> FittedModel:
    return recommender(source).fit(replace(fitting, scratch=f"{fitting.scratch}/{source}"))


def fit_sources(fitting: Fitting) -> list[FittedModel]:
    """Fits every model of the settings, and the two that fill up."""
    return [fit_source(source, fitting) for source in fallback_tiers(fitting.settings)]


def propose_from_sources(
    model: Callable[[str], FittedModel], request: Request, scratch: str
) -> Mapping[str, DataFrame]:
    """source → user_id, item_id, source, score, rank, reason: the proposals of the sources that were asked.

    model: gives a fitted model by its source; it is asked for when it is needed. The personalising models propose for all
    users; the others only for users whose list those leave short of k items. Proposals are materialised as Parquet in the
    scratch folder, since they are read more than once; so are the users of the request, which the caller has materialised.
    """

    def propose(source: str, asked: Request) -> DataFrame:
        proposals = recommender(source).propose(model(source), asked).withColumn(SOURCE, F.lit(source))
        return materialise(proposals.select(*PROPOSAL), f"{scratch}/{source}")

    tiers = fallback_tiers(request.settings)
    asked = request
    found = {source: propose(source, request) for source, tier in tiers.items() if tier == 0}
    for source in FALLBACKS:
        if found:
            short = _short_of(asked.users, list(found.values()), request.k)
            remaining = materialise(short, f"{scratch}/short_before_{source}")
            if remaining.isEmpty():
                break
            asked = replace(
                asked, users=remaining, interactions=asked.interactions.join(remaining, USER_ID, "left_semi")
            )
        found[source] = propose(source, asked)
    return found


def together(proposals: Mapping[str, DataFrame]) -> DataFrame:
    """The proposals of all sources."""
    return reduce(DataFrame.unionByName, proposals.values())


def _short_of(users: DataFrame, found: Sequence[DataFrame], k: int) -> DataFrame:
    """Users with fewer than k different items so far."""
    pairs = reduce(DataFrame.unionByName, [frame.select(USER_ID, ITEM_ID) for frame in found])
    items = F.count(ITEM_ID) if len(found) == 1 else F.countDistinct(ITEM_ID)
    enough = pairs.groupBy(USER_ID).agg(items.alias("items")).where(F.col("items") >= k)
    return users.join(enough.select(USER_ID), USER_ID, "left_anti")
