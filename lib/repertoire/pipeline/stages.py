"""The list of stages, in the order in which they run: a new stage is one module and one line here."""

from repertoire.pipeline import (
    build_features,
    evaluate_live,
    evaluate_offline,
    generate_candidates,
    ingest_events,
    publish_recommendations,
    rank_recommendations,
    train_candidates,
)
from repertoire.pipeline.stage import Stage

STAGES: tuple[Stage, ...] = (
    ingest_events.STAGE,
    build_features.STAGE,
    train_candidates.STAGE,
    generate_candidates.STAGE,
    rank_recommendations.STAGE,
    evaluate_live.STAGE,
    evaluate_offline.STAGE,
    publish_recommendations.STAGE,
)
