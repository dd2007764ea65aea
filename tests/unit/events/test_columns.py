import pytest

from repertoire.errors import InputError
from repertoire.events.columns import map_columns
from repertoire.events.event_kind import EVENT_KIND


def names(found: list[str], chosen: dict[str, str] | None = None) -> dict[str, str]:
    return dict(map_columns(found, EVENT_KIND.fields, chosen or {}, "log.csv").names)


def test_our_own_names_are_taken_and_not_spoken_of() -> None:
    mapped = map_columns(["user_id", "item_id", "value", "colour"], EVENT_KIND.fields, {}, "log.csv")
    assert mapped.names == {"user_id": "user_id", "item_id": "item_id", "value": "value"}
    assert mapped.notes == ()


def test_well_known_names_are_taken_and_said() -> None:
    mapped = map_columns(["userId", "movieId", "rating", "timestamp"], EVENT_KIND.fields, {}, "log.csv")
    assert mapped.names == {"user_id": "userId", "item_id": "movieId", "event_ts": "timestamp", "value": "rating"}
    assert "movieId is read as item_id" in mapped.notes


@pytest.mark.parametrize(
    "found, expected",
    [
        (["uid", "sid", "behaviour"], {"user_id": "uid", "item_id": "sid", "event_type": "behaviour"}),
        (["userID", "artistID", "weight"], {"user_id": "userID", "item_id": "artistID", "value": "weight"}),
        (
            ["event_time", "event_type", "product_id", "price", "user_id", "user_session"],
            {"user_id": "user_id", "item_id": "product_id", "event_type": "event_type", "event_ts": "event_time"}
            | {"session_id": "user_session"},
        ),
        (
            ["timestamp", "visitorid", "event", "itemid", "transactionid"],
            {"user_id": "visitorid", "item_id": "itemid", "event_type": "event", "event_ts": "timestamp"},
        ),
        (["user-id", "game-title", "value", ""], {"user_id": "user-id", "item_id": "game-title", "value": "value"}),
        (
            ["reviewerID", "asin", "overall", "unixReviewTime"],
            {"user_id": "reviewerID", "item_id": "asin", "event_ts": "unixReviewTime", "value": "overall"},
        ),
    ],
)
def test_public_logs_need_no_settings(found: list[str], expected: dict[str, str]) -> None:
    assert names(found) == expected


def test_settings_come_first() -> None:
    assert names(["user_id", "item_id", "buyer"], {"user_id": "buyer"}) == {"user_id": "buyer", "item_id": "item_id"}


def test_our_name_beats_another_one_for_the_same() -> None:
    assert names(["user_id", "item_id", "uid", "USER_ID"])["user_id"] == "user_id"
    assert names(["uid", "User_Id", "item_id"])["user_id"] == "User_Id"


def test_a_column_is_not_taken_twice() -> None:
    assert names(["user", "sid"], {"item_id": "sid"}) == {"user_id": "user", "item_id": "sid"}
    with pytest.raises(InputError, match="no column item_id"):
        names(["user", "sid"], {"session_id": "sid"})


def test_two_names_for_a_needed_column_are_asked_about() -> None:
    with pytest.raises(InputError) as error:
        names(["user_id", "movieId", "product"])
    assert str(error.value) == (
        "log.csv: movieId and product could each be item_id. Say which one it is: --set ingest.columns.item_id=movieId"
    )


def test_two_names_for_another_column_are_left_and_said() -> None:
    mapped = map_columns(["user_id", "item_id", "rating", "amount"], EVENT_KIND.fields, {}, "log.csv")
    assert "value" not in mapped.names
    assert mapped.notes == ("rating and amount could each be value, so none is: ingest.columns.value says which",)


def test_a_missing_column_is_named_with_those_found_and_the_way_out() -> None:
    with pytest.raises(InputError) as error:
        names(["who", "item_id"])
    assert str(error.value) == (
        "log.csv has no column user_id. Its columns: who, item_id. "
        "Say which one it is: --set ingest.columns.user_id=COLUMN"
    )


@pytest.mark.parametrize(
    "header, hint",
    [
        (["user_id;item_id;value"], "--set 'ingest.delimiter=;'"),
        (["user_id|item_id"], "--set 'ingest.delimiter=|'"),
        (["user_id\titem_id"], "--set ingest.format=tsv"),
        (["196", "242", "3", "881250949"], "the first line must name the columns"),
    ],
)
def test_the_message_guesses_at_a_wrong_delimiter_or_a_missing_header(header: list[str], hint: str) -> None:
    with pytest.raises(InputError) as error:
        names(header)
    assert hint in str(error.value)


def test_a_chosen_column_that_is_not_there_is_an_error_only_where_it_is_needed() -> None:
    assert names(["user_id", "item_id", "value"], {"value": "price"}) == {"user_id": "user_id", "item_id": "item_id"}
    with pytest.raises(InputError, match='log.csv has no column "buyer", which ingest.columns.user_id names'):
        names(["user_id", "item_id"], {"user_id": "buyer"})
