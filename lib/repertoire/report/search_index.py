"""The people that the page can search, as JSON that a page may hold, in no more bytes than it is given."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from repertoire.report.contents import Person
from repertoire.report.wording import short, visible
from repertoire.vocabulary import TIER_WORDS

LONGEST_ID, LONGEST_TITLE = 200, 120

# What could end the script element or the string in it, or be taken for markup.
_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


@dataclass(frozen=True)
class SearchIndex:
    """json: tiers, items [id, title], reasons, users [id, works, [item …], [item, reason, tier, …]], where items and
    reasons are named by their number. people: how many of the given ones it holds, from the first on."""

    json: Markup
    people: int


def search_index(people: Sequence[Person], most_bytes: int) -> SearchIndex:
    """As many people as fit, in the given order."""
    items = _Numbered()
    reasons = _Numbered()
    users: list[Any] = []
    used = 200
    for person in people:
        mark = (len(items.values), len(reasons.values))
        history = [items.number(_item(work.item_id, work.title)) for work in person.history]
        places = [
            number
            for place in person.places
            for number in (
                items.number(_item(place.item_id, place.title)),
                reasons.number(visible(short(place.reason, LONGEST_TITLE))),
                place.tier,
            )
        ]
        user = [visible(short(person.user_id, LONGEST_ID)), person.works, history, places]
        added = [user, *items.values[mark[0] :], *reasons.values[mark[1] :]]
        used += sum(_bytes(one) for one in added)
        if used > most_bytes:
            items.forget_from(mark[0])
            reasons.forget_from(mark[1])
            break
        users.append(user)
    held = {"tiers": TIER_WORDS, "items": items.values, "reasons": reasons.values, "users": users}
    return SearchIndex(embedded(held), len(users))


def embedded(value: Any) -> Markup:
    """JSON that may stand in a script element: no text in it can end the element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for bad, escape in _ESCAPES.items():
        text = text.replace(bad, escape)
    return Markup(text)


def _item(item_id: str, title: str | None) -> tuple[str, str]:
    return (visible(short(item_id, LONGEST_ID)), visible(short(title, LONGEST_TITLE)))


def _bytes(value: Any) -> int:
    return len(embedded(value).encode()) + 1


class _Numbered:
    """Values by number, each once."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._numbers: dict[Any, int] = {}

    def number(self, value: Any) -> int:
        if value not in self._numbers:
            self._numbers[value] = len(self.values)
            self.values.append(value)
        return self._numbers[value]

    def forget_from(self, number: int) -> None:
        for value in self.values[number:]:
            del self._numbers[value]
        del self.values[number:]
