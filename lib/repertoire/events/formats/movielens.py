"""MovieLens as GroupLens published it: 100K (u.data …), 1M and 10M (ratings.dat …), 20M and later (ratings.csv …)."""

from collections.abc import Mapping

from pyspark.sql import Column
from pyspark.sql import functions as F

from repertoire.events import cells
from repertoire.events.formats.known_file import KnownFile, PublicFormat
from repertoire.events.read_rows import RawRows
from repertoire.vocabulary import RATING

GENRES = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama", "Fantasy",
    "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)  # fmt: skip
"""The flags at the end of a row of u.item, in their order (u.genre)."""

_OCCUPATIONS = (
    "other", "academic/educator", "artist", "clerical/admin", "college/grad student", "customer service",
    "doctor/health care", "executive/managerial", "farmer", "homemaker", "K-12 student", "lawyer", "programmer",
    "retired", "sales/marketing", "scientist", "self-employed", "technician/engineer", "tradesman/craftsman",
    "unemployed", "writer",
)  # fmt: skip
"""What the codes 0, 1, … in users.dat stand for (README of MovieLens 1M)."""

_LATIN = "ISO-8859-1"


def _film(raw: RawRows, columns: Mapping[str, Column]) -> dict[str, Column]:
    return {"category": F.lit("film")}


def _flagged_film(raw: RawRows, columns: Mapping[str, Column]) -> dict[str, Column]:
    flagged = [F.when(raw.column(genre) == "1", genre) for genre in GENRES[1:]]  # but for "unknown"
    released = F.try_to_timestamp(raw.column("released"), F.lit("d-MMM-yyyy")).cast("date")
    tags = cells.sorted_tags(F.array_compact(F.array(*flagged)))
    return _film(raw, columns) | {"tags": tags, "released": released}


def _occupation_of_code(raw: RawRows, columns: Mapping[str, Column]) -> dict[str, Column]:
    said = columns["occupation"]
    listed = F.array(*[F.lit(occupation) for occupation in _OCCUPATIONS])
    return {"occupation": F.coalesce(F.get(listed, said.try_cast("int")), said)}


_RATING = ("user_id", "item_id", "value", "event_ts")

FORMAT = PublicFormat(
    "movielens",
    "MovieLens: ratings of films",
    "Harper and Konstan (2015), The MovieLens Datasets: History and Context",
    (
        KnownFile(
            "events", ("u.data",), columns=_RATING, delimiter="\t", quote="", encoding=_LATIN, default_event_type=RATING
        ),
        KnownFile(
            "events",
            ("ratings.dat",),
            columns=_RATING,
            delimiter="::",
            quote="",
            encoding=_LATIN,
            default_event_type=RATING,
        ),
        KnownFile("events", ("ratings.csv",)),
        KnownFile(
            "items",
            ("u.item",),
            columns=("item_id", "title", "released", "video_released", "imdb_url", *GENRES),
            delimiter="|",
            quote="",
            encoding=_LATIN,
            written=_flagged_film,
        ),
        KnownFile(
            "items",
            ("movies.dat",),
            columns=("item_id", "title", "tags"),
            delimiter="::",
            quote="",
            encoding=_LATIN,
            written=_film,
        ),
        KnownFile("items", ("movies.csv",), header=("movieId", "title", "genres"), written=_film),
        KnownFile(
            "users",
            ("u.user",),
            columns=("user_id", "age_band", "gender", "occupation", "zip"),
            delimiter="|",
            quote="",
            encoding=_LATIN,
        ),
        KnownFile(
            "users",
            ("users.dat",),
            columns=("user_id", "gender", "age_band", "occupation", "zip"),
            delimiter="::",
            quote="",
            encoding=_LATIN,
            written=_occupation_of_code,
        ),
    ),
    told_by=(
        frozenset({"u.data"}),
        frozenset({"ratings.dat"}),
        frozenset({"ratings.csv", "movies.csv"}),
        frozenset({"ratings.csv", "movies.dat"}),
    ),
)
