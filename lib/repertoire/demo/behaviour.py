"""What the people do: visits, the works they look at, and what follows from a look."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from repertoire.demo.catalogue import Catalogue
from repertoire.demo.people import People
from repertoire.demo.strands import CATEGORIES

EVENT_TYPES = ("view", "skip", "cart", "purchase", "play", "like", "dislike", "rating")
DAY_SECONDS = 86_400

_VIEW, _SKIP, _CART, _PURCHASE, _PLAY, _LIKE, _DISLIKE, _RATING = range(len(EVENT_TYPES))
_FILM, _ALBUM, _GAME, _BOOK = range(len(CATEGORIES))

_WEEKDAYS = np.array([0.86, 0.82, 0.84, 0.88, 1.10, 1.45, 1.35])
"""Monday to Sunday, 1 is average."""
_HOURS_WORKDAY = np.array(
    [2, 1, 0.5, 0.3, 0.3, 0.5, 1.5, 3, 3, 2.5, 2.5, 3, 4, 3.5, 3, 3, 3.5, 5, 7, 9, 11, 10.5, 8, 4.5]
)
_HOURS_WEEKEND = np.array(
    [4, 2.5, 1.2, 0.6, 0.4, 0.4, 0.7, 1.5, 3, 4.5, 6, 6, 6, 6, 6.5, 6.5, 6.5, 7, 8, 9, 10, 10, 8.5, 6]
)
_VIEWS_PER_VISIT = 3.4
_CHUNK_CELLS = 4_000_000
"""Visitors × works weighed at a time: bounds the memory."""

# By category: chance that who takes a work buys it, chance that it is played in the same visit, minutes (low, high),
# chance that a later look leads to another play.
_BUY = np.array([0.25, 0.20, 1.00, 1.00])
_PLAYED = np.array([1.00, 1.00, 0.75, 0.00])
_MINUTES = np.array([[60.0, 150.0], [18.0, 65.0], [15.0, 150.0], [0.0, 0.0]])
_AGAIN = np.array([0.20, 0.75, 0.80, 0.00])


@dataclass(frozen=True)
class Events:
    """Events as parallel columns in order of time.

    `user`, `item` and `event_type` are indices; `second` counts from midnight of day 0; `value` is minutes of a play
    or the 1..5 of a rating, otherwise NaN; `session` is −1 for what happened outside a visit.
    """

    user: np.ndarray
    item: np.ndarray
    event_type: np.ndarray
    second: np.ndarray
    value: np.ndarray
    session: np.ndarray

    def rows(self, which: np.ndarray) -> Events:
        """The rows that a mask or an array of positions names."""
        columns = (self.user, self.item, self.event_type, self.second, self.value, self.session)
        return Events(*(column[which] for column in columns))

    @staticmethod
    def concat(parts: list[Events]) -> Events:
        """The parts, one after another."""
        names = ("user", "item", "event_type", "second", "value", "session")
        return Events(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


@dataclass(frozen=True)
class _Views:
    """Looks at works in the order in which each person has them: parallel columns."""

    user: np.ndarray
    item: np.ndarray
    session: np.ndarray
    start: np.ndarray
    """Second at which the visit began."""


def make_events(
    catalogue: Catalogue, people: People, first_weekday: int, days: int, rng: np.random.Generator
) -> Events:
    """Everything that happens in `days` days, the first of which is `first_weekday` (Monday is 0)."""
    views = _look_around(catalogue, people, *_visits(people, first_weekday, days, rng), days, rng)
    utility = _utility(catalogue, people, views)
    takes = rng.random(len(utility)) < 1.0 / (1.0 + np.exp(0.35 - 1.3 * utility))
    category = catalogue.category[views.item]
    first_take, taken_before = _first_takes(views, takes)
    # A film or book that someone has had is rarely opened again; such looks vanish, albums and games come back.
    keep = ~taken_before | (rng.random(len(takes)) < np.array([0.25, 1.0, 1.0, 0.15])[category])
    views = _Views(views.user[keep], views.item[keep], views.session[keep], views.start[keep])
    events = _follow(views, category[keep], utility[keep], first_take[keep], taken_before[keep], rng)
    events = events.rows(events.second < days * DAY_SECONDS)
    order = np.lexsort((events.event_type, events.item, events.user, events.second))
    events = events.rows(order)
    return events.rows(_first_of_each(events))


def _visits(people: People, first_weekday: int, days: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Who comes (user) and when (second), by day and then by user: at most one visit a person and day."""
    weekday = (first_weekday + np.arange(days)) % 7
    busy = _WEEKDAYS[weekday] * np.exp(0.04 * rng.standard_normal(days))
    comes = rng.random((days, len(people.visits))) < 1.0 - np.exp(-busy[:, None] * people.visits)
    comes &= people.joined_day <= np.arange(days)[:, None]
    day, user = np.nonzero(comes)
    draw = rng.random(len(day))
    hour = np.where(
        weekday[day] >= 5,
        np.searchsorted(np.cumsum(_HOURS_WEEKEND) / _HOURS_WEEKEND.sum(), draw, side="right"),
        np.searchsorted(np.cumsum(_HOURS_WORKDAY) / _HOURS_WORKDAY.sum(), draw, side="right"),
    )
    return user, day * DAY_SECONDS + hour * 3600 + rng.integers(3600, size=len(day))


