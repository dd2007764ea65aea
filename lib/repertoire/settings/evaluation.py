"""Settings of `evaluate_offline`."""

from typing import Annotated, Literal

from pydantic import Field

from repertoire.settings.section import Section
from repertoire.tables import USERS

USER_COLUMNS = tuple(
    column.name for column in USERS.columns if column.type in ("string", "boolean") and column.name not in USERS.key
)

Cutoff = Annotated[int, Field(ge=1)]


class EvaluationSettings(Section):
    """The backtest: which events are held back, and what is measured on them."""

    k: list[Cutoff] = Field([5, 10, 20], min_length=1, description="lengths of the head of the list that are measured")
    split: Literal["auto", "global_time", "leave_last", "user_hash"] = Field(
        "auto",
        description="global_time holds back the last days; leave_last each user's last works, which lets a model learn "
        "from what others did later; user_hash a share of each user's works; auto: global_time where at least half of the "
        "events have a time, else user_hash",
    )
    holdout_days: int = Field(7, ge=1, description="days before the run's cutoff that are held back")
    holdout_share: float = Field(0.2, gt=0, lt=1, description="share of a user's works that user_hash holds back")
    leave_last: int = Field(1, ge=1, description="works of a user that leave_last holds back")
    cold_below: int = Field(5, ge=1, description="users with fewer works in their history are given apart, as cold")
    by: list[Literal[USER_COLUMNS]] = Field(  # type: ignore[valid-type]
        [], description="columns of users whose values' figures are given apart, such as [country, age_band]"
    )
    max_users: int = Field(100_000, ge=1, description="measure at most so many users, chosen by hash")
