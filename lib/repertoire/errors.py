"""What can go wrong, and the exit code that says so.

A message says what is wrong, where, the value received, what is allowed and what to do. The command prints the message
alone; `--debug` adds the traceback.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class RepertoireError(Exception):
    """Any failure that Repertoire explains. `exit_code` is what the command ends with.

    in_logs: the message without what it quotes of rows and of people, for logs that are kept and passed on; it is the
    message itself where that quotes nothing of the kind.
    """

    exit_code = 1

    def __init__(self, message: str, *, in_logs: str | None = None) -> None:
        super().__init__(message)
        self.in_logs = message if in_logs is None else in_logs


class InputError(RepertoireError):
    """The input is wrong; nothing was written."""

    exit_code = 2


class SettingsError(RepertoireError):
    """The settings or the arguments are wrong; nothing was started."""

    exit_code = 2


class RefusedError(RepertoireError):
    """The gate or another run's lease said no; nothing was published."""

    exit_code = 3


class GateRefusedError(RefusedError):
    """What was computed is not good enough to be published."""


class LeaseHeldError(RefusedError):
    """Another run works on the same date of the same warehouse."""


class LeaseLostError(RefusedError):
    """This run's lease expired and another run took over."""


class TableError(RepertoireError):
    """A table in the warehouse does not keep its declaration, or is missing."""


class TableVersionError(TableError):
    """A table was made by a version of Repertoire that this one cannot work with as it is; nothing was written."""

    exit_code = 2


def unknown_name(what: str, name: str, known: Iterable[str]) -> str:
    """A message that refuses `name` and names the nearest known one.

    >>> unknown_name("model", "alz", ["als", "popular"])
    'unknown model "alz"; did you mean "als"? Known: als, popular'
    """
    known = sorted(known)
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f'; did you mean "{near[0]}"?' if near else "."
    return f'unknown {what} "{name}"{hint} Known: {", ".join(known)}'
