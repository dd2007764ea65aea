"""Amazon reviews as published in 2014, 2018 and 2023: a few rows of each go in, events, reviews and products come out."""

import datetime as dt
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.events.conftest import Files

from repertoire.errors import InputError

Read = Callable[..., SimpleNamespace]

OLD_2014 = {
    "reviewerID": "A2SUAM1J3GNN3B",
    "asin": "0000013714",
    "reviewerName": "J. McDonald",
    "helpful": [2, 3],
    "reviewText": "He is having a wonderful time.",
    "overall": 5.0,
    "summary": "Heavenly Highway Hymns",
    "unixReviewTime": 1252800000,
    "reviewTime": "09 13, 2009",
}
OLD_2018 = {
    "overall": 2.0,
    "vote": "1,005",
    "verified": True,
    "reviewTime": "01 1, 2018",
    "reviewerID": "AUI6WTTT0QZYS",
    "asin": "5120053084",
    "style": {"Size:": " Large", "Color:": " Charcoal"},
    "reviewerName": "Abbey",
    "reviewText": "I now have 4\u2028of the 5.",
    "summary": "Comfy",
    "unixReviewTime": 1514764800,
}
WITHOUT_TEXT = {name: value for name, value in OLD_2018.items() if name not in ("reviewText", "vote")} | {"asin": "B1"}
NEW = {
    "rating": 4.0,
    "title": "Such a lovely scent",
    "text": "This spray is really nice.",
    "images": [],
    "asin": "B00YQ6X8EO",
    "parent_asin": "B00PARENT0",
    "user_id": "AGKHLEW2SOWHNMFQIJGBECAF7INQ",
    "timestamp": 1588687728923,
    "helpful_vote": 0,
    "verified_purchase": True,
}


