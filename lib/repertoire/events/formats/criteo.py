"""Criteo's click logs of display advertising: a label, 13 integers and 26 categories on each line, no names above them."""

from repertoire.events.formats.known_file import KnownFile, PublicFormat
from repertoire.vocabulary import REWARD

_INTEGERS = tuple(f"i{n}" for n in range(1, 14))
_CATEGORIES = tuple(f"c{n}" for n in range(1, 27))

FORMAT = PublicFormat(
    "criteo",
    "Criteo display advertising: clicks on ads",
    "Criteo Display Advertising Challenge (2014) and Criteo 1TB Click Logs; also copies with commas",
    (
        KnownFile(
            "impressions",
            columns=("label", *_INTEGERS, *_CATEGORIES),
            delimiter=",",
            other_delimiter="\t",
            quote="",
            mapped={REWARD: "label"},
            kept=(*_INTEGERS, *_CATEGORIES),
        ),
    ),
    notes=(
        "Never guessed: ingest.format=criteo says so. Tabs or commas, as the first line has them. The features go into the "
        "context; the log names no user, no work and no time, so each run takes a file's rows as of its own date. The part "
        "of the challenge without labels is not a log."
    ),
)
