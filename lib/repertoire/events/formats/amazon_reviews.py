"""Reviews on Amazon as McAuley's lab published them in 2014, 2018 and 2023, with what the shop says of its products."""

from collections.abc import Mapping

from pyspark.sql import Column
from pyspark.sql import functions as F

from repertoire.events import cells
from repertoire.events.formats.known_file import KnownFile, PublicFormat
from repertoire.events.read_rows import RawRows
from repertoire.vocabulary import EVENT_TS, ITEM_ID, RATING, TEXT, TITLE, USER_ID, VALUE

_PRICE = r"^\$?([0-9][0-9,]*([.][0-9]+)?)$"


def _product(raw: RawRows, columns: Mapping[str, Column]) -> dict[str, Column]:
    given = raw.layout.names
    price = F.replace(F.trim(raw.column("price")), F.lit(","), F.lit(""))
    found = {"price": F.nullif(F.regexp_extract(price, _PRICE, 1), F.lit("")).try_cast("double")}
    if "categories" in given:
        found["tags"] = _tags(raw.column("categories"))
    elif "category" in given:
        found["tags"] = _tags(raw.column("category"))
    if "description" in given:
        paragraphs = F.from_json(raw.column("description"), "array<string>")
        is_list = F.startswith(F.trim(raw.column("description")), F.lit("["))
        joined = F.nullif(F.trim(F.concat_ws("\n", paragraphs)), F.lit(""))
        found["description"] = F.when(is_list, joined).otherwise(columns["description"])
    return found


def _tags(text: Column) -> Column:
    """From ["a", "b"], and from the paths of 2014: [["a", "b"], ["a", "c"]]."""
    is_nested = F.startswith(F.translate(text, " ", ""), F.lit("[["))
    paths = F.flatten(F.from_json(text, "array<array<string>>"))
    names = F.when(is_nested, paths).otherwise(F.from_json(text, "array<string>"))
    trimmed = F.transform(names, lambda name: F.trim(name))
    return cells.sorted_tags(F.filter(trimmed, lambda name: name.isNotNull() & (name != "")))


_OLD = ("reviewerID", "asin", "overall")
_NEW = ("user_id", "parent_asin", "rating", "timestamp")
_OLD_EVENT = {USER_ID: "reviewerID", ITEM_ID: "asin", EVENT_TS: "unixReviewTime", VALUE: "overall"}
_NEW_EVENT = {USER_ID: "user_id", ITEM_ID: "parent_asin", EVENT_TS: "timestamp", VALUE: "rating"}
_PRODUCTS = ("meta_*.json", "meta_*.jsonl", "metadata.json")

FORMAT = PublicFormat(
    "amazon_reviews",
    "Amazon reviews of McAuley's lab, 2014, 2018 and 2023, and the products that they are of",
    "He and McAuley (2016), Ups and Downs; Ni, Li and McAuley (2019); Hou et al. (2024), Bridging Language and Items",
    (
        KnownFile(
            "events",
            but_not=_PRODUCTS,
            keys=_OLD,
            shape="json_lines",
            mapped=_OLD_EVENT,
            default_event_type=RATING,
        ),
        KnownFile(
            "events",
            but_not=_PRODUCTS,
            keys=_NEW,
            shape="json_lines",
            mapped=_NEW_EVENT,
            default_event_type=RATING,
        ),
        KnownFile("events", but_not=_PRODUCTS, header=_NEW, mapped=_NEW_EVENT, default_event_type=RATING),
        KnownFile(
            "reviews",
            but_not=_PRODUCTS,
            keys=_OLD,
            shape="json_lines",
            mapped=_OLD_EVENT | {TITLE: "summary", TEXT: "reviewText"},
            kept=("verified", "vote", "helpful"),
        ),
        KnownFile(
            "reviews",
            but_not=_PRODUCTS,
            keys=_NEW,
            shape="json_lines",
            mapped=_NEW_EVENT | {TITLE: "title", TEXT: "text"},
            kept=("asin", "helpful_vote", "verified_purchase"),
        ),
        KnownFile(
            "items",
            _PRODUCTS,
            keys=("parent_asin",),
            shape="json_lines",
            mapped={ITEM_ID: "parent_asin", "title": "title", "category": "main_category", "creator_id": "store"}
            | {"tags": "categories", "description": "description", "price": "price"},
            written=_product,
        ),
        KnownFile(
            "items",
            _PRODUCTS,
            keys=("asin", "main_cat"),
            shape="json_lines",
            mapped={ITEM_ID: "asin", "title": "title", "category": "main_cat", "creator_id": "brand"}
            | {"tags": "category", "description": "description", "price": "price"},
            written=_product,
        ),
        KnownFile(
            "items",
            _PRODUCTS,
            keys=("asin",),
            shape="json_lines",
            mapped={ITEM_ID: "asin", "title": "title", "creator_id": "brand"}
            | {"tags": "categories", "description": "description", "price": "price"},
            written=_product,
        ),
    ),
    notes=(
        "A file of reviews is told by the keys of its objects, and gives events (the ratings) and reviews; products are in "
        "meta_*.json or meta_*.jsonl. The work is parent_asin where there is one, and the variant, asin, goes into the "
        "context with the votes and whether the purchase was verified. A price such as $12.99 is 12.99; a range of prices "
        "has none. Descriptions in several parts are joined; titles, texts and prices stay as the shop wrote them. The "
        "metadata of 2014 are Python dictionaries rather than JSON: single quotes are read, and lines with other marks "
        "of Python (\\x…) are refused."
    ),
)
