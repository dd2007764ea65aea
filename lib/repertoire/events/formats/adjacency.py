"""Adjacency lists, as papers on graphs of users and items publish their splits: user item item … on each line."""

from repertoire.events.formats.known_file import KnownFile, PublicFormat

FORMAT = PublicFormat(
    "adjacency",
    "Adjacency lists: a user and then that user's items on each line, parted by blanks",
    "the splits of NGCF (Wang et al. 2019) and LightGCN (He et al. 2020): Gowalla, Yelp2018, Amazon-Book",
    (KnownFile("events", shape="adjacency", columns=("user_id", "item_id")),),
    notes="Never guessed: ingest.format=adjacency says so. No times; every pair is an interaction.",
)
