"""The attributes of MovieLens' films and people, in columns of ours.

Harper and Konstan (2015), The MovieLens Datasets: History and Context; the codes are those of the 1M set's README.
"""

from collections.abc import Callable, Sequence

from pyspark.sql import Column
from pyspark.sql import functions as F

from repertoire.events.movielens_files import GENRES, KNOWN
from repertoire.events.parse import age_band_of, date_of, id_of, tags_of, text_of
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
    title = text_of(raw, "title")
    return {"item_id": id_of(raw, item_id), "title": title, "category": F.lit("film"), "tags": tags}


def _item(raw: RawRows) -> dict[str, Column]:
    return _film(raw, "item_id", tags_of(raw, "tags"))


def _item_of_csv(raw: RawRows) -> dict[str, Column]:
    return _film(raw, "movieId", tags_of(raw, "genres"))


def _item_with_flags(raw: RawRows) -> dict[str, Column]:
    flags = F.array(*[F.when(raw.column(genre) == "1", F.lit(genre)) for genre in GENRES])
    return _film(raw, "item_id", F.array_sort(F.array_compact(flags))) | {"released": date_of(raw, "released")}


def _user(raw: RawRows) -> dict[str, Column]:
    return {
        "user_id": id_of(raw, "user_id"),
        "age_band": age_band_of(raw, "age"),
        "gender": text_of(raw, "gender"),
        "occupation": text_of(raw, "occupation"),
    }


def _user_of_codes(raw: RawRows) -> dict[str, Column]:
    code = text_of(raw, "occupation_code").try_cast("int")
    occupation = F.get(F.array(*map(F.lit, _OCCUPATIONS)), code)
    return {
        "user_id": id_of(raw, "user_id"),
        "age_band": age_band_of(raw, "age_code"),
        "gender": text_of(raw, "gender"),
        "occupation": occupation,
    }
