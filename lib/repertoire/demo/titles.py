"""Readable titles, names and one-sentence descriptions, made from word lists and patterns."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from repertoire.demo.strands import Strand, words

_FIRST_NAMES = words(
    "Mira, Anton, Ines, Tobias, Leila, Kwame, Sofia, Henrik, Yuki, Paolo, Nadia, Emeka, Clara, Rafael, Ingrid, "
    "Davit, Amara, Jonas, Priya, Lucien, Hana, Mateo, Freya, Omar, Beatriz, Stellan, Noor, Viktor, Aisling, "
    "Kenji, Greta, Samir, Odile, Teodor, Zola, Marek, Elif, Gwen, Ravi, Solveig"
)
_LAST_NAMES = words(
    "Okafor, Lindqvist, Moretti, Haddad, Tanaka, Varga, Delacroix, Novak, Quill, Abara, Castellan, Brandt, "
    "Ferreira, Iwata, Kowalska, Sorensen, Petrov, Mbeki, Ashworth, Calloway, Duarte, Eriksen, Farouk, Galanis, "
    "Hollis, Ivanova, Jansen, Keller, Laurent, Mendez, Nakamura, Oduya, Pereira, Ramaswamy, Santoro, Thorne, "
    "Ueda, Valdes, Whitlock, Yilmaz, Zielinski, Bellweather, Marchetti, Rowe"
)
_COUNTS = ("Two", "Three", "Four", "Five", "Seven", "Nine", "Eleven", "Twelve", "Forty", "A Hundred")
_SEASONS = ("Winter", "Spring", "Summer", "Autumn", "Midnight", "Morning", "Sunday", "November", "April", "Harvest")

_TITLES = {
    "film": (
        "The {Adjective} {Noun}",
        "The {Noun} of {Place}",
        "The Last {Noun}",
        "{First}'s {Noun}",
        "Before the {Noun}",
        "{Count} {Nouns}",
        "The {Noun} and the {Other}",
        "Return to {Place}",
        "What the {Noun} Knew",
        "Nobody Leaves {Place}",
        "{Season} in {Place}",
        "{Adjective} {Nouns}",
        "A {Noun} for {First}",
        "After {Place}",
    ),
    "album": (
        "{Adjective} {Nouns}",
        "{Nouns} & {Others}",
        "Songs for the {Adjective} {Noun}",
        "{Noun} Season",
        "Live from {Place}",
        "Music for {Nouns}",
        "{Season} {Nouns}",
        "{Adjective} Hours",
        "Dear {First}",
        "{Noun}, {Other}",
        "Every {Noun} in {Place}",
        "{Count} {Adjective} {Nouns}",
        "The {Noun} Tapes",
        "Goodnight, {Place}",
    ),
    "game": (
        "{Place}: The {Adjective} {Noun}",
        "Legends of {Place}",
        "{Noun} Protocol",
        "{Nouns} of {Place}",
        "Escape from {Place}",
        "{Noun} & {Other}",
        "{Season} of the {Noun}",
        "Project {Noun}",
        "{Adjective} {Noun}",
        "{First} and the {Adjective} {Noun}",
        "{Count} {Nouns} Left",
        "Rise of the {Noun}",
        "Build Me a {Noun}",
        "{Noun} Rush",
    ),
    "book": (
        "The {Adjective} {Noun}",
        "The {Noun} of {Place}",
        "Letters from {Place}",
        "The Year of the {Noun}",
        "All the {Adjective} {Nouns}",
        "A Short History of {Nouns}",
        "{Count} {Nouns} and a {Other}",
        "An Atlas of {Adjective} {Nouns}",
        "{First} and the {Nouns}",
        "The {Noun} Keeper's {Other}",
        "On {Nouns}",
        "How to Draw a {Noun}",
        "{Season} at {Place}",
        "The Last Train to {Place}",
    ),
}

_DESCRIPTIONS = {
    "film": (
        "Directed by {creator}, the story of {figure} who {deed}.",
        "{creator} films {theme} and {other_theme} through the eyes of {figure} who {deed}.",
        "In this tale of {theme} by {creator}, {figure} {deed}.",
    ),
    "album": (
        "{Count} pieces of {genre} by {creator}, about {theme} and {other_theme}.",
        "{creator} turns to {theme} on a record of {genre} made in {place}.",
        "Recorded in {place}: {creator} plays {genre} with {theme} in mind.",
    ),
    "game": (
        "You are {figure} who {deed}, in a game of {theme} and {other_theme} by {creator}.",
        "{creator} invites you to {place}, where {figure} {deed}.",
    ),
    "book": (
        "{creator} writes of {figure} who {deed}, a book of {theme} and {other_theme}.",
        "On {theme} and {other_theme}: in {place}, {figure} {deed}.",
        "{creator} takes the reader to {place}, where {figure} {deed}.",
    ),
}

_BANDS = ("The {Adjective} {Nouns}", "{Noun} Parade", "{Nouns} in {Season}", "{Last} Quartet", "{First} & the {Nouns}")
_STUDIOS = ("{Adjective} {Noun} Games", "{Noun} Works", "{Noun} & {Other} Interactive", "{Last} Forge")
_PERSON = ("{First} {Last}",)
_CREATORS = {"film": _PERSON, "album": _PERSON + _BANDS, "game": _STUDIOS, "book": _PERSON}

_MINOR_WORDS = frozenset(("the", "of", "a", "an", "and", "with"))
_VOWELS = "AEIOUaeiou"
_DRAWS_BEFORE_NUMERAL = 20


def title(category: str, strand: Strand, rng: np.random.Generator) -> str:
    """A title such as "The Silent Orbit"; two draws may agree, see `unique`."""
    return _fill(_pick(_TITLES[category], rng), strand, rng)


def creator_name(category: str, strand: Strand, rng: np.random.Generator) -> str:
    """The name of a director, musician or band, game studio or author; two draws may agree, see `unique`."""
    return _fill(_pick(_CREATORS[category], rng), strand, rng)


def description(category: str, strand: Strand, creator: str, genre: str, rng: np.random.Generator) -> str:
    """One sentence about a work in the given strand."""
    themes = rng.choice(len(strand.themes), size=2, replace=False)
    return _pick(_DESCRIPTIONS[category], rng).format(
        creator=creator,
        place=_pick(strand.places, rng),
        genre=genre,
        figure=_pick(strand.figures, rng),
        deed=_pick(strand.deeds, rng),
        theme=strand.themes[themes[0]],
        other_theme=strand.themes[themes[1]],
        Count=_pick(_COUNTS[3:8], rng),
    )


def unique(draw: Callable[[], str], taken: set[str]) -> str:
    """A value of `draw` that `taken` lacks, added to `taken`; after a number of vain draws, a sequel ("… III")."""
    for _ in range(_DRAWS_BEFORE_NUMERAL):
        drawn = draw()
        if drawn not in taken:
            taken.add(drawn)
            return drawn
    part = 2
    while (sequel := f"{drawn} {_roman(part)}") in taken:
        part += 1
    taken.add(sequel)
    return sequel


def plural(noun: str) -> str:
    """The regular English plural: comets, boxes, alleys, colonies, wolves."""
    if noun.endswith(("s", "x", "ch", "sh")):
        return noun + "es"
    if noun.endswith("y") and noun[-2] not in _VOWELS:
        return noun[:-1] + "ies"
    if noun.endswith("lf"):
        return noun[:-1] + "ves"
    return noun + "s"


def _fill(pattern: str, strand: Strand, rng: np.random.Generator) -> str:
    noun, other = (strand.nouns[i] for i in rng.choice(len(strand.nouns), size=2, replace=False))
    text = pattern.format(
        Adjective=_capital(_pick(strand.adjectives, rng)),
        Noun=_capital(noun),
        Nouns=_capital(plural(noun)),
        Other=_capital(other),
        Others=_capital(plural(other)),
        Place=_pick(strand.places, rng),
        First=_pick(_FIRST_NAMES, rng),
        Last=_pick(_LAST_NAMES, rng),
        Count=_pick(_COUNTS, rng),
        Season=_pick(_SEASONS, rng),
    )
    return _agree(text)


def _agree(text: str) -> str:
    """Sets "a" or "an" by the next letter, and a capital at the start of the text and after a colon."""
    parts = text.split(" ")
    for i, part in enumerate(parts[:-1]):
        if part in ("a", "A") and parts[i + 1][0] in _VOWELS:
            parts[i] = part + "n"
    for i, part in enumerate(parts):
        if part in _MINOR_WORDS and (i == 0 or parts[i - 1].endswith(":")):
            parts[i] = part.capitalize()
    return " ".join(parts)


def _capital(word: str) -> str:
    return word[0].upper() + word[1:]


def _pick(choices: tuple[str, ...], rng: np.random.Generator) -> str:
    return choices[int(rng.integers(len(choices)))]


def _roman(number: int) -> str:
    text = ""
    for value, letters in ((50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")):
        text += letters * (number // value)
        number %= value
    return text
