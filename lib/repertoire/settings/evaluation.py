"""Settings of `evaluate_offline`."""

from typing import Annotated, Literal

from pydantic import Field

from repertoire.settings.section import Section

Cutoff = Annotated[int, Field(ge=1)]


class EvaluationSettings(Section):
    """The backtest: which events are held back, and what is measured on them."""

    k: list[Cutoff] = Field([5, 10, 20], min_length=1, description="lengths of the head of the list that are measured")
    split: Literal["auto", "global_time", "user_hash"] = Field(
        "auto",
        description="global_time holds back the last days; user_hash a share of each user's pairs; auto: global_time "
        "where at least half of the events have a time",
    )
    holdout_days: int = Field(7, ge=1, description="days before the run's cutoff that are held back")
    holdout_share: float = Field(0.2, gt=0, lt=1, description="share of a user's pairs that user_hash holds back")
    max_users: int = Field(100_000, ge=1, description="measure at most so many users, chosen by hash")
