"""The list of stages, in the order in which they run, and those beside it: a new stage is one module and one line here."""

from repertoire.pipeline import (
    build_features,
    evaluate_live,
    evaluate_offline,
    generate_candidates,
    ingest_events,
    maintain_tables,
    migrate_tables,
    publish_recommendations,
    rank_recommendations,
    train_candidates,
    train_ranker,
)
from repertoire.pipeline.stage import Stage

STAGES: tuple[Stage, ...] = (
    ingest_events.STAGE,
    build_features.STAGE,
    train_candidates.STAGE,
    train_ranker.STAGE,
    generate_candidates.STAGE,
    rank_recommendations.STAGE,
    evaluate_live.STAGE,
    evaluate_offline.STAGE,
    publish_recommendations.STAGE,
)

# Stages on the same tables that no nightly run includes: each is run by itself, by its job file or command.
BESIDE: tuple[Stage, ...] = (
    maintain_tables.STAGE,
    migrate_tables.STAGE,
)


def stages_with(name: str | None) -> tuple[Stage, ...]:
    """The nightly chain; and after it the stage of that name, where it is one beside the chain."""
    return (*STAGES, *(stage for stage in BESIDE if stage.name == name))
