"""REES46's open logs of shops: views, carts and purchases, with the products' categories, brands and prices."""

from repertoire.events.formats.known_file import KnownFile, PublicFormat

_HEADER = (
    "event_time", "event_type", "product_id", "category_id", "category_code", "brand", "price", "user_id", "user_session",
)  # fmt: skip

FORMAT = PublicFormat(
    "rees46",
    "REES46 shop events: multi-category, cosmetics, electronics",
    "REES46 Marketing Platform, Open CDP (2019-2020)",
    (
        KnownFile(
            "events",
            header=_HEADER,
            mapped={"item_id": "product_id", "event_ts": "event_time", "session_id": "user_session"},
            event_types={"remove_from_cart": "skip"},
        ),
        KnownFile(
            "items",
            header=_HEADER,
            mapped={"item_id": "product_id", "category": "category_code", "creator_id": "brand", "price": "price"},
        ),
    ),
    notes="The log is the catalogue, too: the last row of a product gives its category, brand and price.",
)
