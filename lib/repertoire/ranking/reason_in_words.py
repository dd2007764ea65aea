"""What a place's reason says to a person."""

from collections.abc import Mapping


def reason_in_words(reason: str, titles: Mapping[str, str]) -> str:
    """The code as words, with the title where there is one.

    >>> reason_in_words("because_of:42", {"42": "Blue Train"})
    'because of Blue Train'
    """
    kind, _, what = reason.partition(":")
    if kind == "because_of":
        return f"because of {titles.get(what, what)}"
    if kind == "popular_in":
        return f"popular in {what}"
    return reason
