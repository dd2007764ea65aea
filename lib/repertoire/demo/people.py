"""The people of the made-up shop: who they are, what they like, and how often they come."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from repertoire.demo.catalogue import Catalogue
from repertoire.demo.strands import CATEGORIES, STRANDS

AGE_BANDS = ("16-24", "25-34", "35-44", "45-54", "55-64", "65+")
# All lie within an hour of UTC, so that an evening in the log is an evening for the person.
COUNTRIES = ("GB", "FR", "DE", "ES", "IT", "NL", "IE", "PT", "PL", "SE")

_AGE_SHARES = (0.20, 0.27, 0.21, 0.15, 0.11, 0.06)
_COUNTRY_SHARES = (0.24, 0.16, 0.18, 0.11, 0.10, 0.06, 0.04, 0.04, 0.04, 0.03)
_CONSENT_SHARE = 0.94
_LATE_SHARE = 0.12
_FAVOURITES = 3
_VISITS_PER_DAY = 0.155
"""Median rate at which a person comes on an average day."""


@dataclass(frozen=True)
class People:
    """People as parallel columns of length U.

    `taste` (U × S, over strands) and `category_taste` (U × C) have rows that sum to 1; `favourites` (U × F) are
    indices of creators; `visits` is the expected number of visits on an average day; `joined_day` counts from the
    first day of the period.
    """

    user_id: np.ndarray
    age_band: np.ndarray
    country: np.ndarray
    consent: np.ndarray
    joined_day: np.ndarray
    taste: np.ndarray
    category_taste: np.ndarray
    favourites: np.ndarray
    visits: np.ndarray


def make_people(users: int, catalogue: Catalogue, days: int, rng: np.random.Generator) -> People:
    """`users` people with log-normal activity and a Dirichlet taste that leans a little on their age."""
    age = rng.choice(len(AGE_BANDS), size=users, p=_AGE_SHARES)
    lean = np.exp(0.6 * rng.standard_normal((len(AGE_BANDS), len(STRANDS))))
    taste = _dirichlet(0.2 * lean[age], rng)
    category_taste = _category_taste(users, rng)
    joined_day = -rng.integers(1, 5 * 365, size=users)
    late = rng.random(users) < _LATE_SHARE
    joined_day[late] = rng.integers(0, days, size=int(late.sum()))
    return People(
        user_id=np.array([f"u{n:05d}" for n in range(1, users + 1)]),
        age_band=np.array(AGE_BANDS)[age],
        country=rng.choice(COUNTRIES, size=users, p=_COUNTRY_SHARES),
        consent=rng.random(users) < _CONSENT_SHARE,
        joined_day=joined_day,
        taste=taste,
        category_taste=category_taste,
        favourites=_favourites(taste, category_taste, catalogue, rng),
        visits=_VISITS_PER_DAY * rng.lognormal(0.0, 0.8, size=users),
    )


def _dirichlet(alpha: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One Dirichlet draw a row, each row with its own `alpha`."""
    draws = rng.standard_gamma(alpha) + 1e-9
    return draws / draws.sum(axis=1, keepdims=True)


def _category_taste(users: int, rng: np.random.Generator) -> np.ndarray:
    """Two people in five keep mostly to one category; the others take what comes, films before games."""
    taste = rng.dirichlet((3.5, 2.5, 1.5, 2.5), size=users)
    devoted = np.flatnonzero(rng.random(users) < 0.4)
    taste[devoted] *= 0.25
    taste[devoted, rng.integers(len(CATEGORIES), size=len(devoted))] += 0.75
    return taste


def _favourites(
    taste: np.ndarray, category_taste: np.ndarray, catalogue: Catalogue, rng: np.random.Generator
) -> np.ndarray:
    """Creators that a person follows (U × F), drawn without replacement in proportion to how well their works suit."""
    creators = catalogue.creator.max() + 1
    works = np.bincount(catalogue.creator, minlength=creators)
    profile = np.zeros((creators, len(STRANDS)))
    np.add.at(profile, catalogue.creator, catalogue.strands)
    category = np.zeros(creators, dtype=int)
    category[catalogue.creator] = catalogue.category
    weight = (taste @ (profile / works[:, None]).T) * category_taste[:, category] + 1e-12
    # Exponential race: the smallest E/w are a weighted draw without replacement (Efraimidis and Spirakis, 2006).
    race = rng.standard_exponential(weight.shape) / weight
    return np.argsort(race, axis=1)[:, :_FAVOURITES]
