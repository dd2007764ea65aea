"""Click logs by name: Open Bandit and Criteo, by small copies of their layouts and by the published files."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.unit.events.conftest import RUN_DATE, Files

from repertoire.errors import InputError

PUBLISHED = Path(__file__).resolve().parents[4] / "shared" / "data"

Read = Callable[..., SimpleNamespace]

BANDIT_HEADER = (
    ",timestamp,item_id,position,click,propensity_score,user_feature_0,user_feature_1,"
    "user-item_affinity_0,user-item_affinity_1\n"
)
ITEM_HEADER = ",item_id,item_feature_0,item_feature_1,item_feature_2,item_feature_3\n"


def row(second: int, item: int, click: int, propensity: str) -> str:
    return f"0,2019-11-24 00:00:{second:02}.979311+00:00,{item},2,{click},{propensity},cef3,2d03,0.0,1.0\n"


BANDIT: Files = {
    "bts/men/men.csv": BANDIT_HEADER + row(1, 0, 1, "0.045525"),
    "bts/men/item_context.csv": ITEM_HEADER + "0,0,-0.677,c82d,088a,8ea6\n",
    "random/women/women.csv.gz": BANDIT_HEADER + row(2, 0, 0, "0.021739130434782608"),
    "random/women/item_context.csv.gz": ITEM_HEADER + "0,0,-0.1,ffff,088a,\n",
    "random_all.csv": BANDIT_HEADER + row(3, 79, 0, "0.0125"),
    "random_all_item_context.csv": ITEM_HEADER + "0,79,1.5,c82d,088a,8ea6\n",
}


def impression(**known: object) -> dict[str, object]:
    names = ("user_id", "item_id", "event_ts", "position", "policy", "propensity", "reward", "session_id", "context")
    return {name: known.get(name) for name in names}


def shown(found: SimpleNamespace) -> list[dict[str, object]]:
    names = impression()
    return [{name: row[name] for name in names} for row in found.impressions]


@pytest.mark.quick
def test_open_bandit_in_its_folders_and_side_by_side(read_all: Read) -> None:
    found = read_all(BANDIT, impressions="", format="open_bandit")
    features = {"user_feature_0": "cef3", "user_feature_1": "2d03"}
    start = dt.datetime(2019, 11, 24, 0, 0, 0, 979311)
    assert shown(found) == [
        impression(
            item_id="all-79",
            event_ts=start.replace(second=3),
            position=2,
            policy="random",
            propensity=0.0125,
            reward=0.0,
            context=features,
        ),
        impression(
            item_id="men-0",
            event_ts=start.replace(second=1),
            position=2,
            policy="bts",
            propensity=0.045525,
            reward=1.0,
            context=features,
        ),
        impression(
            item_id="women-0",
            event_ts=start.replace(second=2),
            position=2,
            policy="random",
            propensity=0.021739130434782608,
            reward=0.0,
            context=features,
        ),
    ]
    tags = {item: row["tags"] for item, row in found.items.items()}
    assert tags == {
        "men-0": ["item_feature_1=c82d", "item_feature_2=088a", "item_feature_3=8ea6"],
        "women-0": ["item_feature_1=ffff", "item_feature_2=088a"],
        "all-79": ["item_feature_1=c82d", "item_feature_2=088a", "item_feature_3=8ea6"],
    }
    assert {name for row in found.items.values() for name, value in row.items() if value} == {"item_id", "tags"}
    assert (found.events, found.rejected, found.counts) == ([], [], [(1, 1, 0, 0)] * 3)


def test_open_bandit_is_told_by_its_files_and_settings_add_to_the_context(read_all: Read) -> None:
    log = BANDIT_HEADER + row(1, 0, 1, "0.5")
    found = read_all({"bts_men.csv": log}, impressions="", context_columns=["user-item_affinity_1"])
    ((policy, item, context),) = [(row["policy"], row["item_id"], row["context"]) for row in found.impressions]
    assert (policy, item) == ("bts", "men-0")
    assert context == {"user-item_affinity_1": "1.0", "user_feature_0": "cef3", "user_feature_1": "2d03"}


def test_a_folder_named_by_events_gives_impressions_too(read_all: Read) -> None:
    assert len(read_all(BANDIT, events="", format="open_bandit").impressions) == 3


def test_a_log_of_ones_own_may_lie_beside_a_public_one(read_all: Read) -> None:
    files: Files = {"own.csv": "user_id,item_id\nu,i\n", "own_reviews.csv": "text\nfine\n"}
    files |= {f"bandit/{name}": text for name, text in BANDIT.items()}
    found = read_all(files, events="own.csv", reviews="own_reviews.csv", impressions="bandit", format="open_bandit")
    assert (len(found.events), len(found.reviews), len(found.impressions), len(found.items)) == (1, 1, 3, 3)


def test_a_folder_without_click_logs_is_refused(read_all: Read) -> None:
    with pytest.raises(
        InputError,
        match=r"ingest.impressions: .* holds no impressions of Open Bandit.*Allowed: men.csv, .*Found: log.csv",
    ):
        read_all({"log.csv": "item_id,click\n1,0\n"}, impressions="", format="open_bandit")


INTEGERS = {f"i{n}": str(n) for n in range(1, 14)}
CATEGORIES = {f"c{n}": f"68fd1e{n:02}" for n in range(1, 27)}


def test_criteo_with_tabs_and_hexadecimal_categories(read_all: Read) -> None:
    features = INTEGERS | CATEGORIES
    gaps = features | {"i2": "", "c26": ""}
    log = "".join(f"{label}\t" + "\t".join(row.values()) + "\n" for label, row in ((0, features), (1, gaps), (1, gaps)))
    found = read_all({"train.txt": log}, impressions="", format="criteo")
    filled = {name: value for name, value in gaps.items() if value}
    assert sorted(shown(found), key=lambda row: str(row["reward"])) == [
        impression(reward=0.0, context=features),
        impression(reward=1.0, context=filled),
        impression(reward=1.0, context=filled),
    ]
    assert {row["event_date"] for row in found.impressions} == {RUN_DATE}
    assert len({row["impression_id"] for row in found.impressions}) == 3


def test_criteo_with_commas_and_a_row_without_a_label(read_all: Read) -> None:
    features = ",".join([*INTEGERS.values(), *CATEGORIES.values()])
    found = read_all({"tiny.csv": f"1,{features}\n,{features}\n1,2\n"}, impressions="", format="criteo")
    assert shown(found) == [impression(reward=1.0, context=INTEGERS | CATEGORIES)]
    assert sorted(row["rule"] for row in found.rejected) == ["malformed_row", "missing_reward"]


def test_criteo_without_labels_is_refused(read_all: Read) -> None:
    with pytest.raises(
        InputError, match=r"its first line has 39 fields, and criteo as it was published has 40: label, i1"
    ):
        read_all({"test.txt": "\t".join([*INTEGERS.values(), *CATEGORIES.values()])}, impressions="", format="criteo")


def test_criteo_is_never_guessed(read_all: Read) -> None:
    with pytest.raises(InputError, match="its name does not say what format it has"):
        read_all({"train.txt": "\t".join(["1", *INTEGERS.values(), *CATEGORIES.values()])}, impressions="")


def test_the_published_open_bandit(read_all: Read) -> None:
    folder = PUBLISHED / "open-bandit-small"
    if not folder.exists():
        pytest.skip(f"{folder} is not there")
    found = read_all(folder, impressions="", format="open_bandit")
    assert found.counts == [(10_000, 10_000, 0, 0)] * 4
    clicks = {
        (policy, campaign): sum(
            row["reward"]
            for row in found.impressions
            if (row["policy"], row["item_id"].split("-")[0]) == (policy, campaign)
        )
        for policy in ("bts", "random")
        for campaign in ("men", "women")
    }
    assert clicks == {("bts", "men"): 69, ("bts", "women"): 46, ("random", "men"): 46, ("random", "women"): 46}
    assert len(found.items) == 34 + 46
    assert {row["item_id"] for row in found.impressions} == found.items.keys()


def test_the_published_criteo(read_all: Read) -> None:
    folder = PUBLISHED / "criteo-tiny"
    if not folder.exists():
        pytest.skip(f"{folder} is not there")
    found = read_all(folder / "tiny_train_input.csv.gz", impressions="", format="criteo")
    assert found.counts == [(10_000, 10_000, 0, 0)]
    assert sum(row["reward"] for row in found.impressions) == 2_563
    assert all(len(row["context"]) == 39 for row in found.impressions)
