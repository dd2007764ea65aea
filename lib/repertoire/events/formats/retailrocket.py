"""Retailrocket's log of a shop: views, carts and transactions of anonymous visitors."""

from repertoire.events.formats.known_file import KnownFile, PublicFormat

FORMAT = PublicFormat(
    "retailrocket",
    "Retailrocket: visitors of a shop",
    "Retailrocket recommender system dataset (2015-2016), 2.8 million events",
    (
        KnownFile(
            "events",
            ("events.csv",),
            header=("timestamp", "visitorid", "event", "itemid", "transactionid"),
            mapped={"user_id": "visitorid", "item_id": "itemid", "event_type": "event", "event_ts": "timestamp"},
            event_types={"addtocart": "cart", "transaction": "purchase"},
        ),
    ),
    notes="The properties of the products are hashed but for two, and are left out.",
    told_by=(
        frozenset({"events.csv", "category_tree.csv"}),
        frozenset({"events.csv", "item_properties_part1.csv"}),
        frozenset({"events.csv", "item_properties_part2.csv"}),
    ),
)
