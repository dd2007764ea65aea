"""The type of events that name none, told from the values that they carry."""

from repertoire.vocabulary import INTERACTION, PLAY, RATING


def decide_event_type(rows: int, greatest: float | None, on_scale: bool | None) -> tuple[str, str]:
    """The type of the untyped events of a batch, and why.

    rows: how many there are. greatest: their greatest value, None where none has a value. on_scale: whether every value
    is a multiple of 0.5 between 0 and 10, as ratings in stars or points are.
    """
    if not greatest:
        return INTERACTION, f"{rows:,} events name no type and carry no value: taken as {INTERACTION}"
    if on_scale and greatest >= 3:
        return (
            RATING,
            f"{rows:,} events name no type; their values look like ratings up to {greatest:g}: taken as {RATING}",
        )
    return PLAY, f"{rows:,} events name no type; their values, up to {greatest:g}, look like amounts: taken as {PLAY}"