def lines(*rows: dict[str, Any]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


META: Files = {
    "meta_Old.json.gz": (  # Python's way of writing, as it was published in 2014
        "{'asin': '0000013714', 'title': \"Girls' Tutu\", 'price': 3.17, 'imUrl': 'http://x', "
        "'salesRank': {'Toys': 211}, 'brand': 'Coxlures', "
        "'categories': [['Sports', 'Dance'], ['Sports', 'Clothing, Girls']], 'description': 'A tutu.'}\n"
    ),
    "meta_Newer.json.gz": lines(
        {
            "asin": "5120053084",
            "title": "Shirt",
            "brand": "Acme",
            "main_cat": "AMAZON FASHION",
            "category": ["Clothing", " Men ", "Clothing"],
            "description": ["Soft.", "Warm."],
            "price": "$1,212.99",
            "also_buy": ["B2"],
        },
        {
            "asin": "B1",
            "title": "No more is known",
            "price": "$5 - $7",
            "description": [],
            "category": [],
            "main_cat": "",
        },
    ),
    "meta_Newest.jsonl": lines(
        {
            "parent_asin": "B00PARENT0",
            "main_category": "All Beauty",
            "title": "Spray",
            "store": "Herbivore",
            "categories": ["Beauty", "Hair"],
            "description": ["For hair.", "Vegan."],
            "price": "19.99",
            "details": {"Brand": "H"},
        }
    ),
}


def product(**known: Any) -> dict[str, Any]:
    names = ("item_id", "title", "category", "creator_id", "tags", "description", "price", "released", "available")
    return {name: known.get(name) for name in names}


def test_a_folder_of_every_edition(read_all: Read) -> None:
    files = {
        "reviews_Toys_5.json.gz": lines(OLD_2014),
        "Fashion.json": lines(OLD_2018, WITHOUT_TEXT),
        "Beauty.jsonl": lines(NEW),
        **META,
    }
    found = read_all(files, events="", format="amazon_reviews")
    keys = ("user_id", "item_id", "event_type", "event_ts", "value", "session_id", "context")
    assert [tuple(row[key] for key in keys) for row in found.events] == [
        ("A2SUAM1J3GNN3B", "0000013714", "rating", dt.datetime(2009, 9, 13), 5.0, None, None),
        (NEW["user_id"], "B00PARENT0", "rating", dt.datetime(2020, 5, 5, 14, 8, 48, 923000), 4.0, None, None),
        ("AUI6WTTT0QZYS", "5120053084", "rating", dt.datetime(2018, 1, 1), 2.0, None, None),
        ("AUI6WTTT0QZYS", "B1", "rating", dt.datetime(2018, 1, 1), 2.0, None, None),
    ]
    keys = ("user_id", "item_id", "event_ts", "value", "title", "text", "language", "context")
    assert [tuple(row[key] for key in keys) for row in found.reviews] == [
        (
            *("A2SUAM1J3GNN3B", "0000013714", dt.datetime(2009, 9, 13), 5.0, "Heavenly Highway Hymns"),
            *("He is having a wonderful time.", None, {"helpful": "[2,3]"}),
        ),
        (
            *(NEW["user_id"], "B00PARENT0", dt.datetime(2020, 5, 5, 14, 8, 48, 923000), 4.0, "Such a lovely scent"),
            *("This spray is really nice.", None),
            {"asin": "B00YQ6X8EO", "helpful_vote": "0", "verified_purchase": "true"},
        ),
        (
            *(
                "AUI6WTTT0QZYS",
                "5120053084",
                dt.datetime(2018, 1, 1),
                2.0,
                "Comfy",
                "I now have 4\u2028of the 5.",
                None,
            ),
            {"verified": "true", "vote": "1,005"},
        ),
    ]
    assert [(row["rule"], row["source"].rsplit("/", 1)[1]) for row in found.rejected] == [
        ("missing_text", "Fashion.json")
    ]
    assert found.items == {
        "0000013714": product(
            item_id="0000013714",
            title="Girls' Tutu",
            creator_id="Coxlures",
            tags=["Clothing, Girls", "Dance", "Sports"],
            description="A tutu.",
            price=3.17,
        ),
        "5120053084": product(
            item_id="5120053084",
            title="Shirt",
            category="AMAZON FASHION",
            creator_id="Acme",
            tags=["Clothing", "Men"],
            description="Soft.\nWarm.",
            price=1212.99,
        ),
        "B1": product(item_id="B1", title="No more is known"),
        "B00PARENT0": product(
            item_id="B00PARENT0",
            title="Spray",
            category="All Beauty",
            creator_id="Herbivore",
            tags=["Beauty", "Hair"],
            description="For hair.\nVegan.",
            price=19.99,
        ),
    }
    assert "price could not be read as double in 1 rows and is empty there" in found.notes
    assert found.users == {}


def test_a_file_is_told_by_its_keys_where_no_format_is_named(read_all: Read) -> None:
    found = read_all({"Beauty.jsonl": lines(NEW)}, events="Beauty.jsonl", reviews="Beauty.jsonl")
    assert [(row["item_id"], row["event_type"]) for row in found.events] == [("B00PARENT0", "rating")]
    assert [row["context"]["asin"] for row in found.reviews] == ["B00YQ6X8EO"]


def test_a_row_may_be_refused_as_an_event_and_as_a_review(read_all: Read) -> None:
    found = read_all({"Beauty.jsonl": lines(NEW | {"rating": "many"})}, events="", format="amazon_reviews")
    assert [row["rule"] for row in found.rejected] == ["bad_value", "bad_value"]
    assert len({row["row_hash"] for row in found.rejected}) == 2


def test_settings_go_before_what_is_known(read_all: Read) -> None:
    found = read_all({"Beauty.jsonl": lines(NEW)}, reviews="", columns={"item_id": "asin"}, context_columns=["images"])
    (row,) = found.reviews
    assert (row["item_id"], row["context"]["images"], row["context"]["helpful_vote"]) == ("B00YQ6X8EO", "[]", "0")
    assert found.events == []


def test_reviews_alone_bring_the_products_but_no_events(read_all: Read) -> None:
    found = read_all({"Beauty.jsonl": lines(NEW), **META}, reviews="", format="amazon_reviews")
    assert (len(found.reviews), len(found.items), found.events) == (1, 4, [])


def test_a_folder_of_products_alone_is_refused(read_all: Read) -> None:
    with pytest.raises(
        InputError, match=r"holds no events or reviews of Amazon .* Allowed: any other name, .* Found: meta_"
    ):
        read_all(META, events="", format="amazon_reviews")


def test_the_ratings_of_2023_may_be_a_csv(read_all: Read) -> None:
    text = "user_id,parent_asin,rating,timestamp\nu,B0,5.0,1588687728923\n"
    (row,) = read_all({"Beauty.csv": text}, events="").events
    assert (row["item_id"], row["value"], row["event_type"]) == ("B0", 5.0, "rating")


@pytest.mark.parametrize(
    "price, expected",
    [("$12.99", 12.99), ("12", 12.0), ("$1,000", 1000.0), ("from 9", None), ("None", None), ("$1.2.3", None)],
)
def test_prices(read_all: Read, price: str, expected: float | None) -> None:
    row = {"parent_asin": "B", "main_category": "x", "title": "t", "price": price}
    files = {"Beauty.jsonl": lines(NEW), "meta_Beauty.jsonl": lines(row)}
    assert read_all(files, reviews="", format="amazon_reviews").items["B"]["price"] == expected
