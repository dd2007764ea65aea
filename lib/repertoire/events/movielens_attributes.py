"""The attributes of MovieLens' films and people, in columns of ours.

Harper and Konstan (2015), The MovieLens Datasets: History and Context; the codes are those of the 1M set's README.
"""

from collections.abc import Callable, Sequence

from pyspark.sql import Column
from pyspark.sql import functions as F

from repertoire.events import cells
from repertoire.events.movielens import GENRES, KNOWN
from repertoire.events.read_rows import RawRows

_OCCUPATIONS = (
    "other", "academic/educator", "artist", "clerical/admin", "college/grad student", "customer service",
    "doctor/health care", "executive/managerial", "farmer", "homemaker", "K-12 student", "lawyer", "programmer",
    "retired", "sales/marketing", "scientist", "self-employed", "technician/engineer", "tradesman/craftsman",
    "unemployed", "writer",
)  # fmt: skip
"""What the codes of users.dat stand for (its README)."""


def movielens_attributes(names: Sequence[str], kind: str) -> Callable[[RawRows], dict[str, Column]] | None:
    """From the column names of a MovieLens file of items or users to what makes our columns of it; None for others."""
    makers = {
        ("items", KNOWN["u.item"].columns): _item_with_flags,
        ("items", KNOWN["movies.dat"].columns): _item,
        ("items", ("movieId", "title", "genres")): _item_of_csv,
        ("users", KNOWN["u.user"].columns): _user,
        ("users", KNOWN["users.dat"].columns): _user_of_codes,
    }
    return makers.get((kind, tuple(names)))


def _film(raw: RawRows, item_id: str, tags: Column) -> dict[str, Column]:
    title = cells.id_or_words(raw, "title")
    return {"item_id": cells.id_or_words(raw, item_id), "title": title, "category": F.lit("film"), "tags": tags}


def _item(raw: RawRows) -> dict[str, Column]:
    return _film(raw, "item_id", cells.tags(raw, "tags"))


def _item_of_csv(raw: RawRows) -> dict[str, Column]:
    return _film(raw, "movieId", cells.tags(raw, "genres"))


def _item_with_flags(raw: RawRows) -> dict[str, Column]:
    flags = F.array(*[F.when(raw.column(genre) == "1", F.lit(genre)) for genre in GENRES])
    released = F.try_to_timestamp(cells.id_or_words(raw, "released"), F.lit("dd-MMM-yyyy")).cast("date")
    return _film(raw, "item_id", cells.sorted_tags(F.array_compact(flags))) | {"released": released}


def _user(raw: RawRows) -> dict[str, Column]:
    return {
        "user_id": cells.id_or_words(raw, "user_id"),
        "age_band": cells.age_band(cells.id_or_words(raw, "age")),
        "gender": cells.id_or_words(raw, "gender"),
        "occupation": cells.id_or_words(raw, "occupation"),
    }


def _user_of_codes(raw: RawRows) -> dict[str, Column]:
    code = cells.id_or_words(raw, "occupation_code").try_cast("int")
    occupation = F.get(F.array(*map(F.lit, _OCCUPATIONS)), code)
    return {
        "user_id": cells.id_or_words(raw, "user_id"),
        "age_band": cells.age_band(cells.id_or_words(raw, "age_code")),
        "gender": cells.id_or_words(raw, "gender"),
        "occupation": occupation,
    }
