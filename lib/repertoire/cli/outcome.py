"""How a command ends: messages for people, exit codes for machines."""

import contextlib
import sys
import traceback
from collections.abc import Iterator
from typing import TYPE_CHECKING

from repertoire.errors import RepertoireError

if TYPE_CHECKING:  # commands that run nothing should not pay for its import
    from repertoire.pipeline.json_progress import JsonProgress


@contextlib.contextmanager
def explained(*, debug: bool, log: "JsonProgress | None" = None) -> Iterator[None]:
    """Turns what is raised inside into a message on stderr and an exit code: 0 done, 1 failed, 2 wrong input or
    settings, 3 refused by the gate or a lease.

    With `debug` the traceback is shown as well; that of a failure which Repertoire does not know also where stderr is no
    terminal. With a `log` the message is its last line, which it also has where nothing is raised.
    """
    try:
        yield
    except RepertoireError as error:
        if log:
            log.ended(error.exit_code, error)
        if debug:
            raise
        if not log:
            print(f"repertoire: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt as error:
        if log:
            log.ended(1, error)
        else:
            print(
                "repertoire: interrupted; nothing half-written stays. Start again to go on from here.", file=sys.stderr
            )
        sys.exit(1)
    except Exception as error:
        if log:
            log.ended(1, error)
        if debug:
            raise
        if not log:
            print(f"repertoire: failed: {type(error).__name__}: {_reason(error)}", file=sys.stderr)
            if sys.stderr.isatty():
                print("This is not a mistake of yours that Repertoire knows. --debug shows where.", file=sys.stderr)
            else:  # nobody who could type the command again is there to see it
                traceback.print_exc()
        sys.exit(1)
    if log:
        log.ended(0)


def _reason(error: Exception) -> str:
    """The first line of what went wrong; of a failure in Java its own words and those of what was at its root."""
    lines = str(error).strip().splitlines() or [""]
    causes = [line.partition(":")[2].strip() for line in lines if line.startswith((": ", "Caused by: "))]
    return " <- ".join(dict.fromkeys([causes[0], causes[-1]])) if causes else lines[0]