def _look_around(
    catalogue: Catalogue, people: People, visitor: np.ndarray, start: np.ndarray, days: int, rng: np.random.Generator
) -> _Views:
    """The works looked at in each visit, drawn in proportion to demand × the person's pull."""
    looks = rng.geometric(1.0 / _VIEWS_PER_VISIT, size=len(visitor)).clip(max=14)
    visit = np.repeat(np.arange(len(visitor)), looks)
    draw = rng.random(len(visit))
    day = start[visit] // DAY_SECONDS
    item = np.empty(len(visit), dtype=np.int64)
    most = max(1, _CHUNK_CELLS // len(catalogue.item_id))
    for today in range(days):
        begin, end = np.searchsorted(day, (today, today + 1))
        for low in range(begin, end, most):
            rows = slice(low, min(low + most, end))
            seen_by, row = np.unique(visitor[visit[rows]], return_inverse=True)
            pull = np.cumsum(_pull(catalogue, people, seen_by) * catalogue.demand[:, today], axis=1)
            # The first work whose cumulative pull exceeds the draw, sought in all rows at once: they lie 1 apart.
            pull /= pull[:, -1:]
            flat = (pull + np.arange(len(seen_by))[:, None]).ravel()
            found = np.searchsorted(flat, row + draw[rows], side="right") - row * pull.shape[1]
            item[rows] = np.minimum(found, pull.shape[1] - 1)
    order = np.lexsort((visit, visitor[visit]))
    views = _Views(visitor[visit][order], item[order], visit[order], start[visit][order])
    keys = np.stack([views.session, views.item])
    once = np.sort(np.unique(keys, axis=1, return_index=True)[1])
    return _Views(views.user[once], views.item[once], views.session[once], views.start[once])


def _pull(catalogue: Catalogue, people: People, user: np.ndarray) -> np.ndarray:
    """How much each work (columns) appeals to each of the people in `user` (rows), whatever the day."""
    affinity = people.taste[user] @ catalogue.strands.T
    boost = np.ones((len(user), int(catalogue.creator.max()) + 1))
    np.put_along_axis(boost, people.favourites[user], 3.0, axis=1)
    return (affinity**1.25 + 0.04) * people.category_taste[user][:, catalogue.category] * boost[:, catalogue.creator]


def _utility(catalogue: Catalogue, people: People, views: _Views) -> np.ndarray:
    """How well a work suits the person who looks at it: about 0 on average, 1 for a good match."""
    affinity = np.einsum("rs,rs->r", people.taste[views.user], catalogue.strands[views.item])
    match = affinity / people.taste[views.user].max(axis=1)
    return 2.4 * (match - 0.6) + 0.4 * catalogue.quality[views.item]


def _first_takes(views: _Views, takes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Per view: is it the one in which the person takes the work, and had they taken it before?"""
    order = np.lexsort((np.arange(len(takes)), views.item, views.user))
    user, item, took = views.user[order], views.item[order], takes[order].astype(np.int64)
    starts = np.r_[True, (user[1:] != user[:-1]) | (item[1:] != item[:-1])]
    before = np.cumsum(took) - took
    before -= np.maximum.accumulate(np.where(starts, before, 0))
    taken_before = np.empty(len(takes), dtype=bool)
    taken_before[order] = before > 0
    return takes & ~taken_before, taken_before


def _follow(
    views: _Views,
    category: np.ndarray,
    utility: np.ndarray,
    first_take: np.ndarray,
    taken_before: np.ndarray,
    rng: np.random.Generator,
) -> Events:
    """The events of every view: the view itself, then cart, purchase, play, and what the person says of it."""
    n = len(category)

    def chance(probability: np.ndarray | float) -> np.ndarray:
        return rng.random(n) < probability

    buys = first_take & chance(_BUY[category])
    carts = (buys & chance(0.8)) | (~first_take & ~taken_before & (utility > 0.3) & chance(0.10))
    plays = (first_take & (~buys | chance(_PLAYED[category]))) | (taken_before & chance(_AGAIN[category]))
    plays &= category != _BOOK
    reads = first_take & (category == _BOOK)
    felt = utility + 0.6 * rng.standard_normal(n)
    rates = first_take & chance(0.22)
    likes = (first_take & (felt > 0.6) & chance(0.30)) | (~first_take & (felt > 1.2) & chance(0.05))
    dislikes = first_take & (felt < -0.4) & chance(0.25)
    skips = ~first_take & ~taken_before & ~carts & ~likes & (felt < 0.0) & chance(0.30)

    looking = 10 + rng.exponential(40.0, size=n)
    buying = np.where(buys | carts, rng.uniform(40, 180, size=n), 0.0)
    low, high = _MINUTES[category].T
    finished = np.where(chance(0.7), rng.uniform(0.85, 1.0, size=n), rng.uniform(0.05, 0.85, size=n))
    minutes = np.maximum(1.0, np.round((low + (high - low) * rng.beta(2.0, 2.5, size=n)) * finished, 1))
    playing = np.where(plays, 60.0 * minutes, 0.0)
    spent = looking + buying + playing + rng.uniform(5, 60, size=n)
    begun = np.r_[True, views.session[1:] != views.session[:-1]]
    elapsed = np.cumsum(spent) - spent
    elapsed -= np.maximum.accumulate(np.where(begun, elapsed, 0.0))
    opened = views.start + elapsed
    decided = opened + looking
    bought = decided + buying
    ended = bought + playing
    # Books are rated days later, in the evening, from a reminder: outside a visit.
    evening = np.floor(opened / DAY_SECONDS) + rng.integers(3, 15, size=n)
    later = evening * DAY_SECONDS + 18 * 3600 + rng.integers(4 * 3600, size=n)
    stars = np.clip(np.round(3.2 + 1.1 * felt), 1, 5)
    nothing = np.full(n, np.nan)

    def events(which: np.ndarray, kind: int, second: np.ndarray, value: np.ndarray, session: np.ndarray) -> Events:
        return Events(
            user=views.user[which],
            item=views.item[which],
            event_type=np.full(int(which.sum()), kind),
            second=np.floor(second[which]).astype(np.int64),
            value=value[which],
            session=session[which],
        )

    outside = np.full(n, -1)
    return Events.concat(
        [
            events(np.ones(n, dtype=bool), _VIEW, opened, nothing, views.session),
            events(skips, _SKIP, decided, nothing, views.session),
            events(carts, _CART, decided + 0.3 * buying, nothing, views.session),
            events(buys, _PURCHASE, bought, nothing, views.session),
            events(plays, _PLAY, bought + 1, minutes, views.session),
            events(likes, _LIKE, ended + 3, nothing, views.session),
            events(dislikes, _DISLIKE, ended + 4, nothing, views.session),
            events(rates & ~reads, _RATING, ended + 9, stars, views.session),
            events(rates & reads, _RATING, later, stars, outside),
        ]
    )


def _first_of_each(events: Events) -> np.ndarray:
    """Positions without the rare second event of the same person, work and kind in one second."""
    keys = np.stack([events.user, events.item, events.event_type, events.second])
    return np.sort(np.unique(keys, axis=1, return_index=True)[1])
