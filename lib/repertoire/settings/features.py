"""Settings of `build_features`: how events become interactions."""

from typing import Annotated

from pydantic import Field

from repertoire import vocabulary as v
from repertoire.settings.section import Section

Weight = Annotated[float, Field(ge=0)]


class FeatureSettings(Section):
    """Strength by event type and value, recency, caps; what counts as seen."""

    event_weights: dict[str, Weight] = Field(
        {
            v.VIEW: 1.0,
            v.CLICK: 1.0,
            v.CART: 3.0,
            v.PURCHASE: 5.0,
            v.RATING: 5.0,
            v.PLAY: 4.0,
            v.READ: 4.0,
            v.LIKE: 5.0,
            v.INTERACTION: 1.0,
        },
        description="strength of one event of a type; a type that is not named has none",
    )
    negative_weights: dict[str, Weight] = Field(
        {v.DISLIKE: 5.0, v.SKIP: 1.0}, description="strength of one refusing event, kept apart in `negative`"
    )
    rating_scale: tuple[float, float] | None = Field(
        None, description="lowest and highest rating; null: those that occur"
    )
    low_rating: float = Field(
        0.3, ge=0, le=1, description="ratings below this share of the scale are negative (0.3: below 2.2 of 1 to 5)"
    )
    valued_events: list[str] = Field(
        [v.PLAY, v.READ],
        description="types whose weight grows with value: log2(1 + value / median value of the type)",
    )
    value_quantile: float = Field(
        0.999, gt=0, le=1, description="values above this quantile of their type are cut to it"
    )
    half_life_days: float | None = Field(
        None, gt=0, description="an event loses half its strength in so many days; null: it never does"
    )
    max_strength: float = Field(50.0, gt=0, description="strength of a pair of user and item is cut to this")
    log_strength: bool = Field(
        True, description="take log(1 + strength), so that the tenth play adds less than the first"
    )
    max_events_per_day: int | None = Field(
        None,
        ge=1,
        description="a user's events of one day count as this many at most; null: ten times the 99th percentile of "
        "users' days, and 100 at least",
    )
    max_item_table_mb: int = Field(
        500, ge=1, description="what a ranker may know of all items together, in each Python worker: 600 bytes an item"
    )
    consuming_events: list[str] = Field(
        [v.PURCHASE, v.RATING, v.PLAY, v.READ, v.LIKE, v.DISLIKE],
        description="types that make an item a seen one; where the log has none of them, any event does",
    )
