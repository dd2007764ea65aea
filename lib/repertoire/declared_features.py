"""Every feature, declared once: its name, what it means, and the window that it looks at.

The columns of the tables user_features and item_features are made from these declarations, and docs/features.md with them.
Whatever is counted lies before the cutoff. log is the natural logarithm.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True)
class Feature:
    """of: what it describes. kind: number (double, null where unknown) or category (string). window: which events it looks at."""

    name: str
    of: Literal["user", "item", "pair", "context"]
    kind: Literal["number", "category"]
    meaning: str
    window: str


_EVER, _AT_CUTOFF, _LAST_10 = "until the cutoff", "at the cutoff", "the last 10 wanted items"


def _days(days: int) -> str:
    return "1 day" if days == 1 else f"{days} days"


def _of_item(name: str, meaning: str, window: str = _EVER) -> Feature:
    return Feature(name, "item", "number", meaning, window)


def _of_pair(name: str, meaning: str, window: str = _EVER) -> Feature:
    return Feature(name, "pair", "number", meaning, window)


def _of_user(name: str, meaning: str, window: str = _EVER) -> Feature:
    return Feature(name, "user", "number", meaning, window)


_SHARE = (
    "log of how many times an average item's share it has, (n + 0.5) / (sum of n + 0.5 items) × items, where n is the "
)

POPULARITY_DAYS = (1, 7, 30, 90)
HALF_LIVES = (1, 3, 10, 30)
CONSUMED_DAYS = (7, 30)
CREATOR_DAYS = (7, 30)

OF_ITEMS: tuple[Feature, ...] = (
    *(
        _of_item(
            f"popularity_{days}d",
            _SHARE + "number of users who want it and whose first event with it is so young",
            _days(days),
        )
        for days in POPULARITY_DAYS
    ),
    _of_item("popularity_all", _SHARE + "number of users who want it"),
    *(
        _of_item(
            f"popularity_decay_{days}d",
            "log(s / mean s of the items + 0.01), where s adds up the users who want it, each halved for every "
            f"{_days(days)} since the first event with it",
        )
        for days in HALF_LIVES
    ),
    _of_item("trend_7d", "popularity_7d - popularity_30d", _days(30)),
    _of_item("trend_30d", "popularity_30d - popularity_all"),
    _of_item("popularity_rank_30d", "share of the other items with a lower popularity_30d, 0 to 1", _days(30)),
    *(
        _of_item(
            f"consumed_{days}d",
            _SHARE
            + "number of its consuming events (features.consuming_events; where the log has none, of all events)",
            _days(days),
        )
        for days in CONSUMED_DAYS
    ),
    _of_item("trend_consumed_7d", "consumed_7d - consumed_30d", _days(30)),
    _of_item("age_days", "log(1 + days since its first event); null without events"),
    _of_item("idle_days", "log(1 + days since its last event); null without events"),
    _of_item("released_days", "sign × log(1 + |days|) of the days since its release, negative before it", _AT_CUTOFF),
    _of_item("release_year", "year of its release", _AT_CUTOFF),
    _of_item(
        "mean_rating", "(sum of its ratings + 5 × mean of all) / (ratings + 5); null where the log has no ratings"
    ),
    _of_item(
        "consumed_per_view",
        "(consuming events + 2) / (views and clicks + 4); null where the log has none of either sort",
    ),
    _of_item("refused_share", "(sum of `negative` of its users + 1) / (events + 8)"),
    _of_item("price", "price in the shop's currency", _AT_CUTOFF),
    *(
        _of_item(
            f"creator_popularity_{days}d",
            "log(users who want an item of its creator, their first event with it so young, / the creator's items + 0.1)",
            _days(days),
        )
        for days in CREATOR_DAYS
    ),
    Feature("category", "item", "category", "its category", _AT_CUTOFF),
)

PARTS_OF_DAY = ("night", "morning", "afternoon", "evening")
"""Of six hours each, from midnight."""

OF_USERS: tuple[Feature, ...] = (
    _of_user("wanted_items", "log(1 + items wanted, of strength above 0)"),
    _of_user("tenure_days", "log(1 + days since the first event); null without events"),
    _of_user("idle_days", "log(1 + days since the last event); null without events"),
    _of_user("active_days", "log(1 + days with an event)"),
    _of_user("events_7d", "log(1 + events)", _days(7)),
    _of_user("events_30d", "log(1 + events)", _days(30)),
    _of_user("events_per_active_day", "log(1 + events / days with an event); null without events"),
    _of_user("last_session_events", "log(1 + events of the quarter of a day that ends with the last one)"),
    _of_user(
        "total_usage",
        "log(1 + sum of the values of valued events, features.valued_events); null where the log has none",
    ),
    _of_user("spend", "log(1 + sum of the values of purchases); null where the log has none"),
    _of_user("variety_categories", "log(1 + categories of the wanted items); null without a catalogue"),
    _of_user("variety_creators", "log(1 + creators of the wanted items); null without a catalogue"),
    _of_user("mean_popularity", "mean over the wanted items of the log of the users who want the item"),
    _of_user("mean_popularity_last_10", "the same over the 10 wanted items with the latest events"),
    _of_user(
        "mean_rating", "(sum of the ratings + 3 × mean of all users) / (ratings + 3); null where the log has no ratings"
    ),
    _of_user("refused_share", "(sum of `negative` + 1) / (events + 8)"),
    *(
        _of_user(
            f"{part}_share",
            f"share of the events from {6 * place} to {6 * place + 6} o'clock in run.timezone; null without a timed event",
        )
        for place, part in enumerate(PARTS_OF_DAY)
    ),
    _of_user(
        "weekend_share", "share of the events on a Saturday or Sunday in run.timezone; null without a timed event"
    ),
    Feature("age_band", "user", "category", "such as 25-34", _AT_CUTOFF),
    Feature("gender", "user", "category", "as the source writes it", _AT_CUTOFF),
    Feature("country", "user", "category", "as the source writes it", _AT_CUTOFF),
    Feature("occupation", "user", "category", "as the source writes it", _AT_CUTOFF),
)

# What is known of a user and a candidate together.
OF_PAIRS: tuple[Feature, ...] = (
    _of_pair("sources", "how many sources propose the item"),
    _of_pair("tag_affinity", "mean cosine of the item's tags with those of the user's wanted items", _EVER),
    _of_pair("tag_affinity_last_10", "the same", _LAST_10),
    _of_pair("tag_lift", "tag_affinity less that of an average user", _EVER),
    _of_pair("tag_lift_last_10", "the same", _LAST_10),
    _of_pair("co_visits", "sum of the cosines of the item with the user's wanted items, by who else wanted both"),
    _of_pair("co_visits_last_10", "the same", _LAST_10),
    _of_pair("category_share", "share of the user's wanted items that are of the item's category", _EVER),
    _of_pair("category_share_last_10", "the same", _LAST_10),
    _of_pair("category_consumed", "(consumed items of the category + 0.5) / (consumed items + 2)", _EVER),
    _of_pair("creator_items", "wanted items of the same creator", _EVER),
    _of_pair("creator_lift", "log of (creator_items + 0.5) / (what an average user would have + 0.5)", _EVER),
    _of_pair(
        "creator_idle_days", "log(1 + days since the user's last event with the creator); null without one", _EVER
    ),
    _of_pair("creator_consumed", "consumed items of the same creator", _EVER),
    _of_pair("price_gap", "log price less the mean log price of the user's wanted items", _EVER),
    _of_pair("year_gap", "years from the mean release of the user's wanted items to that of the item", _EVER),
    _of_pair("year_gap_last_10", "the same", _LAST_10),
    _of_pair("popularity_gap", "log of the users who want the item less its mean over the user's wanted items", _EVER),
    _of_pair("popularity_gap_last_10", "the same", _LAST_10),
    _of_pair("pair_events", "log(1 + events of the user with the item itself, which was not consumed)", _EVER),
    _of_pair("pair_refused", "log(1 + how much the user refused the item itself)", _EVER),
    _of_pair("pair_cart", "1 where the item lay in the user's cart", _EVER),
    _of_pair(
        "pair_idle_days", "log(1 + days since the user's last event with the item itself); null without one", _EVER
    ),
)

# The same of what a source says; its name stands in place of SOURCE.
OF_SOURCES: tuple[Feature, ...] = (
    _of_pair(
        "score_SOURCE",
        "the score that the source gives, less its list's least, over its deviation; 0 if none",
        _AT_CUTOFF,
    ),
    _of_pair("rank_SOURCE", "1 / (10 + rank in the source's list); 0 where it does not propose the item", _AT_CUTOFF),
)

# Of the moment at which lists are made.
OF_CONTEXT: tuple[Feature, ...] = (
    Feature("weekday", "context", "category", "of the day after the cutoff, in run.timezone: 1 is Monday", _AT_CUTOFF),
    Feature("month", "context", "category", "of the day after the cutoff, in run.timezone: 1 is January", _AT_CUTOFF),
)


def of_candidates(sources: Sequence[str]) -> list[Feature]:
    """OF_SOURCES of each source, then OF_PAIRS."""
    named = [replace(one, name=one.name.replace("SOURCE", source)) for source in sources for one in OF_SOURCES]
    return [*named, *OF_PAIRS]
