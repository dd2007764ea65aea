"""Last.fm of the HetRec 2011 workshop: how often a user listened to an artist."""

from collections.abc import Mapping

from pyspark.sql import Column
from pyspark.sql import functions as F

from repertoire.events.formats.known_file import KnownFile, PublicFormat
from repertoire.events.read_rows import RawRows
from repertoire.vocabulary import PLAY


def _artist(raw: RawRows, columns: Mapping[str, Column]) -> dict[str, Column]:
    return {"category": F.lit("artist")}


FORMAT = PublicFormat(
    "lastfm_hetrec",
    "Last.fm, HetRec 2011: listening counts of artists",
    "Cantador, Brusilovsky and Kuflik (2011), 2nd Workshop on Information Heterogeneity and Fusion in Recommender Systems",
    (
        KnownFile(
            "events",
            ("user_artists.dat",),
            delimiter="\t",
            mapped={"user_id": "userID", "item_id": "artistID", "value": "weight"},
            default_event_type=PLAY,
        ),
        KnownFile(
            "items", ("artists.dat",), delimiter="\t", mapped={"item_id": "id", "title": "name"}, written=_artist
        ),
    ),
    notes="No times: each run takes a file's events as of its own date.",
    told_by=(frozenset({"user_artists.dat"}),),
)
