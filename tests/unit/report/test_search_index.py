"""What the search holds, in how many bytes."""

import json

from tests.report_values import person

from repertoire.report.contents import Person
from repertoire.report.search_index import embedded, search_index


def test_items_and_reasons_stand_once_and_are_named_by_number() -> None:
    held = json.loads(search_index([person("ann"), person("bob", tier=1)], 10_000).json)
    assert held["tiers"] == ["personalised", "popular in their segment", "popular"]
    assert held["items"] == [
        ["film-1", "Kind of Blue"],
        ["film-9", ""],
        ["film-2", "Blue Train"],
        ["film-3", "Giant Steps"],
    ]
    assert held["reasons"] == ["because of Kind of Blue", "popular"]
    assert held["users"] == [
        ["ann", 12, [0, 1], [2, 0, 0, 3, 1, 2]],
        ["bob", 12, [0, 1], [2, 0, 1, 3, 1, 2]],
    ]


def test_it_holds_as_many_people_as_fit() -> None:
    people = [person(f"user-{n}", item=f"item-{n}", title=f'"{n}" <é> 🎬') for n in range(200)]
    everybody = search_index(people, 100_000)
    assert everybody.people == 200
    for most in (0, 300, 1_000, 5_000, 12_345):
        some = search_index(people, most)
        held = json.loads(some.json)
        assert len(some.json.encode()) <= max(most, 300)
        assert some.people == len(held["users"]) < 200
        assert [user[0] for user in held["users"]] == [f"user-{n}" for n in range(some.people)]
        if held["users"]:
            named = {number for user in held["users"] for number in (*user[2], *user[3][::3])}
            assert named == set(range(len(held["items"]))), "nothing is held that nobody's list names"
    assert search_index(people, 5_000).people > 10


def test_long_names_are_cut() -> None:
    long = Person("u" * 5_000, {}, 0, (), person(item="i" * 5_000, title="t" * 5_000).places)
    held = json.loads(search_index([long], 10_000).json)
    assert len(held["users"][0][0]) == 200
    assert [len(text) for text in held["items"][0]] == [200, 120]


def test_embedded_json_cannot_end_its_element() -> None:
    text = "</script><!--&\u2028\u2029"
    assert not set("<>&\u2028\u2029") & set(embedded([text]))
    assert json.loads(embedded([text])) == [text]
