"""The MovieLens files by name, as GroupLens published them: which they are and how their rows are laid out.

Harper and Konstan (2015), The MovieLens Datasets: History and Context. Any of them may be gzip'd.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from repertoire.events.input_files import InputFile

GENRES = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama", "Fantasy",
    "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)  # fmt: skip
"""The flags at the end of a row of u.item, in their order (u.genre)."""

OCCUPATIONS = (
    "other", "academic/educator", "artist", "clerical/admin", "college/grad student", "customer service",
    "doctor/health care", "executive/managerial", "farmer", "homemaker", "K-12 student", "lawyer", "programmer",
    "retired", "sales/marketing", "scientist", "self-employed", "technician/engineer", "tradesman/craftsman",
    "unemployed", "writer",
)  # fmt: skip
"""What the codes 0, 1, … in users.dat stand for (README of MovieLens 1M)."""


@dataclass(frozen=True)
class Known:
    """A file without column names of its own, all fields in their order."""

    columns: tuple[str, ...]
    delimiter: str
    encoding: str = "ISO-8859-1"


KNOWN = {
    "u.data": Known(("user_id", "item_id", "value", "event_ts"), "\t"),
    "u.item": Known(("item_id", "title", "released", "video_released", "imdb_url", *GENRES), "|"),
    "u.user": Known(("user_id", "age_band", "gender", "occupation", "zip"), "|"),
    "ratings.dat": Known(("user_id", "item_id", "value", "event_ts"), "::"),
    "movies.dat": Known(("item_id", "title", "tags"), "::"),
    "users.dat": Known(("user_id", "gender", "age_band", "occupation", "zip"), "::"),
}

_KINDS = {
    "events": ("u.data", "ratings.dat", "ratings.csv"),
    "items": ("u.item", "movies.dat", "movies.csv"),
    "users": ("u.user", "users.dat"),
}


def plain_name(file: InputFile) -> str:
    """The file's name without .gz."""
    return file.name.removesuffix(".gz")


def is_movielens(files: Sequence[InputFile]) -> bool:
    """Whether the names are MovieLens': u.data or ratings.dat, or ratings.csv beside a file of movies."""
    names = {plain_name(file) for file in files}
    return bool(names & {"u.data", "ratings.dat"}) or (
        "ratings.csv" in names and bool(names & {"movies.csv", "movies.dat"})
    )


def of_kind(files: Sequence[InputFile], kind: str) -> tuple[InputFile, ...]:
    """The MovieLens files that hold events, items or users."""
    return tuple(file for file in files if plain_name(file) in _KINDS[kind])


def is_catalogue(file: InputFile, columns: Sequence[str]) -> bool:
    """Whether a file holds films: by its name, and movies.csv, a likely name, by its columns too."""
    name = plain_name(file)
    return name in ("u.item", "movies.dat") or (name == "movies.csv" and "genres" in columns)


def is_ratings(file: InputFile) -> bool:
    """Whether a file is known by its name to hold ratings."""
    return plain_name(file) in ("u.data", "ratings.dat")
