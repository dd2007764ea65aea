"""Stage: the candidates become a list for every user."""

from types import SimpleNamespace

from pyspark.sql import functions as F

from repertoire.candidates.sources import fallback_tiers
from repertoire.evaluation.measurement import Measurement
from repertoire.evaluation.popularity_curve import items_by_count, shares_of_top
from repertoire.frames.materialise import materialise
from repertoire.pipeline.eligible_items import eligible_items
from repertoire.pipeline.metric_rows import metric_rows
from repertoire.pipeline.stage import Inputs, Outputs, RunContext, Stage
from repertoire.pipeline.train_ranker import known_of
from repertoire.ranking.blend_by_tier import blend_by_tier, fill_up
from repertoire.tables import (
    CANDIDATES,
    INTERACTIONS,
    ITEM_FEATURES,
    ITEMS,
    METRICS,
    RECOMMENDATIONS,
    USER_FEATURES,
)
from repertoire.two_stage.learn import RANKER
from repertoire.two_stage.rank import rank
from repertoire.vocabulary import FALLBACK_TIER, ITEM_ID, TIER_WORDS, USER_ID

TOP_PERCENTS = (1, 2, 5, 10, 20, 50, 100)


def run(inputs: Inputs, settings: SimpleNamespace, context: RunContext) -> Outputs:
    tiers = fallback_tiers(settings.candidates)
    models = sorted(
        str(version)
        for name, version in inputs.versions.items()
        if name.startswith("model:") and tiers.get(name.removeprefix("model:")) == 0
    )
    candidates, top_k = inputs.frame(CANDIDATES), settings.ranking.top_k
    if settings.ranking.ranker.on:
        ranked = rank(inputs.model(RANKER), candidates, known_of(inputs, settings, context))
        lists = fill_up(ranked, candidates, tiers, top_k)
        models.append(str(inputs.versions[f"model:{RANKER}"]))
    else:
        lists = blend_by_tier(candidates, tiers, top_k)
    table = lists.select(
        F.lit(context.run_date).alias("run_date"),
        "*",
        F.lit("+".join(models)).alias("model_version"),
        F.lit(1.0).alias("propensity"),
        F.lit(None).cast("string").alias("arm"),
    )
    table = materialise(table, f"{context.scratch}/lists")  # counted here, then written to the warehouse
    by_tier = [F.count_if(F.col(FALLBACK_TIER) == tier).alias(f"tier_{tier}") for tier in range(len(TIER_WORDS))]
    counts = table.agg(
        F.count("*").alias("rows"),
        F.countDistinct(USER_ID).alias("users"),
        F.countDistinct(ITEM_ID).alias("items_shown"),
        *by_tier,
    ).first()
    assert counts is not None
    shares = [f"{counts[f'tier_{tier}'] / max(1, counts['rows']):.1%} {word}" for tier, word in enumerate(TIER_WORDS)]
    context.say(f"{counts['users']:,} lists, {counts['items_shown']:,} items shown; places: {', '.join(shares)}")
    eligible = eligible_items(inputs, context.run_date)
    if eligible is None:
        eligible = inputs.frame(INTERACTIONS).select(ITEM_ID).distinct()
    history = inputs.frame(INTERACTIONS).select(ITEM_ID, F.col("events").alias("count"))
    spread = items_by_count(eligible, {"places": table.select(ITEM_ID, F.lit(1).alias("count")), "events": history})
    figures = counts.asDict() | {"eligible_items": sum(spread["places"].values())}
    measured = [
        Measurement("recommendations", metric, 0, float(value), None, None, counts["users"])
        for metric, value in figures.items()
    ]
    for model, what in (("recommendations", "places"), ("history", "events")):
        for percent, share in shares_of_top(spread[what], TOP_PERCENTS).items():
            measured.append(Measurement(model, f"{what}_of_top_percent", percent, share, None, None, counts["users"]))
    return Outputs({RECOMMENDATIONS: table}, rows={METRICS: metric_rows(context, STAGE.name, measured)})


STAGE = Stage(
    name="rank_recommendations",
    about="fills every user's list: personalised (in the ranker's order, if one is asked for), popular in the segment, popular",
    run=run,
    reads=(CANDIDATES, INTERACTIONS, USER_FEATURES, ITEM_FEATURES),
    reads_if_there=(ITEMS,),
    writes=(RECOMMENDATIONS, METRICS),
    needs_models=True,
    settings=("features", "candidates", "ranking"),
)
