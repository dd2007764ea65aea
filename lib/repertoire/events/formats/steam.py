"""Steam video games: what users bought and how many hours they played it."""

from repertoire.events.formats.known_file import KnownFile, PublicFormat

FORMAT = PublicFormat(
    "steam",
    "Steam video games: purchases and hours played",
    "Tamber (2016), Steam Video Games, 200,000 rows",
    (
        KnownFile(
            "events",
            ("steam-200k.csv",),
            columns=("user-id", "game-title", "behavior-name", "value", "unused"),
            mapped={"user_id": "user-id", "item_id": "game-title", "event_type": "behavior-name"},
        ),
        KnownFile(
            "events",
            header=("user-id", "game-title", "value", ""),
            mapped={"user_id": "user-id", "item_id": "game-title"},
            default_event_type="play",
        ),
    ),
    notes="The value is hours for play and 1 for purchase. No times.",
    told_by=(frozenset({"steam-200k.csv"}),),
)
