"""The works of the made-up shop: what each is, whom it appeals to, and when it was popular."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import partial

import numpy as np

from repertoire.demo import titles
from repertoire.demo.strands import CATEGORIES, STRANDS, TAGS

_SHARES = {"film": 0.35, "album": 0.25, "game": 0.15, "book": 0.25}
_PRICES = {"film": (4, 17), "album": (6, 15), "game": (5, 60), "book": (5, 28)}
"""Lowest and highest price before the .99, by category."""
_WORKS_PER_CREATOR = 5
_NEW_SHARE = 0.08
_TREND_SHARE = 0.04
_UNAVAILABLE_SHARE = 0.03


@dataclass(frozen=True)
class Catalogue:
    """The works as parallel columns of length I; days are counted from the first day of the period (day 0).

    `strands` (I × S) is the share of each strand among a work's tags; rows sum to 1. `demand` (I × days) is the
    pull of each work on each day: 0 before its release and after its withdrawal.
    """

    item_id: np.ndarray
    title: list[str]
    category: np.ndarray
    creator: np.ndarray
    creator_id: list[str]
    tags: list[list[str]]
    description: list[str]
    price: np.ndarray
    released_day: np.ndarray
    available: np.ndarray
    strands: np.ndarray
    quality: np.ndarray
    demand: np.ndarray


def make_catalogue(items: int, days: int, rng: np.random.Generator) -> Catalogue:
    """`items` works (at least one of each category) with their demand over `days` days."""
    category = np.repeat(np.arange(len(CATEGORIES)), _works_by_category(items))
    creator, creator_strand = _creators(category, rng)
    creator_names = _creator_names(category, creator, creator_strand, rng)
    main = np.where(rng.random(items) < 0.8, creator_strand[creator], rng.integers(len(STRANDS), size=items))
    tags = [_tags(CATEGORIES[c], int(s), rng) for c, s in zip(category, main, strict=True)]
    taken: dict[str, set[str]] = {name: set() for name in CATEGORIES}
    work_titles, sentences = [], []
    for c, s, who, its_tags in zip(category, main, creator, tags, strict=True):
        kind, strand = CATEGORIES[c], STRANDS[s]
        work_titles.append(titles.unique(partial(titles.title, kind, strand, rng), taken[kind]))
        sentences.append(titles.description(kind, strand, creator_names[who], its_tags[0], rng))
    released_day = _release_days(creator, days, rng)
    withdrawn_day = _withdrawal_days(released_day, days, rng)
    low, high = (np.array([_PRICES[name][end] for name in CATEGORIES])[category] for end in (0, 1))
    number = np.arange(items) - np.searchsorted(category, category) + 1
    return Catalogue(
        item_id=np.array([f"{CATEGORIES[c]}-{n:04d}" for c, n in zip(category, number, strict=True)]),
        title=work_titles,
        category=category,
        creator=creator,
        creator_id=[_slug(creator_names[who]) for who in creator],
        tags=tags,
        description=sentences,
        price=np.floor(low + (high - low) * rng.beta(1.5, 3.0, size=items)) + 0.99,
        released_day=released_day,
        available=withdrawn_day >= days,
        strands=_strand_shares(tags),
        quality=rng.standard_normal(items),
        demand=_demand(creator, released_day, withdrawn_day, days, rng),
    )


def _works_by_category(items: int) -> np.ndarray:
    ideal = np.array([_SHARES[name] for name in CATEGORIES]) * items
    works = np.maximum(np.floor(ideal).astype(int), 1)
    works[0] += items - works.sum()
    return works


def _creators(category: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The creator of each work, and the strand of each creator: two works each at least, a few have many."""
    creator = np.empty(len(category), dtype=int)
    made = 0
    for c in range(len(CATEGORIES)):
        works = np.flatnonzero(category == c)
        count = max(1, len(works) // _WORKS_PER_CREATOR)
        fame = rng.lognormal(0.0, 0.8, size=count)
        first_two = np.repeat(np.arange(count), 2)[: len(works)]
        rest = rng.choice(count, size=len(works) - len(first_two), p=fame / fame.sum())
        creator[works] = made + rng.permutation(np.concatenate([first_two, rest]))
        made += count
    # Strands are dealt, not drawn, so that even a small catalogue has works in each.
    return creator, rng.permutation(np.arange(made) % len(STRANDS))


def _creator_names(
    category: np.ndarray, creator: np.ndarray, creator_strand: np.ndarray, rng: np.random.Generator
) -> list[str]:
    category_of = np.zeros(len(creator_strand), dtype=int)
    category_of[creator] = category
    taken: set[str] = set()
    return [
        titles.unique(partial(titles.creator_name, CATEGORIES[c], STRANDS[s], rng), taken)
        for c, s in zip(category_of, creator_strand, strict=True)
    ]


def _tags(category: str, main: int, rng: np.random.Generator) -> list[str]:
    """A genre first, then themes and perhaps a second genre; two works in five borrow from another strand."""
    strand = STRANDS[main]
    genres = rng.permutation(strand.genres[category])[: 1 + int(rng.random() < 0.3)]
    themes = rng.permutation(strand.themes)[: 1 + int(rng.random() < 0.4)]
    tags = [str(genres[0]), *map(str, themes), *map(str, genres[1:])]
    if rng.random() < 0.4:
        other = STRANDS[(main + int(rng.integers(1, len(STRANDS)))) % len(STRANDS)]
        tags.append(str(rng.choice((*other.genres[category], *other.themes))))
    return tags


def _strand_shares(tags: list[list[str]]) -> np.ndarray:
    shares = np.zeros((len(tags), len(STRANDS)))
    for i, its_tags in enumerate(tags):
        for tag in its_tags:
            shares[i, TAGS[tag]] += 1.0 / len(its_tags)
    return shares


def _release_days(creator: np.ndarray, days: int, rng: np.random.Generator) -> np.ndarray:
    """Day of release: mostly years before the period, near its creator's best years; some within the period."""
    prime = rng.gamma(1.5, 9.0, size=creator.max() + 1)
    years_ago = np.clip(prime[creator] + rng.normal(0.0, 4.0, size=len(creator)), 0.2, 70.0)
    day = -np.ceil(years_ago * 365.25).astype(int)
    new = rng.permutation(len(creator))[: round(_NEW_SHARE * len(creator))]
    day[new] = rng.integers(0, days, size=len(new))
    return day


def _withdrawal_days(released_day: np.ndarray, days: int, rng: np.random.Generator) -> np.ndarray:
    """First day on which a work can no longer be had; `days` for a work that stays."""
    day = np.full(len(released_day), days)
    old = rng.permutation(np.flatnonzero(released_day < 0))
    gone = old[: max(1, round(_UNAVAILABLE_SHARE * len(released_day)))]
    day[gone] = rng.integers(days // 2, days, size=len(gone))
    return day


def _demand(
    creator: np.ndarray, released_day: np.ndarray, withdrawn_day: np.ndarray, days: int, rng: np.random.Generator
) -> np.ndarray:
    """Long-tailed popularity × a burst after release × the rise and fall of what is in fashion."""
    works = len(creator)
    popularity = np.exp(1.2 * rng.standard_normal(works) + 0.45 * rng.standard_normal(creator.max() + 1)[creator])
    day = np.arange(days)
    since = day - released_day[:, None]
    burst = 1.0 + 4.0 * np.exp(-np.maximum(since, 0) / 6.0) * (released_day >= 0)[:, None]
    height = np.zeros(works)
    trending = rng.permutation(np.flatnonzero(released_day < 0))[: max(1, round(_TREND_SHARE * works))]
    height[trending] = rng.uniform(6.0, 14.0, size=len(trending))
    peak, width = rng.uniform(0, days, size=works), rng.uniform(2.5, 6.0, size=works)
    trend = 1.0 + height[:, None] * np.exp(-0.5 * ((day - peak[:, None]) / width[:, None]) ** 2)
    on_sale = (since >= 0) & (day < withdrawn_day[:, None])
    return popularity[:, None] * burst * trend * on_sale


def _slug(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.replace("&", "and")).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")
